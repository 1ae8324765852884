"""What a simulated probe saw, as the checks and attempts of the live monitor."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Check
from monitor.domain.settings import ProbeSettings
from monitor.domain.words import Fact, FactValue, Layer, Outcome, Phase, Reason
from monitor.replay.scenario import Scenario, Target
from monitor.replay.simulation import Seen

_PHASE = {
    Layer.DNS: Phase.RESOLVE,
    Layer.ROUTE: Phase.CONNECT,
    Layer.TCP: Phase.CONNECT,
    Layer.TLS: Phase.TLS,
    Layer.HTTP: Phase.RESPONSE,
    Layer.HANDSHAKE: Phase.HANDSHAKE,
    Layer.LOGIN: Phase.RESPONSE,
    Layer.SEND: Phase.SEND,
    Layer.DELIVER: Phase.DELIVER,
}
_REASONS = {
    "dns_nxdomain": (Reason.NXDOMAIN, "the name does not exist"),
    "dns_servfail": (Reason.SERVFAIL, "the resolver answered SERVFAIL"),
    "dns_timeout": (Reason.TIMEOUT, "no answer from the resolver"),
    "dns_poisoned": (Reason.ANSWER, "an address that is not the service's"),
    "route_blackhole": (Reason.TIMEOUT, "no answer to the connection attempt"),
    "packet_loss": (Reason.TIMEOUT, "no answer to the connection attempt"),
    "tcp_refused": (Reason.REFUSED, "connection refused"),
    "tcp_reset": (Reason.RESET, "connection reset"),
    "tls_bad_cert": (Reason.CERT_UNTRUSTED, "the certificate's issuer is not trusted"),
    "tls_expired": (Reason.CERT_EXPIRED, "the certificate has expired"),
    "http_redirect": (Reason.REDIRECTS, "redirected to another page"),
    "app_handshake_timeout": (Reason.TIMEOUT, "connected, and no answer to the handshake"),
    "login_rejected": (Reason.REJECTED, "the credentials were refused"),
    "send_rejected": (Reason.REJECTED, "the message was refused"),
    "accepted_not_delivered": (Reason.TIMEOUT, "accepted, and never delivered"),
    "late": (Reason.LATE, "delivered after the deadline"),
    "timeout": (Reason.TIMEOUT, "no answer in time"),
}
_TOO_MANY_REQUESTS = 429
_DENIED = frozenset({400, 401, 403})
_NO_FACTS: Mapping[Fact, FactValue] = MappingProxyType({})


def check_of(scenario: Scenario, target: Target) -> Check:
    """The check that asks a target. A control is a witness, each in a network of its own."""
    return Check(
        service="witness" if target.control else target.service,
        component="vantage" if target.control else target.component,
        target=target.component if target.control else "simulated",
        kind=target.kind,
        settings=ProbeSettings(),
        provider=f"none-{target.component}" if target.control else target.provider,
        foreign=True,
        interval=float(scenario.pace.interval),
        timeout=scenario.pace.timeout,
    )


def attempt_of(check: Check, started: float, seen: Seen) -> Attempt:
    """The attempt of ``check`` that began at ``started`` (Unix time) and met this."""
    if seen.layer is None:
        return Attempt(
            check_id=check.id,
            started=started,
            duration=seen.latency,
            outcome=Outcome.OK,
            phases={Phase.RESPONSE: seen.latency},
            facts=_NO_FACTS,
            failure=None,
        )
    outcome, failure, facts = _booked(seen.layer, seen.error)
    return Attempt(
        check_id=check.id,
        started=started,
        duration=seen.latency,
        outcome=outcome,
        phases={_PHASE[seen.layer]: seen.latency},
        facts=facts,
        failure=failure,
    )


@cache
def _booked(layer: Layer, error: str) -> tuple[Outcome, Failure, Mapping[Fact, FactValue]]:
    """A failure as the live runner books it: being asked to come back later says nothing about the service."""
    code = int(error[5:]) if error.startswith("http_") and error[5:].isdigit() else None
    if code is None:
        reason, message = _REASONS[error]
        return Outcome.FAILED, Failure(layer=layer, reason=reason, message=message), _NO_FACTS
    facts = MappingProxyType({Fact.HTTP_STATUS: code})
    if code == _TOO_MANY_REQUESTS:
        failure = Failure(layer=None, reason=Reason.RATE_LIMITED, message="asked to come back later")
        return Outcome.INCONCLUSIVE, failure, facts
    reason = Reason.DENIED if code in _DENIED else Reason.STATUS
    return Outcome.FAILED, Failure(layer=layer, reason=reason, message=f"status {code}"), facts
