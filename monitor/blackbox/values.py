"""The kinds of values that blackbox_exporter's options have, checked when the file is read."""

import re
from typing import Annotated, Literal

import dns.exception
import dns.rcode
import dns.rdatatype
from pydantic import AfterValidator, BeforeValidator, Field

from monitor.domain.settings import check_host

_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_GO_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(B|[KMGT]i?B)")
_SIZES = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_VERSIONS = ("HTTP/1.0", "HTTP/1.1")


def unsupported(reason: str) -> BeforeValidator:
    """What refuses any value: the option is known, and not done here."""

    def refuse(_: object) -> object:
        raise ValueError(f"not supported: {reason}")

    return BeforeValidator(refuse)


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
RecordType = Annotated[str, AfterValidator(_check_type)]
Rcode = Annotated[str, AfterValidator(_check_rcode)]
HttpVersions = Annotated[tuple[str, ...], AfterValidator(_check_versions)]
NotHttp2 = Annotated[bool, AfterValidator(_check_http2)]
ByProxyOnly = Annotated[bool, AfterValidator(_check_resolve)]
