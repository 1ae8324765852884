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


def note_tcp_info(run: Run, descriptor: int) -> None:
    """Record kernel RTT (seconds) and retransmissions, where the system tells them."""
    # A borrowed view of the descriptor in C: what uvloop's transport offers makes a Python socket for each question.
    view = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)
    try:
        raw = view.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    except (OSError, AttributeError):
        return  # not Linux, or already reset: a fact less, no failure
    finally:
        view.detach()
    if len(raw) >= _INFO.size:
        rtt, run.facts[Fact.RETRANSMITS] = _INFO.unpack_from(raw)
        run.facts[Fact.KERNEL_RTT] = rtt / 1e6
