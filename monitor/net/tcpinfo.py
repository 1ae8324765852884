"""The kernel's own view of a connection (Linux ``struct tcp_info``, linux/tcp.h).

Read right after connect, tcpi_rtt is the time between SYN and SYN-ACK: a busy
event loop cannot inflate it, and tcpi_total_retrans tells a lost SYN from a
slow host.
"""

import socket
import struct

from monitor.domain.attempt import Run
from monitor.domain.words import Fact

_INFO = struct.Struct("=68xI28xI")  # tcpi_rtt, microseconds, and tcpi_total_retrans


def note_tcp_info(run: Run, sock: socket.socket) -> None:
    """Record kernel RTT (seconds) and retransmissions, where the system tells them."""
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    except (OSError, AttributeError):
        return  # not Linux, or already reset: a fact less, no failure
    if len(raw) >= _INFO.size:
        rtt, run.facts[Fact.RETRANSMITS] = _INFO.unpack_from(raw)
        run.facts[Fact.KERNEL_RTT] = rtt / 1e6
