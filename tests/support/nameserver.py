"""A name server that says the same to everybody, on a socket made elsewhere (in a namespace)."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SERVFAIL, NXDOMAIN, REFUSED = 2, 3, 5


@contextmanager
def name_server(sock: socket.socket, rcode: int) -> Iterator[None]:
    """Answer every question with ``rcode`` and nothing else; closes ``sock`` in the end."""
    over = threading.Event()
    sock.settimeout(0.2)

    def serve() -> None:
        while not over.is_set():
            try:
                query, peer = sock.recvfrom(4096)
            except TimeoutError:
                continue
            end = query.index(b"\0", 12) + 5  # of the only question: name, type, class
            sock.sendto(query[:2] + struct.pack("!HHHHH", 0x8180 | rcode, 1, 0, 0, 0) + query[12:end], peer)

    thread = threading.Thread(target=serve, name="name server")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)
        sock.close()
