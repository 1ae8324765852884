"""A line that is slow: two TUN devices, each in a namespace, and a thread that carries packets between them."""

import fcntl
import os
import secrets
import select
import struct
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.support.servers import program

_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_LARGEST = 65535


class SlowLine:
    """Like a veth pair between two namespaces; what leaves ``near`` arrives ``delay`` seconds later."""

    def __init__(self, near: tuple[str, str], far: tuple[str, str]) -> None:
        """Each end is a namespace and the device's name in it."""
        self._near, self._far = _tun(*near), _tun(*far)
        self._over = threading.Event()
        self._held: deque[tuple[float, bytes]] = deque()
        self._thread = threading.Thread(target=self._carry, name="slow line")
        self.delay = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(5)
        os.close(self._near)
        os.close(self._far)

    def _carry(self) -> None:
        while not self._over.is_set():
            due = self._held[0][0] - time.monotonic() if self._held else 0.1
            ready, _, _ = select.select([self._near, self._far], [], [], max(0.0, min(due, 0.1)))
            if self._near in ready:
                self._held.append((time.monotonic() + self.delay, os.read(self._near, _LARGEST)))
            if self._far in ready:
                _write(self._near, os.read(self._far, _LARGEST))
            while self._held and self._held[0][0] <= time.monotonic():
                _write(self._far, self._held.popleft()[1])


def _tun(namespace: str, name: str) -> int:
    """The descriptor of a new TUN device, which stays ours when the device moves to its namespace."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    made = f"tun-{secrets.token_hex(4)}"
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH", made.encode(), _IFF_TUN | _IFF_NO_PI))
    move = [program("ip"), "link", "set", made, "netns", namespace, "name", name]
    done = subprocess.run(move, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return descriptor


def _write(descriptor: int, packet: bytes) -> None:
    with suppress(OSError):  # the other end is down: the packet is lost, as on any line
        os.write(descriptor, packet)
