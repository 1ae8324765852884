"""The options of a blackbox_exporter module (0.23), as its CONFIGURATION.md names them.

What we cannot do is named too, and refused with a reason: nothing is ignored.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import dns.exception
import dns.rcode
import dns.rdatatype
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from monitor.blackbox.expressions import GoExpression
from monitor.domain.settings import Proxy, Secret, Settings, check_host
from monitor.net.http import Headers

_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_GO_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(B|[KMGT]i?B)")
_SIZES = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_VERSIONS = ("HTTP/1.0", "HTTP/1.1")
_FOREIGN_PROBERS = ("grpc", "unix", "websocket")


def _unsupported(reason: str) -> Any:
    def refuse(_: object) -> object:
        raise ValueError(f"not supported: {reason}")

    return Annotated[Any, BeforeValidator(refuse)]


def _go_duration(value: object) -> float:
    """Seconds of Go's ``5s``, ``1m30s``, ``1.5h``. Raises ValueError."""
    if not isinstance(value, str) or not re.fullmatch(f"(?:{_GO_PART.pattern})+", value):
        raise ValueError("not a duration; write a number with a unit, as in 500ms, 5s, 1m30s")
    return sum(float(number) * _GO_UNITS[unit] for number, unit in _GO_PART.findall(value))


def _size(value: object) -> int:
    """Bytes of ``10MB`` or ``10MiB``, which are the same there. Raises ValueError."""
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("not a size; write a number with a unit, as in 10MB")
    return int(float(found[1]) * _SIZES[found[2][0]])


def _check_type(text: str) -> str:
    try:
        return dns.rdatatype.to_text(dns.rdatatype.from_text(text))
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError("not a record type that is known here") from error


def _check_rcode(text: str) -> str:
    try:
        return dns.rcode.to_text(dns.rcode.from_text(text))
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError("not an rcode; write NOERROR, NXDOMAIN, SERVFAIL, REFUSED ...") from error


def _check_versions(versions: tuple[str, ...]) -> tuple[str, ...]:
    if versions and not set(versions) & set(_VERSIONS):
        raise ValueError("only HTTP/1.1 is spoken here, so this could never succeed")
    return versions


def _check_http2(value: bool) -> bool:  # noqa: FBT001  # a validator takes what is written
    if value:
        raise ValueError("only HTTP/1.1 is spoken here: leave the option out, or set it to false")
    return value


def _check_resolve(value: bool) -> bool:  # noqa: FBT001  # a validator takes what is written
    if not value:
        raise ValueError("a proxy is always given the name unresolved: leave the option out, or set it to true")
    return value


GoDuration = Annotated[float, BeforeValidator(_go_duration), Field(json_schema_extra={"type": "string"})]
Size = Annotated[int, BeforeValidator(_size), Field(json_schema_extra={"type": "string"})]
Source = Annotated[str, AfterValidator(check_host)]
Protocol = Literal["ip4", "ip6"]
TlsVersion = Literal["TLS12", "TLS13"]


class TlsConfig(Settings):
    """``tls_config``."""

    insecure_skip_verify: bool = False
    ca_file: str | None = None
    server_name: str | None = None
    min_version: TlsVersion = "TLS12"
    max_version: TlsVersion | None = None
    cert_file: _unsupported("client certificates") = None
    key_file: _unsupported("client certificates") = None


class HeaderMatch(Settings):
    """One entry of ``fail_if_header_matches`` and its opposite."""

    header: Annotated[str, Field(min_length=1)]
    regexp: Annotated[GoExpression, Field(min_length=1)]
    allow_missing: bool = False


class BasicAuthConfig(Settings):
    """``basic_auth``; the password may come from ``password_file``."""

    username: str = ""
    password: Secret = SecretStr("")


class Authorization(Settings):
    """``authorization``; the credentials may come from ``credentials_file``."""

    type: Annotated[str, Field(pattern="^[A-Za-z0-9-]+$")] = "Bearer"
    credentials: Secret = SecretStr("")


class Choice(Settings):
    """Which address family is asked."""

    preferred_ip_protocol: Protocol = "ip6"
    ip_protocol_fallback: bool = True


class HttpOptions(Choice):
    """``http``."""

    valid_status_codes: tuple[int, ...] = ()
    valid_http_versions: Annotated[tuple[str, ...], AfterValidator(_check_versions)] = ()
    method: Annotated[str, Field(pattern="^[A-Z]{1,20}$")] = "GET"
    headers: Headers = Field(default={})
    body: str = ""
    compression: Literal["", "identity", "gzip", "deflate"] = ""
    body_size_limit: Size = 0
    no_follow_redirects: bool | None = None
    follow_redirects: bool = True
    fail_if_ssl: bool = False
    fail_if_not_ssl: bool = False
    fail_if_body_matches_regexp: tuple[GoExpression, ...] = ()
    fail_if_body_not_matches_regexp: tuple[GoExpression, ...] = ()
    fail_if_header_matches: tuple[HeaderMatch, ...] = ()
    fail_if_header_not_matches: tuple[HeaderMatch, ...] = ()
    tls_config: TlsConfig = TlsConfig()
    basic_auth: BasicAuthConfig | None = None
    authorization: Authorization | None = None
    bearer_token: Secret | None = None
    proxy_url: Proxy | None = None
    skip_resolve_phase_with_proxy: Annotated[bool, AfterValidator(_check_resolve)] = True
    enable_http2: Annotated[bool, AfterValidator(_check_http2)] = False
    enable_http3: Annotated[bool, AfterValidator(_check_http2)] = False
    oauth2: _unsupported("OAuth 2.0; give a token") = None
    proxy_connect_header: _unsupported("extra headers for the proxy") = None
    no_proxy: _unsupported("exceptions from the proxy; write a module without proxy_url") = None
    proxy_from_environment: _unsupported("a proxy from the environment; write proxy_url") = None
    body_file: _unsupported("write body") = None
    http_headers: _unsupported("write headers") = None
    fail_if_body_json_matches_cel: _unsupported("CEL; the https probe of this monitor has expect.json") = None
    fail_if_body_json_not_matches_cel: _unsupported("CEL; the https probe of this monitor has expect.json") = None

    @property
    def follows(self) -> bool:
        """Whether redirects are followed; the older option wins, as in blackbox_exporter."""
        return self.follow_redirects if self.no_follow_redirects is None else not self.no_follow_redirects

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if sum(given is not None for given in (self.basic_auth, self.authorization, self.bearer_token)) > 1:
            raise ValueError("at most one of basic_auth, authorization and bearer_token")
        accepted = [v.get_secret_value() for k, v in self.headers.items() if k.lower() == "accept-encoding"]
        if self.compression and accepted and self.compression not in re.split(r"[,;\s]+", accepted[0]):
            raise ValueError(f"the header Accept-Encoding does not ask for compression {self.compression}")
        return self


