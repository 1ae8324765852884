"""The kernel's own view of a connection (Linux ``struct tcp_info``, linux/tcp.h).

Read right after connect, tcpi_rtt is the time between SYN and SYN-ACK: a busy
event loop cannot inflate it, and tcpi_total_retrans tells a lost SYN from a
slow host.
"""

import socket
import struct

from monitor.domain.attempt import Run
from monitor.domain.words import Fact

_RTT = struct.Struct("=I")
_RTT_OFFSET = 68  # microseconds
_RETRANS_OFFSET = 100
_SIZE = 104


def note_tcp_info(run: Run, sock: socket.socket) -> None:
    """Record kernel RTT (seconds) and retransmissions, where the system tells them."""
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
    except (OSError, AttributeError):
        return  # not Linux, or already reset: a fact less, no failure
    if len(raw) >= _SIZE:
        run.facts[Fact.KERNEL_RTT] = _RTT.unpack_from(raw, _RTT_OFFSET)[0] / 1e6
        run.facts[Fact.RETRANSMITS] = _RTT.unpack_from(raw, _RETRANS_OFFSET)[0]
