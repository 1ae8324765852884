"""A module and a target, as a probe of ours and its settings."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.blackbox.allow import Place
from monitor.blackbox.expressions import translated
from monitor.blackbox.modules import (
    Choice,
    DnsOptions,
    HttpOptions,
    IcmpOptions,
    Module,
    QueryResponse,
    TcpOptions,
    TlsConfig,
)
from monitor.domain.settings import Endpoint, Family, check_host
from monitor.net.url import Url

_REDIRECTS = 10  # as many as blackbox_exporter follows
_BODY = 10 * 1024 * 1024
_TLS = {"TLS12": "1.2", "TLS13": "1.3"}
_TEMPLATE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to ask: a probe's kind, its settings without the family, and the families to try in turn."""

    kind: str
    settings: Mapping[str, Any]
    route: Mapping[str, Any]
    families: tuple[Family, ...]
    place: Place

    def settings_for(self, family: Family) -> dict[str, Any]:
        """The settings with the route that asks for one family."""
        return {**self.settings, "route": {**self.route, "family": family}}


def translate(module: Module, target: str, hostname: str = "") -> Question:
    """The question that a module asks of a target. Raises ValueError for what is no target of it.

    ``hostname`` is the virtual host to ask for: Host header and TLS name.
    """
    options = module.options
    if isinstance(options, HttpOptions):
        return _http(options, target, hostname)
    if isinstance(options, TcpOptions):
        return _tcp(options, target, hostname)
    return _dns(options, target) if isinstance(options, DnsOptions) else _icmp(options, target)


def _http(options: HttpOptions, target: str, hostname: str) -> Question:
    text = target if target.startswith(("http://", "https://")) else f"http://{target}"
    url = Url.parse(text)
    headers = {name: value.get_secret_value() for name, value in options.headers.items()}
    asked = {name.lower(): value for name, value in headers.items()}
    if hostname and asked.setdefault("host", hostname) != hostname:
        raise ValueError("the module has a Host header already, which is not the hostname of the request")
    if hostname and "host" not in {name.lower() for name in headers}:
        headers["Host"] = hostname
    if options.compression and "accept-encoding" not in asked:
        headers["Accept-Encoding"] = options.compression
    if authorization := _authorization(options):
        headers.setdefault("Authorization", authorization)
    settings: dict[str, Any] = {
        "url": text,
        "method": options.method,
        "headers": headers,
        "body": options.body,
        "follow_redirects": _REDIRECTS if options.follows else 0,
        "redirect_to_http": True,
        "limit": options.body_size_limit or _BODY,
        "expect": {"status": "100-599"},
        "tls": _tls(options.tls_config, asked.get("host", "").partition(":")[0]),
    }
    if options.basic_auth:
        settings["auth"] = {"username": options.basic_auth.username, "password": options.basic_auth.password}
    return Question(
        kind="https" if url.secure else "http",
        settings=settings,
        route={"proxy": options.proxy_url},
        families=_families(options, url.endpoint.host),
        place=Place(host=url.endpoint.host, port=url.endpoint.port, url=url),
    )


def _authorization(options: HttpOptions) -> str:
    if options.authorization:
        return f"{options.authorization.type} {options.authorization.credentials.get_secret_value()}"
    return f"Bearer {options.bearer_token.get_secret_value()}" if options.bearer_token else ""


def _tls(config: TlsConfig, otherwise: str = "") -> dict[str, Any]:
    return {
        "verify": not config.insecure_skip_verify,
        "ca_file": config.ca_file,
        "server_name": config.server_name or otherwise or None,
        "min_version": _TLS[config.min_version],
        "max_version": _TLS[config.max_version] if config.max_version else None,
    }


def _tcp(options: TcpOptions, target: str, hostname: str) -> Question:
    endpoint = Endpoint.parse(target)
    starts = options.tls or any(step.starttls for step in options.query_response)
    settings: dict[str, Any] = {
        "address": str(endpoint),
        "tls": _tls(options.tls_config, hostname) if starts else None,
        "dialogue": tuple(step for entry in options.query_response for step in _steps(entry)),
    }
    return Question(
        kind="tcp",
        settings=settings,
        route={"source_address": options.source_ip_address},
        families=_families(options, endpoint.host),
        place=Place(host=endpoint.host, port=endpoint.port),
    )


def _steps(entry: QueryResponse) -> Iterator[dict[str, Any]]:
    """blackbox_exporter expects first and sends then; a step of ours does it the other way round."""
    if entry.expect:
        yield {"expect": translated(entry.expect), "lines": True}
    if entry.send:
        send = _TEMPLATE.sub(_filled, entry.send) if entry.expect else entry.send
        yield {"send": send, "eol": "\n"}
    if entry.starttls:
        yield {"starttls": True}


def _filled(found: re.Match[str]) -> str:
    """Go's ``$1``, ``${1}`` and ``$$`` (regexp.Expand), as our dialogues write them."""
    return "$" if found[1] else f"${{{found[2] or found[3]}}}"


def _dns(options: DnsOptions, target: str) -> Question:
    transport = "tls" if options.dns_over_tls else options.transport_protocol
    resolver = Endpoint.parse(target, 853 if options.dns_over_tls else 53)
    settings: dict[str, Any] = {
        "name": options.query_name,
        "type": options.query_type,
        "class": options.query_class,
        "resolver": str(resolver),
        "transport": transport,
        "recursion": options.recursion_desired,
        "tls": _tls(options.tls_config),
        "expect": {"rcode": options.valid_rcodes or "NOERROR", "min_answers": 0},
    }
    return Question(
        kind="dns",
        settings=settings,
        route={"source_address": options.source_ip_address},
        families=_families(options, resolver.host),
        place=Place(host=resolver.host, port=resolver.port),
    )


def _icmp(options: IcmpOptions, target: str) -> Question:
    host = check_host(target.removeprefix("[").removesuffix("]"))
    settings = {
        "host": host,
        "payload": options.payload_size,
        "hop_limit": options.ttl,
        "dont_fragment": options.dont_fragment,
    }
    return Question(
        kind="icmp",
        settings=settings,
        route={"source_address": options.source_ip_address},
        families=_families(options, host),
        place=Place(host=host),
    )


def _families(choice: Choice, host: str) -> tuple[Family, ...]:
    """The families to ask for, each if the one before it has no address."""
    preferred: Family = 4 if choice.preferred_ip_protocol == "ip4" else 6
    if not choice.ip_protocol_fallback:
        return (preferred,)
    if preferred == 6 or _is_address(host):
        return ("any",)
    return (4, 6)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
