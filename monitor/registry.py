"""The only list of kinds: the name in the config -> the class.

Adding a probe kind is one new file in probes/, its test, and one line here.
"""

from monitor.domain.ports import Probe
from monitor.probes.dns import DnsProbe
from monitor.probes.http import HttpProbe
from monitor.probes.icmp import IcmpProbe
from monitor.probes.tcp import TcpProbe
from monitor.probes.tls import TlsProbe
from monitor.probes.websocket import WebSocketProbe

PROBES: dict[str, type[Probe]] = {
    "dns": DnsProbe,
    "http": HttpProbe,
    "https": HttpProbe,
    "icmp": IcmpProbe,
    "tcp": TcpProbe,
    "tls": TlsProbe,
    "websocket": WebSocketProbe,
}
