"""The options of a blackbox_exporter module (0.23), as its CONFIGURATION.md names them.

What we cannot do is named too, and refused with a reason: nothing is ignored.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from monitor.blackbox.expressions import GoExpression
from monitor.blackbox.values import (
    ByProxyOnly,
    GoDuration,
    HttpVersions,
    NotHttp2,
    Protocol,
    Rcode,
    RecordType,
    Size,
    Source,
    TlsVersion,
    unsupported,
)
from monitor.config import load_foreign
from monitor.domain.settings import Proxy, Secret, Settings
from monitor.net.http import Headers

_FOREIGN_PROBERS = ("grpc", "unix", "websocket")
_NO_CEL = "CEL; the https probe of this monitor has expect.json"


class TlsConfig(Settings):
    """``tls_config``."""

    insecure_skip_verify: bool = False
    ca_file: str | None = None
    server_name: str | None = None
    min_version: TlsVersion = "TLS12"
    max_version: TlsVersion | None = None
    cert_file: Annotated[Any, unsupported("client certificates")] = None
    key_file: Annotated[Any, unsupported("client certificates")] = None


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
    valid_http_versions: HttpVersions = ()
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
    skip_resolve_phase_with_proxy: ByProxyOnly = True
    enable_http2: NotHttp2 = False
    enable_http3: NotHttp2 = False
    oauth2: Annotated[Any, unsupported("OAuth 2.0; give a token")] = None
    proxy_connect_header: Annotated[Any, unsupported("extra headers for the proxy")] = None
    no_proxy: Annotated[Any, unsupported("exceptions from the proxy; write a module without proxy_url")] = None
    proxy_from_environment: Annotated[Any, unsupported("a proxy from the environment; write proxy_url")] = None
    body_file: Annotated[Any, unsupported("write body")] = None
    http_headers: Annotated[Any, unsupported("write headers")] = None
    fail_if_body_json_matches_cel: Annotated[Any, unsupported(_NO_CEL)] = None
    fail_if_body_json_not_matches_cel: Annotated[Any, unsupported(_NO_CEL)] = None

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
    send: str | None = None
    starttls: bool = False
    expect_bytes: Annotated[Any, unsupported("our tcp probe has expect_hex")] = None
    labels: Annotated[Any, unsupported("text of a server never becomes a label here")] = None


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
    query_type: RecordType = "ANY"
    query_class: Literal["IN", "CH"] = "IN"
    source_ip_address: Source | None = None
    transport_protocol: Literal["udp", "tcp"] = "udp"
    dns_over_tls: bool = False
    tls_config: TlsConfig = TlsConfig()
    recursion_desired: bool = True
    valid_rcodes: tuple[Rcode, ...] = ()
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
    grpc: Annotated[Any, unsupported("the prober grpc")] = None
    unix: Annotated[Any, unsupported("the prober unix")] = None
    websocket: Annotated[Any, unsupported("the prober websocket; this monitor has a probe of its own for that")] = None

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


Modules = Mapping[str, Module]

BUILT_IN: Modules = {
    "http_2xx": Module(prober="http"),
    "tcp_connect": Module(prober="tcp"),
    "icmp": Module(prober="icmp"),
}
"""What /probe offers without a file."""


def load_modules(path: Path | None) -> Modules:
    """The modules of a file, or the built-in ones without a file. Raises ConfigError with every mistake."""
    return BUILT_IN if path is None else load_foreign(path, ModulesFile).modules
