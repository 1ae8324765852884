"""The file around the kinds: what may stand at each level, strictly.

`services`, `components` and `targets` are walked by hand, so they are `Any`
here; the kinds' own settings join at the level of the target.
"""

import ipaddress
import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from monitor.config.judging import JudgementSettings, JudgingSettings
from monitor.domain.settings import Address, Duration, Endpoint, Secret, Settings, Strings, check_host

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def _check_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name is made of letters, digits, '.', '_' and '-', at most 63 of them")
    return value


def _check_line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be one line of text")
    return value


def _check_country(value: str) -> str:
    if not re.fullmatch(r"(?:[A-Z]{2})?", value):
        raise ValueError("must be two capital letters (ISO 3166-1), as in DE")
    return value


def _check_header(value: str) -> str:
    if value and not (value.isascii() and value.isprintable()):
        raise ValueError("must be one line of ASCII: it becomes part of the User-Agent")
    return value


def _check_store(value: str) -> str:
    if "://" not in value:
        raise ValueError("must be a URL such as sqlite:///lastseen.db")
    return value


def _check_base(value: str) -> str:
    parts = urlsplit(value)
    if parts.username is not None or parts.password is not None:
        raise ValueError("no credentials inside a URL; use token or basic_auth")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("not a URL such as https://monitor.example:9797")
    if parts.query or parts.fragment:
        raise ValueError("must be a URL without '?' and '#'")
    check_host(parts.hostname)
    return value.rstrip("/")


def _check_root(value: str) -> str:
    url = _check_base(value)
    if urlsplit(url).path:
        raise ValueError("must be a URL without a path: the pages are at the root of their host")
    return url


def _resolver(value: object) -> Endpoint | None:
    if value == "none":
        return None
    try:
        endpoint = Endpoint.parse(value, 53)
        ipaddress.ip_address(endpoint.host)
    except ValueError:
        raise ValueError("must be an address such as 9.9.9.9 or [2620:fe::fe]:53, or 'none'") from None
    return endpoint


def _check_second(value: float) -> float:
    if value < 1.0:
        raise ValueError("must be at least 1s")
    return value


Name = Annotated[str, AfterValidator(_check_name)]
Line = Annotated[str, AfterValidator(_check_line)]
NameServer = Annotated[Endpoint | None, BeforeValidator(_resolver), Field(json_schema_extra={"type": "string"})]
"""Address and perhaps port; ``none`` for none."""


class VantageSettings(Settings):
    """Where this monitor stands."""

    name: Name = "local"
    region: str = ""
    country: Annotated[str, AfterValidator(_check_country)] = ""
    network: str = ""
    """Best the number of the autonomous system: AS3320."""


class BasicAuth(Settings):
    """Name and password that every path asks for."""

    username: Annotated[str, Field(min_length=1)]
    password: Secret


class WebTls(Settings):
    """The server's certificate chain and its key, PEM."""

    cert_file: str
    key_file: str


class WebSettings(Settings):
    """The page, the API and the metrics."""

    listen: Address = Endpoint(host="127.0.0.1", port=9797)
    basic_auth: BasicAuth | None = None
    bearer_token: Secret | None = None
    tls: WebTls | None = None
    url: Annotated[str, AfterValidator(_check_root)] | None = None
    """Where people reach it, for links that leave the page; unset: the host that a request names."""
    public: bool = False
    """Strangers read it: hosts, addresses, targets and what servers said stay inside."""
    probe_allow: Strings | None = None
    """Patterns (``*`` and ``?``) of targets that /probe may be aimed at; unset: any."""

    @model_validator(mode="after")
    def _check_token(self) -> Self:
        if self.bearer_token is not None and not self.bearer_token.get_secret_value():
            raise ValueError("bearer_token is empty")
        return self


