"""A real Prometheus with our configuration and our rules, in a hurry."""

import json
import re
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import yaml

from tests.alertrules.alertmanager import named, quicker
from tests.alertrules.promtool import ROOT, RULES
from tests.support.servers import ServerProcess, free_port

_CONFIGURATION = ROOT / "config/prometheus/prometheus.yml"
_WAIT = re.compile(r"^( +(?:for|keep_firing_for|interval): )(\w+)$", re.MULTILINE)


class ChainPrometheus(ServerProcess):
    """Scrapes the ``monitors`` and evaluates our rules every ``step`` seconds, and tells the Alertmanager.

    What the rules wait for (``for``, ``keep_firing_for``, the interval of a group) is so many ``times`` shorter; their
    expressions are as they are.
    """

    def __init__(
        self, folder: Path, monitors: Sequence[str], alertmanager: str, *, times: float = 1.0, step: float = 15.0
    ) -> None:
        port = free_port()
        rules = folder / "rules"
        rules.mkdir()
        for path in RULES:
            text = _WAIT.sub(lambda found: found[1] + quicker(found[2], times), path.read_text())
            (rules / path.name).write_text(text)
        document = yaml.safe_load(_CONFIGURATION.read_text())
        pace = f"{round(step * 1000)}ms"
        document["global"].update(scrape_interval=pace, scrape_timeout=pace, evaluation_interval=pace)
        jobs = {job["job_name"]: job for job in document["scrape_configs"]}
        jobs["lastseen"]["static_configs"] = [{"targets": list(monitors)}]
        document["scrape_configs"] = [jobs["lastseen"]]
        document["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager]}]}]
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(document))
        options = [
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--rules.alert.resend-delay={quicker('1m', times)}",
        ]
        super().__init__(folder, ["prometheus", *options], port)

    def firing(self) -> set[str]:
        """What fires now, as Prometheus sees it: nothing is silenced here."""
        with urllib.request.urlopen(f"http://{self.address}/api/v1/alerts", timeout=10) as response:
            found = json.load(response)["data"]["alerts"]
        return {named(alert["labels"]) for alert in found if alert["state"] == "firing"}
