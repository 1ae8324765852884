"""The base of every settings class, and the types that settings are made of.

Settings are strict: an unknown key, a wrong type or a value out of range is an
error, never a guess. Secrets print as asterisks wherever they are shown.
"""

import ipaddress
import re
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from typing_extensions import override

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_LONGEST = 10 * 366 * 86400.0
"""Seconds. What lasts longer is a slip, and no calendar can count to where some of them lead."""
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_HOST = re.compile(r"(?=.{1,253}\.?$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?")


def parse_duration(value: object) -> float:
    """Seconds of ``30s``, ``5m``, ``1h30m``, ``250ms``. Raises ValueError.

    A bare number is refused: nobody remembers the unit of someone else's number.
    """
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError(f"not a duration: {value!r}; write a number with a unit, as in 500ms, 30s, 5m, 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    if seconds > _LONGEST:
        raise ValueError("longer than ten years")
    return seconds


def _duration(value: object) -> object:
    # Defaults in code are seconds already; a config file never reaches here with a float it did not write.
    return parse_duration(value)


Duration = Annotated[float, BeforeValidator(_duration), Field(json_schema_extra={"type": "string"})]


def as_tuple(value: Any) -> Any:  # whatever YAML holds goes on to the real validator
    """One value where a list is allowed becomes a list of one; strict tuples accept lists."""
    return tuple(value) if isinstance(value, list) else value if isinstance(value, tuple) else (value,)


Strings = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]
"""One string or a list of them."""
Integers = Annotated[tuple[int, ...], BeforeValidator(as_tuple)]
"""One integer or a list of them."""


class Settings(BaseModel):
    """Strict and frozen. ``validate_default`` stays off: defaults are in seconds."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        ser_json_inf_nan="strings",
        defer_build=True,  # most classes are never used: building one takes a millisecond
    )

    @override
    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """The very same: nothing in it can change. A default is copied wherever it is used."""
        return self


class Endpoint(Settings):
    """``host:port`` split. ``str()`` gives it back, with brackets for IPv6."""

    host: str
    port: int

    @override
    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, value: object, default_port: int | None = None) -> Self:
        """``host:port``, ``[v6]:port`` or, with a default port, ``host``. Raises ValueError."""
        if isinstance(value, Endpoint):
            return cls(host=value.host, port=value.port)
        if not isinstance(value, str):
            raise ValueError(f"not an address: {value!r}; write host:port")  # noqa: TRY004  # pydantic wants ValueError
        host, port = _split(value, default_port)
        check_host(host)
        return cls(host=host, port=port)


def _split(text: str, default_port: int | None) -> tuple[str, int]:
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::(\d+))?", text)
    if bracketed:
        host, digits = bracketed.group(1), bracketed.group(2)
    elif text.count(":") > 1:
        host, digits = text, None
    else:
        host, _, digits = text.partition(":")
    if not digits:
        if default_port is None:
            raise ValueError(f"no port in {text!r}; write host:port")
        return host, default_port
    if not digits.isdigit() or not 0 < int(digits) < 65536:
        raise ValueError(f"not a port: {digits!r}")
    return host, int(digits)


def check_host(host: str) -> str:
    """The host itself when it is a name or an address. Raises ValueError."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host):
            raise ValueError(f"not a host name or address: {host!r}") from None
    return host


Host = Annotated[str, BeforeValidator(lambda v: check_host(v) if isinstance(v, str) else v)]
Address = Annotated[Endpoint, BeforeValidator(Endpoint.parse), Field(json_schema_extra={"type": "string"})]


def _pool(value: object) -> object:
    items = value if isinstance(value, list | tuple) else (value,)
    return tuple(Endpoint.parse(item) for item in items)


Pool = Annotated[tuple[Endpoint, ...], BeforeValidator(_pool), Field(min_length=1)]
"""One address or a list of equal ones, of which each round asks one."""
Family = Literal["any", 4, 6]
Secret = SecretStr
"""Shown as asterisks in every repr, dump and error."""


class Proxy(Settings):
    """A proxy to reach the target through: ``socks5://`` (RFC 1928) or ``http://`` (CONNECT, RFC 9110 9.3.6).

    The target's name goes to the proxy unresolved, so the resolve phase covers the proxy's own name.
    """

    scheme: Literal["socks5", "http"]
    address: Endpoint
    username: str = ""
    password: Secret = SecretStr("")

    @model_validator(mode="before")
    @classmethod
    def _from_url(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("socks5", "http") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("not a proxy: write socks5://host:port or http://host:port")
        return {
            "scheme": parts.scheme,
            "address": {"host": parts.hostname, "port": parts.port or (1080 if parts.scheme == "socks5" else 8080)},
            "username": unquote(parts.username or ""),
            "password": SecretStr(unquote(parts.password or "")),
        }


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if text != PUBLIC:
            try:
                ipaddress.ip_network(text)
            except ValueError as error:
                raise ValueError(f"not a network: {text!r}; write 192.0.2.0/24, 2001:db8::/32 or public") from error
    return texts


PUBLIC = "public"
"""Any network of the public Internet."""
Networks = Annotated[Strings, AfterValidator(_networks)]
"""One network in CIDR notation or a list of them; `PUBLIC` for all."""


class Route(Settings):
    """How to get to the target. Part of the settings of every network probe."""

    family: Family = "any"
    """IPv4, IPv6, or whichever this host has a route for (IPv6 first). Never both at once: half up must not look up."""
    source_address: str | None = None
    """Bind to this local address."""
    resolver: str | None = None
    """Ask this name server (``address`` or ``address:port``) in place of the system's."""
    proxy: Proxy | None = None
    networks: Networks = ()
    """Where the addresses of the target's names must be; names that lead elsewhere are forged. Default: anywhere."""

    @model_validator(mode="after")
    def _check_networks(self) -> Self:
        if self.networks and self.proxy is not None:
            raise ValueError("networks and proxy exclude each other: the proxy resolves the target's name")
        return self

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if self.source_address is not None:
            ipaddress.ip_address(self.source_address)
        if self.resolver is not None:
            ipaddress.ip_address(Endpoint.parse(self.resolver, 53).host)
        return self


class Tls(Settings):
    """What a TLS handshake must prove."""

    server_name: str | None = None
    """The name for SNI and the certificate check; default: the host asked for."""
    ca_file: str | None = None
    """Trust only these anchors (PEM), not the system's."""
    verify: bool = True
    """False only for a look at a certificate that is known to be untrusted."""
    min_version: Literal["1.2", "1.3"] = "1.2"
    max_version: Literal["1.2", "1.3"] | None = None
    alpn: Strings = ()
    pin: Strings = ()
    """SHA-256 fingerprints of acceptable leaf certificates, hex, colons allowed."""
    issuers: Strings = ()
    """Beginnings of the names of organisations that issue the provider's certificates; default: any trusted one."""
    neutral_name: Host | None = None
    """Whom to ask for instead, once more, when the connection breaks right after the hello; default: nobody."""


class ProbeSettings(Settings):
    """What every kind of probe accepts: the route. A kind adds its own fields."""

    evidence: ClassVar[bool] = True
    """Whether attempts say something of the target's availability. False for what only repeats claims."""

    route: Route = Route()

    @property
    def endpoint(self) -> str:
        """The name of the target when the configuration gives none. Never a secret."""
        raise NotImplementedError
