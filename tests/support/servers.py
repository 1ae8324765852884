"""Real servers for tests: started on free loopback ports, awaited, and ended with the test."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def free_port(host: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody listens on, below those that Linux hands to clients, so that none takes it meanwhile."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket(family, kind) as sock:
            try:
                sock.bind((host, port))
            except OSError:
                continue
            return port


def program(name: str) -> str:
    """The path of a server's program. A missing server fails the test: it is never skipped."""
    found = shutil.which(name, path=_PATH)
    assert found is not None, f"{name} is not installed; the tests need it"
    return found


class ServerProcess:
    """A program in the foreground, in a folder of its own, ready when its TCP ports answer (``port`` and ``more``)."""

    patience: ClassVar[float] = 15.0
    """Seconds in which it must be ready, on a busy machine."""
    packets: ClassVar[bool] = False
    """Whether it takes UDP on ``port`` as well, and is ready only then."""

    def __init__(self, folder: Path, command: Sequence[str | Path], port: int, more: Sequence[int] = ()) -> None:
        self.folder = folder
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self._command = [program(str(command[0])), *map(str, command[1:])]
        self._ports = (port, *more)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "server.log"

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={"PATH": _PATH, "HOME": str(self.folder)},
            )
        self._wait(self._process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            _end(self._process)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline and process.poll() is None:
            if all(_answers(port) for port in self._ports) and (not self.packets or _takes_packets(self.port)):
                return
            time.sleep(0.02)
        _end(process)
        raise AssertionError(f"{self._command[0]} did not start:\n{self._log.read_text(errors='replace')[-3000:]}")


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _takes_packets(port: int) -> bool:
    """By the second column of udp(7)'s table: to try would be to take the port away from who is about to bind it."""
    sockets = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") for line in sockets)


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            continue
        break
    process.wait(3)