class Peer(Settings):
    """Another monitor, whose attempts this one judges as well."""

    url: Annotated[str, AfterValidator(_check_base)]
    """Where it listens. Kept without a slash at its end."""
    token: Secret | None = None
    """Sent as a bearer token."""
    basic_auth: BasicAuth | None = None
    ca_file: str | None = None
    """Trust only these anchors (PEM), not the system's."""
    interval: Annotated[Duration, AfterValidator(_check_second)] = 5.0
    """How often it is asked for what is new."""

    @model_validator(mode="after")
    def _check_access(self) -> Self:
        if self.token is not None and self.basic_auth is not None:
            raise ValueError("token and basic_auth exclude each other")
        if self.token is not None and not self.token.get_secret_value():
            raise ValueError("token is empty")
        if self.ca_file is not None and not self.url.startswith("https:"):
            raise ValueError("ca_file takes a url with https")
        return self


def _check_peers(peers: tuple[Peer, ...]) -> tuple[Peer, ...]:
    if len({peer.url for peer in peers}) < len(peers):
        raise ValueError("two of them have the same url")
    return peers


class Limits(Settings):
    """Bounds that protect this machine."""

    max_in_flight: Annotated[int, Field(ge=1, le=100_000)] = 5000
    """Attempts that may run at the same time."""


class LogSettings(Settings):
    """What the log says, and in which form."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class ConfirmSettings(Settings):
    """How a first failure is confirmed; what is unset comes from the service, then from the code."""

    attempts: Annotated[int, Field(ge=0, le=10)] | None = None
    delay: Duration | None = None


class FileSettings(Settings):
    """The top of the user's file."""

    vantage: VantageSettings = VantageSettings()
    contact: Annotated[str, AfterValidator(_check_header)] = ""
    """How to reach the operator, mailto: or https:. Part of the User-Agent."""
    services: Any = None
    witnesses: Any = None
    second_resolver: NameServer = Endpoint(host="9.9.9.9", port=53)
    """Asked when the system's resolver fails for a name; of an operator that the system's has nothing to do with."""
    store: Annotated[str, AfterValidator(_check_store)] = "sqlite:///lastseen.db"
    web: WebSettings = WebSettings()
    limits: Limits = Limits()
    log: LogSettings = LogSettings()
    judgement: JudgementSettings = JudgementSettings()
    maintenance: Any = None
    alerts: Any = None
    peers: Annotated[tuple[Peer, ...], AfterValidator(_check_peers)] = ()
    modules: str | None = None
    """A modules file of blackbox_exporter, for /probe."""


class ServiceSettings(JudgingSettings):
    """One service. Interval, timeout, confirmation and judging hold for all its targets that set none."""

    name: Name
    title: Line | None = None
    provider: Name | None = None
    foreign: bool = False
    """The endpoints belong to a network that is not ours."""
    enabled: bool = True
    interval: Duration | None = None
    timeout: Duration | None = None
    confirm: ConfirmSettings = ConfirmSettings()
    sources: Strings = ()
    components: Any = None


class UseSettings(Settings):
    """What stands beside the overrides of a service from the catalogue."""

    use: Strings
    only: Strings | None = None
    """Watch these components."""
    except_: Strings = Field(default=(), alias="except")
    """Watch all but these components."""


class ComponentSettings(JudgingSettings):
    """A part of a service that can fail alone."""

    name: Name
    title: Line | None = None
    critical: bool = True
    require: Literal["all", "majority", "any"] = "all"
    """How many of its targets must answer, for each vantage by itself."""
    enabled: bool = True
    targets: Any = None


class HeadSettings(Settings):
    """What every target may say, witnesses included, whatever its kind."""

    name: Line | None = None
    """What the target is called; unset, by its endpoint."""
    target: Line | None = None
    """The same for kinds that have a ``name`` of their own (dns): tells apart two that ask for one name."""
    probe: str
    enabled: bool = True
    interval: Duration | None = None
    timeout: Duration | None = None
    confirm: ConfirmSettings = ConfirmSettings()
    proves: str = ""
    """What it means that this target answers."""
    source: str = ""
    """Where the fact comes from that this is a right target."""


class TargetSettings(HeadSettings, JudgingSettings):
    """A target of a service."""


class WitnessSettings(HeadSettings):
    """A target that is used only to judge the vantage itself."""

    network: Name
    """Whose network it stands in: witnesses count by networks."""
    foreign: bool = True
