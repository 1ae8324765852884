"""Listeners that never take a connection: the kernel shakes hands for one, and drops the calls of the other."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def mute(backlog: int = 4096) -> Iterator[int]:
    """A port where connections succeed and nothing is ever said. Costs nobody a cycle."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as sock:
        yield sock.getsockname()[1]


@contextmanager
def dropping() -> Iterator[int]:
    """A port that does not answer a SYN: its queue of connections that nobody accepts is full."""
    with ExitStack() as stack:
        sock = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(sock.getsockname())
        yield sock.getsockname()[1]
