"""One probe as blackbox_exporter 0.23 shows it: its names, its labels, and which of them when."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes

from monitor.blackbox.certificates import dns_names, earliest_expiry, go_name, presented, verified_expiry
from monitor.blackbox.modules import DnsOptions, HttpOptions, Module
from monitor.blackbox.verdict import Verdict, is_unfollowed
from monitor.domain.attempt import Attempt
from monitor.domain.words import Fact, Phase, Reason
from monitor.metrics.families import Family, labels
from monitor.net.http import Response, http_date

_HELP: Mapping[str, str] = {
    "probe_dns_additional_rrs": "Records in the additional section of the answer.",
    "probe_dns_answer_rrs": "Records in the answer section of the answer.",
    "probe_dns_authority_rrs": "Records in the authority section of the answer.",
    "probe_dns_duration_seconds": "Seconds that each phase of the question took.",
    "probe_dns_lookup_time_seconds": "Seconds that it took to resolve the target's name.",
    "probe_dns_query_succeeded": "1 when an answer came, whatever it said.",
    "probe_dns_serial": "Serial number of the zone.",
    "probe_duration_seconds": "Seconds that the whole probe took.",
    "probe_failed_due_to_regex": "1 when a regular expression decided against the target.",
    "probe_http_content_length": "Content-Length of the final response, -1 when unknown.",
    "probe_http_duration_seconds": "Seconds that each phase took, summed over redirects.",
    "probe_http_last_modified_timestamp_seconds": "Last-Modified of the final response, Unix time.",
    "probe_http_redirects": "Redirects that came.",
    "probe_http_ssl": "1 when the final response came over TLS.",
    "probe_http_status_code": "Status of the final response, 0 without one.",
    "probe_http_uncompressed_body_length": "Bytes of the body, uncompressed, as far as it was read.",
    "probe_http_version": "HTTP version of the final response.",
    "probe_icmp_duration_seconds": "Seconds that each phase of the echo took.",
    "probe_icmp_reply_hop_limit": "Hop limit (TTL) that the reply arrived with.",
    "probe_ip_addr_hash": "Hash of the address that was asked: shows that it changed.",
    "probe_ip_protocol": "4 or 6, 0 when no address was found.",
    "probe_ssl_earliest_cert_expiry": "First end among the certificates that the server sent, Unix time.",
    "probe_ssl_last_chain_expiry_timestamp_seconds": "End of the chain that proved the certificate, Unix time.",
    "probe_ssl_last_chain_info": "The server's own certificate.",
    "probe_success": "1 when the target did what the module wants.",
    "probe_tls_version_info": "The TLS version that was agreed on.",
}
_TLS_VERSIONS = {"TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """One probe: what was asked, what was seen. ``attempt`` is None for a target that is none of the module's."""

    module: Module
    attempt: Attempt | None
    session: Any = None
    """The last TLS session."""
    answer: Any = None
    """The final HTTP response or the DNS message."""
    verdict: Verdict = field(default_factory=Verdict)
    problem: str = ""
    """Why the probe was no success; empty when it was one."""

    def fact(self, fact: Fact, otherwise: float = 0) -> float:
        """A number that was learnt."""
        value = self.attempt.facts.get(fact, otherwise) if self.attempt else otherwise
        return float(value) if isinstance(value, int | float) else otherwise

    def seconds(self, *phases: Phase) -> float:
        """The time spent in some phases."""
        return sum(self.attempt.phases.get(phase, 0.0) for phase in phases) if self.attempt else 0.0

    @property
    def address(self) -> str:
        """The address that was asked, empty when none was found."""
        return str(self.attempt.facts.get(Fact.ADDRESS, "")) if self.attempt else ""

    @property
    def reason(self) -> Reason | None:
        """Why the attempt failed."""
        return self.attempt.failure.reason if self.attempt and self.attempt.failure else None


Sample = tuple[str, Mapping[str, str], float]


def render(probed: Probed) -> str:
    """The text format 0.0.4."""
    families: dict[str, Family] = {}
    for name, pairs, value in sorted(_samples(probed), key=lambda sample: (sample[0], tuple(sample[1].values()))):
        family = families.setdefault(name, Family(name, "gauge", _HELP[name]))
        inside = labels(**{key: _plain(text) for key, text in pairs.items()})
        line = f"{name}{{{inside}}} {_number(value)}\n" if inside else f"{name} {_number(value)}\n"
        family.blocks[inside] = line.encode("utf-8", "backslashreplace")
    pieces = (family.header(openmetrics=False) + b"".join(family.blocks.values()) for family in families.values())
    return b"".join(pieces).decode()


