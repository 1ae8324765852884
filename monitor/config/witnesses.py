"""``witnesses:`` -> checks that judge the vantage, not a service."""

from dataclasses import replace

from monitor.config.document import parse
from monitor.config.envelope import WitnessSettings
from monitor.config.nodes import Node, Scalar, Table
from monitor.config.problems import closest
from monitor.config.services import Reader
from monitor.config.targets import Place, build, read_head, remember
from monitor.domain.check import Check

SERVICE = "witness"
COMPONENT = "vantage"

DEFAULT = """\
- {probe: tls, address: "www.wikipedia.org:443", expiry: {warn_days: 0}, network: AS14907}  # Wikimedia
- {probe: tls, address: "www.ripe.net:443", expiry: {warn_days: 0}, network: AS3333}        # RIPE NCC
- {probe: tls, address: "9.9.9.9:443", tls: {server_name: dns.quad9.net}, expiry: {warn_days: 0}, network: AS19281}
"""
"""Two names and one address (Quad9: needs no resolver) of three operators that have nothing to do with each other or
with any watched provider. TLS, because captive portals and transparent proxies accept a connection to any address."""


def read_witnesses(node: Node | None, reader: Reader) -> tuple[Check, ...]:
    """The witnesses of a file: ``default`` (or nothing), or a list of targets, each with its ``network``."""
    if node is None or (isinstance(node, Scalar) and node.value == "default"):
        node = parse(DEFAULT, "(default witnesses)", {}, reader.problems)
    elif isinstance(node, Scalar):
        hint = "" if node.hidden else closest(str(node.value), ("default",))
        reader.problems.add(node.mark, "'witnesses' must be 'default' or a list of targets", hint)
        return ()
    checks = [_witness(table, reader) for table in reader.tables(node, "witnesses", is_optional=True)]
    return tuple(check for check in checks if check is not None)


def _witness(table: Table, reader: Reader) -> Check | None:
    common, settings = read_head(table, reader.kinds, WitnessSettings, reader.problems)
    if common is None or settings is None:
        return None
    place = Place(
        service=SERVICE,
        component=COMPONENT,
        provider=common.network,
        critical=False,
        foreign=common.foreign,
        interval=30.0,
        timeout=3.0,
        service_table=table,
        component_table=table,
    )
    attempts = common.confirm.attempts or 0  # a witness is one of several: they confirm each other
    common = common.model_copy(update={"confirm": common.confirm.model_copy(update={"attempts": attempts})})
    check, _ = build(table, place, common, settings, reader.problems)
    if not reader.is_new(check, table) or not common.enabled:
        return None
    reader.written[check.id] = remember(place, table)
    return replace(check, critical=False)
