"""Programs under measurement: started, pinned to a core, weighed, and ended."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_PATIENCE = 30.0
_CPUCLOCK_SCHED = 2
_CORES = sorted(os.sched_getaffinity(0))
PROBER = (_CORES[0],)
"""The core of a monitor whose lateness is measured."""
MACHINE = tuple(_CORES)
"""All cores: what contestants get whose CPU is compared, as they would where they are deployed."""
WORLD = tuple(_CORES[1:]) or PROBER
"""The cores of everything else: servers, clients, this program."""


class Process:
    """A program in the foreground with its output in a file of ``folder``; a context manager."""

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: Path,
        cores: Sequence[int],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._command = ["taskset", "--cpu-list", ",".join(map(str, cores)), *map(str, command)]
        self._env = {**os.environ, **(env or {})}
        self._log = folder / f"{Path(str(command[0])).name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env, start_new_session=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._running
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                os.killpg(process.pid, number)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                continue
            return

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self._command} was never started")
        return self._process

    def cpu(self) -> float:
        """CPU seconds of all its threads so far, ended ones too, in nanosecond grain.

        The clock of another process, as clock_getcpuclockid(3) makes its number;
        /proc/PID/stat counts in ticks of 10 ms.
        """
        return time.clock_gettime((~self._running.pid << 3) | _CPUCLOCK_SCHED)

    def memory(self, key: str = "VmRSS") -> float:
        """MB resident; ``VmHWM`` for the most there ever was."""
        for line in Path(f"/proc/{self._running.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"no {key} in /proc/{self._running.pid}/status")

    def wait_for(self, is_ready: Callable[[], bool]) -> None:
        """Until ``is_ready`` says so; an OSError counts as not yet. Raises RuntimeError with its last output."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and self._running.poll() is None:
            try:
                if is_ready():
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"{self._command} is not ready:\n{self._log.read_text(errors='replace')[-2000:]}")
