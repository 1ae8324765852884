"""A network namespace of the test's own: loopback only, or with a line that leads into nothing."""

import ctypes
import os
import secrets
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from tests.support.servers import program

_CLONE_NEWNET = 0x40000000  # linux/sched.h; os.setns comes with Python 3.12
_T = TypeVar("_T")


class Namespace:
    """Loopback is up and nothing else. Needs root (CAP_NET_ADMIN), and says so when it is missing.

    ``resolv_conf`` becomes the system's for every command that is started through `prefix`.
    """

    def __init__(self, folder: Path, resolv_conf: str = "nameserver 192.0.2.53\n") -> None:
        self.name = f"alone-{secrets.token_hex(4)}"
        file = folder / f"{self.name}.resolv.conf"
        file.write_text(resolv_conf)
        # `ip netns exec` gives the command a mount namespace of its own
        self.prefix = [
            *(program("ip"), "netns", "exec", self.name),
            *(program("sh"), "-c", f'mount --bind {file} /etc/resolv.conf && exec "$@"', "sh"),
        ]
        """What to put before a command that shall run inside."""
        self._inside: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        _run("ip", "netns", "add", self.name)
        self._inside = ThreadPoolExecutor(1, initializer=self.step_in)
        self.run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._inside is not None:
            self._inside.shutdown()
        subprocess.run([program("ip"), "netns", "del", self.name], check=False, capture_output=True)

    def add_dead_line(self) -> None:
        """A default route over a line at whose other end nobody takes anything: every packet vanishes."""
        self.run("ip", "link", "add", "out", "type", "veth", "peer", "name", "end")
        self.run("ip", "addr", "add", "198.18.0.2/24", "dev", "out")
        for device in ("out", "end"):
            self.run("ip", "link", "set", device, "up")
        self.run("ip", "neigh", "add", "198.18.0.1", "lladdr", "02:00:00:00:00:01", "dev", "out")
        self.run("ip", "route", "add", "default", "via", "198.18.0.1")

    def run(self, *command: str) -> None:
        """Run a command inside."""
        _run("ip", "netns", "exec", self.name, program(command[0]), *command[1:])

    def call(self, function: Callable[[], _T]) -> _T:
        """Call a function in a thread that stands inside: sockets that it makes belong there for good."""
        assert self._inside is not None, "not entered"
        return self._inside.submit(function).result()

    def step_in(self) -> None:
        """Move the thread that calls this inside, for good."""
        descriptor = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"cannot enter the namespace {self.name}")
        finally:
            os.close(descriptor)


def _run(*command: str) -> None:
    done = subprocess.run([program(command[0]), *command[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