class QueryResponse(Settings):
    """One step of a dialogue: expect, then send, then start TLS."""

    expect: GoExpression | None = None
    expect_bytes: str | None = None
    """An option of later versions."""
    send: str | None = None
    starttls: bool = False
    labels: _unsupported("text of a server never becomes a label here") = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if self.expect and self.expect_bytes:
            raise ValueError("expect and expect_bytes exclude each other")
        return self


class TcpOptions(Choice):
    """``tcp``."""

    source_ip_address: Source | None = None
    query_response: tuple[QueryResponse, ...] = ()
    tls: bool = False
    tls_config: TlsConfig = TlsConfig()

    @model_validator(mode="after")
    def _check_once(self) -> Self:
        if self.tls + sum(step.starttls for step in self.query_response) > 1:
            raise ValueError("TLS can start only once: either tls, or one starttls")
        return self


class RecordRules(Settings):
    """``validate_answer_rrs`` and its like."""

    fail_if_matches_regexp: tuple[GoExpression, ...] = ()
    fail_if_all_match_regexp: tuple[GoExpression, ...] = ()
    fail_if_not_matches_regexp: tuple[GoExpression, ...] = ()
    fail_if_none_matches_regexp: tuple[GoExpression, ...] = ()


class DnsOptions(Choice):
    """``dns``."""

    query_name: Annotated[str, Field(min_length=1)]
    query_type: Annotated[str, AfterValidator(_check_type)] = "ANY"
    query_class: Literal["IN", "CH"] = "IN"
    source_ip_address: Source | None = None
    transport_protocol: Literal["udp", "tcp"] = "udp"
    dns_over_tls: bool = False
    tls_config: TlsConfig = TlsConfig()
    recursion_desired: bool = True
    valid_rcodes: tuple[Annotated[str, AfterValidator(_check_rcode)], ...] = ()
    validate_answer_rrs: RecordRules = RecordRules()
    validate_authority_rrs: RecordRules = RecordRules()
    validate_additional_rrs: RecordRules = RecordRules()

    @model_validator(mode="after")
    def _check_transport(self) -> Self:
        if self.dns_over_tls and self.transport_protocol != "tcp":
            raise ValueError("dns_over_tls takes transport_protocol tcp")
        return self


class IcmpOptions(Choice):
    """``icmp``."""

    source_ip_address: Source | None = None
    payload_size: int = Field(default=28, ge=16, le=65507)
    dont_fragment: bool = False
    ttl: int = Field(default=64, ge=1, le=255)


def _check_prober(value: object) -> object:
    if value in _FOREIGN_PROBERS:
        raise ValueError(f"the prober {value} is not supported; this monitor has http, tcp, dns and icmp")
    return value


class Module(Settings):
    """One module: a prober and its options."""

    prober: Annotated[Literal["http", "tcp", "dns", "icmp"], BeforeValidator(_check_prober)]
    timeout: GoDuration = 0.0
    """Seconds; 0 leaves it to the scraper."""
    http: HttpOptions = HttpOptions()
    tcp: TcpOptions = TcpOptions()
    icmp: IcmpOptions = IcmpOptions()
    dns: DnsOptions | None = None
    grpc: _unsupported("the prober grpc") = None
    unix: _unsupported("the prober unix") = None
    websocket: _unsupported("the prober websocket; this monitor has a probe of its own for that") = None

    @model_validator(mode="after")
    def _check_section(self) -> Self:
        others = self.model_fields_set - {"prober", "timeout", self.prober}
        if others:
            raise ValueError(f"{', '.join(sorted(others))}: options of another prober than {self.prober}")
        if self.prober == "dns" and self.dns is None:
            raise ValueError("the prober dns takes dns.query_name")
        return self

    @property
    def options(self) -> HttpOptions | TcpOptions | DnsOptions | IcmpOptions:
        """What is written for the prober."""
        chosen = {"http": self.http, "tcp": self.tcp, "icmp": self.icmp, "dns": self.dns}[self.prober]
        if chosen is None:
            raise RuntimeError("validated: the prober dns has its options")
        return chosen


class ModulesFile(Settings):
    """The whole file."""

    modules: Mapping[Annotated[str, Field(min_length=1, max_length=200)], Module] = {}


BUILT_IN: Mapping[str, Module] = {
    "http_2xx": Module(prober="http"),
    "tcp_connect": Module(prober="tcp"),
    "icmp": Module(prober="icmp"),
}
"""What /probe offers without a file."""
