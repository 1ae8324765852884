"""Prometheus itself, scraping every second."""

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.servers import ServerProcess, free_port, program


class Prometheus(ServerProcess):
    """Scrapes the ``targets`` (each ``host:port``); `query` asks it."""

    def __init__(self, folder: Path, *targets: str) -> None:
        port = free_port()
        configuration = folder / "prometheus.yml"
        configuration.write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            f"scrape_configs: [{{job_name: lastseen, static_configs: [{{targets: {json.dumps(targets)}}}]}}]\n"
        )
        command = ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'tsdb'}"]
        super().__init__(folder, [*command, f"--web.listen-address=127.0.0.1:{port}"], port)

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of every series in the instant vector."""
        address = f"http://{self.address}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(address, timeout=10) as response:
            answer: dict[str, Any] = json.load(response)
        assert answer["status"] == "success", answer
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]

    def wait_for(self, expression: str, *, timeout: float = 15) -> list[tuple[dict[str, str], float]]:
        """The same, from when there is something."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                found = self.query(expression)
            except urllib.error.HTTPError as error:
                if error.code != 503:  # it listens before it is ready
                    raise
                error.close()
                found = []
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"Prometheus never had {expression}")


def lint(metrics: bytes) -> tuple[int, str]:
    """Exit code and words of ``promtool check metrics``."""
    command = [program("promtool"), "check", "metrics"]
    done = subprocess.run(command, input=metrics, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode()
