"""The real monitor: ``python -m monitor run CONFIG`` as its own process, and what it says over HTTP."""

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prometheus_client.parser import text_string_to_metric_families

from tests.support.namespace import Namespace
from tests.support.servers import free_port

ROOT = Path(__file__).parents[2]
_PATIENCE = 20.0
_ATTEMPTS = re.compile(r'^lastseen_probe_attempts_total\{(.*),outcome="\w+"\} (\S+)$', re.MULTILINE)


def environment(**extra: str) -> dict[str, str]:
    """What a command of ours runs with: the repository's code, a terminal's width, nothing of the caller's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **extra}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True, slots=True)
class Metrics:
    """A scrape, parsed by prometheus_client."""

    text: str
    samples: list[tuple[str, dict[str, str], float]] = field(init=False)

    def __post_init__(self) -> None:
        families = text_string_to_metric_families(self.text)
        found = [(s.name, dict(s.labels), float(s.value)) for family in families for s in family.samples]
        object.__setattr__(self, "samples", found)

    def all(self, name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of every sample of that name that has these labels."""
        return [(own, value) for n, own, value in self.samples if n == name and labels.items() <= own.items()]

    def sum(self, name: str, **labels: str) -> float:
        """The sum over all of them; 0 when there are none."""
        return sum(value for _, value in self.all(name, **labels))

    def value(self, name: str, **labels: str) -> float:
        """The value of the only one."""
        ((_, value),) = self.all(name, **labels)
        return value


class Monitor:
    """Started with ``config`` (its ``web.listen`` is set), ready when /readyz says so, ended with SIGTERM.

    ``prefix`` is what the command is started through (a shell that sets limits).
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        namespace: Namespace | None = None,
        prefix: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / "monitor.yaml"
        self.port = free_port()
        self.headers: dict[str, str] = {}
        self.tls: ssl.SSLContext | None = None
        self._namespace = namespace
        self._prefix = [*(namespace.prefix if namespace else ()), *prefix]
        self._environ = environ or {}
        self._log = folder / "monitor.log"
        self.write(config)
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, config: Mapping[str, Any]) -> None:
        """Put another configuration in place; JSON is YAML too."""
        web = {"listen": f"127.0.0.1:{self.port}", **config.get("web", {})}
        store = f"sqlite:///{self.folder / 'lastseen.db'}"
        self.path.write_text(json.dumps({"witnesses": [], "store": store, **config, "web": web}, indent=1))

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._prefix, sys.executable, "-m", "monitor", "run", str(self.path)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(**self._environ),
            )
        try:
            self._wait_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self.process
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    @property
    def log(self) -> str:
        """Everything that it wrote on stdout and stderr."""
        return self._log.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> tuple[int, float]:
        """SIGTERM; the exit code, and the seconds it took."""
        began = time.monotonic()
        self.process.terminate()
        return self.process.wait(15), time.monotonic() - began

    def get(self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET") -> Answer:
        """One request on a connection of its own, from where the monitor stands."""
        if self._namespace is None:
            return self._get(path, headers, method)
        return self._namespace.call(lambda: self._get(path, headers, method))

    def _get(self, path: str, headers: Mapping[str, str] | None, method: str) -> Answer:
        connection = (
            http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=self.tls)
            if self.tls
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        )
        try:
            connection.request(method, path, headers=self.headers if headers is None else headers)
            response = connection.getresponse()
            return Answer(status=response.status, headers=dict(response.getheaders()), body=response.read())
        finally:
            connection.close()

    def metrics(self, *about: str) -> Metrics:
        """A scrape; of the lines that contain one of these words, when some are given (parsing 50,000 takes 2 s)."""
        text = self.get("/metrics").text
        if about:
            text = "".join(f"{line}\n" for line in text.splitlines() if any(word in line for word in about))
        return Metrics(text)

    def wait_until(self, is_so: Callable[[Metrics], bool], *about: str, timeout: float = _PATIENCE) -> Metrics:
        """The first metrics that are as wanted. ``about`` as in `metrics`."""
        deadline = time.monotonic() + timeout
        while not is_so(metrics := self.metrics(*about)):
            assert time.monotonic() < deadline, f"it never came to this:\n{metrics.text[-3000:]}\n{self.log[-3000:]}"
            time.sleep(0.2)
        return metrics

    def checks(self) -> dict[str, dict[str, Any]]:
        """/api/v1/checks by target; witnesses included."""
        found = json.loads(self.get("/api/v1/checks").body)["checks"]
        return {check["target"]: check for check in found}

    def wait_for_attempts(self, number: int = 1, *, timeout: float = _PATIENCE) -> Metrics:
        """Metrics from when every check has that many attempts."""
        deadline = time.monotonic() + timeout
        while True:
            text = self.get("/metrics").text
            totals: dict[str, float] = {}
            for check, value in _ATTEMPTS.findall(text):  # the real parser needs a second for a thousand checks
                totals[check] = totals.get(check, 0) + float(value)
            if totals and min(totals.values()) >= number:
                return Metrics(text)
            late = [check for check, value in totals.items() if value < number]
            assert time.monotonic() < deadline, f"not asked often enough: {late}\n{self.log[-3000:]}"
            time.sleep(0.2)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.get("/readyz").status in (200, 401):
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the monitor did not start (exit code {self.process.poll()}):\n{self.log[-3000:]}")
