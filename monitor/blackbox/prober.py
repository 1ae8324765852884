"""One probe for /probe: translated, asked once, judged by blackbox_exporter's rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pydantic import ValidationError

from monitor.asking import ask
from monitor.blackbox.allow import Allowance, Place
from monitor.blackbox.metrics import Probed
from monitor.blackbox.modules import DnsOptions, HttpOptions, Module
from monitor.blackbox.translate import Question, translate
from monitor.blackbox.verdict import Verdict, judge_dns, judge_http
from monitor.domain.attempt import Attempt, Run
from monitor.domain.check import Check
from monitor.domain.ports import Clock, Probe
from monitor.domain.settings import Family, ProbeSettings
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.network import Network
from monitor.net.url import Url
from monitor.registry import PROBES

_NO_ADDRESS = (Reason.NO_ANSWER, Reason.NXDOMAIN)


class NotAllowedError(Exception):
    """The operator does not let /probe go there; the text says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a scraper asks for. ``timeout`` in seconds."""

    module: Module
    target: str
    hostname: str
    timeout: float


class Prober:
    """Asks once for each request, within the operator's allowance."""

    def __init__(self, network: Network, clock: Clock) -> None:
        self._network = network
        self._clock = clock
        # Imported now, not while somebody waits, perhaps without a descriptor left to open a module.
        self._probes = {kind: PROBES[kind] for kind in ("dns", "http", "https", "icmp", "tcp")}

    async def probe(self, request: Request, allowance: Allowance) -> Probed:
        """What came of it. Raises NotAllowedError for a target, or a redirect, where /probe may not go."""
        module = request.module
        try:
            question = translate(module, request.target, request.hostname)
            if not allowance.admits(question.place):
                raise NotAllowedError(_where(question.place))
            watched = self._watched(question, question.families[0], Guard(allowance))
        except ValueError as error:
            return Probed(module=module, attempt=None, problem=_said(error))
        attempt = await self._ask(request, question, watched)
        for family in question.families[1:]:
            if not _has_no_address(attempt):
                break
            watched = self._watched(question, family, watched.guard)
            attempt = await self._ask(request, question, watched)
        if watched.guard.refused is not None:
            raise NotAllowedError(f"{_where(watched.guard.refused)}, where a redirect led")
        return _judged(module, attempt, watched.run)

    def _watched(self, question: Question, family: Family, guard: "Guard") -> "Watched":
        kind = self._probes[question.kind]
        settings = kind.settings_type.model_validate(question.settings_for(family))
        return Watched(kind(settings, self._network.guarded(guard.permits)), settings, guard)

    async def _ask(self, request: Request, question: Question, watched: "Watched") -> Attempt:
        check = Check(
            service="probe",
            component=request.module.prober,
            target=request.target,
            kind=question.kind,
            settings=watched.settings,
            timeout=request.timeout,
        )
        attempt, _ = await ask(check, watched, self._clock, (0, 0))
        return attempt


class Guard:
    """Lets redirects go where the allowance says, and remembers the first that it stopped."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self.refused: Place | None = None

    def permits(self, url: Url) -> bool:
        """Whether a redirect to ``url`` may be followed."""
        place = Place(host=url.endpoint.host, port=url.endpoint.port, url=url)
        if self._allowance.admits(place):
            return True
        self.refused = self.refused or place
        return False


class Watched:
    """A probe whose notebook stays open after the attempt: /probe reads more than the facts."""

    settings_type: ClassVar[type[ProbeSettings]] = ProbeSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, probe: Probe, settings: ProbeSettings, guard: Guard) -> None:
        self._probe = probe
        self.settings = settings
        self.guard = guard
        self.run: Run | None = None

    async def attempt(self, run: Run) -> None:
        """The inner probe's."""
        self.run = run
        run.layers = self._probe.layers
        await self._probe.attempt(run)


def _judged(module: Module, attempt: Attempt, run: Run | None) -> Probed:
    session, answer = (run.session, run.answer) if run else (None, None)
    options, failure, verdict = module.options, attempt.failure, Verdict()
    if isinstance(options, HttpOptions) and answer is not None:
        verdict = judge_http(options, answer, secure=bool(attempt.facts.get(Fact.HTTP_SSL)))
    elif isinstance(options, DnsOptions) and answer is not None:
        verdict = judge_dns(options, answer)
    said = f"{failure.layer or 'ours'}/{failure.reason}: {failure.message}" if failure else ""
    return Probed(
        module=module,
        attempt=attempt,
        session=session,
        answer=answer,
        verdict=verdict,
        problem=said or verdict.complaint,
    )


def _has_no_address(attempt: Attempt) -> bool:
    failure = attempt.failure
    nothing = Fact.ADDRESS not in attempt.facts and set(attempt.phases) == {Phase.RESOLVE}
    return nothing and failure is not None and failure.layer is Layer.DNS and failure.reason in _NO_ADDRESS


def _where(place: Place) -> str:
    host = f"[{place.host}]" if ":" in place.host else place.host
    if place.url is not None:
        return f"{place.url.scheme}://{place.url.authority}{place.url.target}"
    return host if place.port is None else f"{host}:{place.port}"


def _said(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(str(details["msg"]) for details in error.errors(include_url=False, include_input=False))
    return str(error)
