"""The only list of kinds: the name in the config -> the class.

Adding a probe kind is one new file in probes/, its test, and one line here.
"""

from monitor.domain.ports import Probe
from monitor.probes.tcp import TcpProbe

PROBES: dict[str, type[Probe]] = {
    "tcp": TcpProbe,
}
