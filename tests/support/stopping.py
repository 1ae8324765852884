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


def _states(pid: int) -> Iterator[str]:
    """The state of each thread, as the field after the command's name in ``stat`` has it (proc(5))."""
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(OSError):
            yield stat.read_text().rpartition(")")[2].split()[0]


@contextmanager
def stopped(server: ServerProcess) -> Iterator[None]:
    """Every process gets SIGSTOP, and SIGCONT in the end.

    A thread that runs on another core may still answer after the signal was sent: the server counts as stopped when
    the kernel says so of each.
    """
    stopping = processes(server)
    _tell(stopping, signal.SIGSTOP)
    deadline = time.monotonic() + _PATIENCE
    while not all(state in "TZ" for pid in stopping for state in _states(pid)):
        assert time.monotonic() < deadline, "the server does not stop"
        time.sleep(0.001)
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