def _plain(text: str) -> str:
    """Server text without control characters; families.labels escapes the rest."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _samples(probed: Probed) -> Iterator[Sample]:
    yield "probe_success", {}, not probed.problem
    yield "probe_duration_seconds", {}, probed.attempt.duration if probed.attempt else 0
    if probed.attempt or probed.module.prober != "tcp":
        yield "probe_dns_lookup_time_seconds", {}, probed.seconds(Phase.RESOLVE)
        yield "probe_ip_protocol", {}, probed.fact(Fact.FAMILY)
        yield "probe_ip_addr_hash", {}, _hash(probed.address)
    options = probed.module.options
    if isinstance(options, HttpOptions):
        yield from _http(probed)
    elif isinstance(options, DnsOptions):
        yield from _dns(probed, options)
    elif probed.module.prober == "tcp":
        yield "probe_failed_due_to_regex", {}, probed.reason is Reason.EXPECT
        yield from _tls(probed)
    else:
        yield from _icmp(probed)


def _http(probed: Probed) -> Iterator[Sample]:
    phases = {"resolve": Phase.RESOLVE}
    if probed.address:
        phases |= {
            "connect": Phase.CONNECT,
            "tls": Phase.TLS,
            "processing": Phase.REQUEST,
            "transfer": Phase.RESPONSE,
        }
    for name, phase in phases.items():
        yield "probe_http_duration_seconds", {"phase": name}, probed.seconds(phase)
    response: Response | None = probed.answer
    secure = response is not None and bool(probed.fact(Fact.HTTP_SSL))
    unfollowed = response is not None and is_unfollowed(response)
    yield "probe_failed_due_to_regex", {}, probed.verdict.by_regex
    yield "probe_http_redirects", {}, max(unfollowed, probed.fact(Fact.HTTP_REDIRECTS))
    yield "probe_http_ssl", {}, secure
    yield "probe_http_status_code", {}, response.status if response else 0
    yield "probe_http_version", {}, float(response.version) if response else 0
    yield "probe_http_content_length", {}, _content_length(probed, response)
    yield "probe_http_uncompressed_body_length", {}, probed.verdict.body_bytes
    modified = response.header(b"last-modified") if response else None
    if modified and (moment := http_date(modified)) is not None:
        yield "probe_http_last_modified_timestamp_seconds", {}, moment
    if secure:
        yield from _tls(probed)


def _content_length(probed: Probed, response: Response | None) -> float:
    if response is None:
        return 0
    bodiless = response.status in (204, 304)
    return probed.fact(Fact.HTTP_CONTENT_LENGTH, -1) if not bodiless else 0


def _tls(probed: Probed) -> Iterator[Sample]:
    if probed.session is None:
        return
    chain = presented(probed.session)
    version = probed.session.version() or ""
    yield "probe_ssl_earliest_cert_expiry", {}, earliest_expiry(chain)
    yield "probe_ssl_last_chain_expiry_timestamp_seconds", {}, verified_expiry(probed.session)
    yield "probe_tls_version_info", {"version": _TLS_VERSIONS.get(version, "unknown")}, 1
    if chain:
        leaf = chain[0]
        pairs = {
            "fingerprint_sha256": leaf.fingerprint(hashes.SHA256()).hex(),
            "issuer": go_name(leaf.issuer),
            "subject": go_name(leaf.subject),
            "subjectalternative": dns_names(leaf),
        }
        yield "probe_ssl_last_chain_info", pairs, 1


def _dns(probed: Probed, options: DnsOptions) -> Iterator[Sample]:
    known = bool(probed.address)
    for name, phases in (
        ("resolve", (Phase.RESOLVE,)),
        ("connect", (Phase.CONNECT, Phase.TLS, Phase.REQUEST)),
        ("request", (Phase.RESPONSE,)),
    ):
        yield "probe_dns_duration_seconds", {"phase": name}, probed.seconds(*phases) if known else 0
    yield "probe_dns_answer_rrs", {}, probed.fact(Fact.DNS_ANSWERS)
    yield "probe_dns_authority_rrs", {}, probed.fact(Fact.DNS_AUTHORITY)
    yield "probe_dns_additional_rrs", {}, probed.fact(Fact.DNS_ADDITIONAL)
    yield "probe_dns_query_succeeded", {}, probed.answer is not None
    if options.query_type == "SOA" and probed.answer is not None:
        yield "probe_dns_serial", {}, probed.fact(Fact.DNS_SERIAL)


def _icmp(probed: Probed) -> Iterator[Sample]:
    known = bool(probed.address)
    yield "probe_icmp_duration_seconds", {"phase": "resolve"}, probed.seconds(Phase.RESOLVE) if known else 0
    yield "probe_icmp_duration_seconds", {"phase": "setup"}, probed.seconds(Phase.CONNECT)
    yield "probe_icmp_duration_seconds", {"phase": "rtt"}, probed.fact(Fact.PING_SECONDS)
    if probed.attempt and Fact.ICMP_HOP_LIMIT in probed.attempt.facts:
        yield "probe_icmp_reply_hop_limit", {}, probed.fact(Fact.ICMP_HOP_LIMIT)


def _hash(address: str) -> int:
    """FNV-1a, 32 bits, of the packed address; 0 for none."""
    if not address:
        return 0
    value = 0x811C9DC5
    for byte in ipaddress.ip_address(address.partition("%")[0]).packed:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value
