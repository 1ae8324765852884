"""A server that stops in the middle of everything: its processes sleep, its kernel goes on shaking hands."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.servers import ServerProcess

_PATIENCE = 3.0


def processes(server: ServerProcess) -> list[int]:
    """The server's process and all that it started, whichever sessions they made for themselves."""
    assert server._process is not None, "not started"
    return list(_family(server._process.pid))


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from _family(int(child))


@contextmanager
def stopped(server: ServerProcess) -> Iterator[None]:
    """Every process gets SIGSTOP, and SIGCONT in the end."""
    stopping = processes(server)
    _tell(stopping, signal.SIGSTOP)
    try:
        yield
    finally:
        _tell(stopping, signal.SIGCONT)


def end(pids: Iterable[int]) -> None:
    """End processes one after the other, each gone (or given up) before the next hears of it."""
    for pid in pids:
        _tell([pid], signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.005)


def _tell(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
