"""Our rules evaluated by ``promtool test rules`` over given series: which alerts fire, and when."""

import json
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.alertrules.replayed import Series, notation
from tests.support.servers import program

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "config/prometheus/rules").glob("*.yml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """``series`` with a value each ``interval`` seconds, over ``length`` seconds; rules are evaluated as often."""

    series: Series
    interval: int
    length: int
    _questions: list[dict[str, Any]] = field(default_factory=list)

    def fires(self, second: int, severity: str, *alerts: str) -> None:
        """Expect exactly these alerts of that severity to fire then, such as ``ServiceDown whatsapp``.

        The word behind the name is the service, else the provider, with the vantage behind it, as in ``meta@fra-1``.
        """
        self._ask(second, f'ALERTS{{alertstate="firing",severity="{severity}"}}', alerts)

    def ever_fires(self, severity: str, *alerts: str) -> None:
        """Expect exactly these to have fired at any time."""
        every = f'max_over_time(ALERTS{{alertstate="firing",severity="{severity}"}}[{self.length}s])'
        self._ask(self.length, every, alerts)

    def fires_once(self, alert: str, service: str) -> None:
        """Expect it to have begun to fire one single time."""
        firing = f'ALERTS{{alertname="{alert}",service="{service}",alertstate="firing"}}'
        began = f"{firing} unless {firing} offset {self.interval}s"
        self.counts(f"count_over_time((count({began}))[{self.length}s:{self.interval}s])", 1)

    def counts(self, expression: str, value: float, second: int | None = None) -> None:
        """Expect a single sample without labels, at the end unless told."""
        at = self.length if second is None else second
        self._questions.append(
            {"expr": expression, "eval_time": f"{at}s", "exp_samples": [{"labels": "{}", "value": value}]}
        )

    def _ask(self, second: int, of: str, alerts: Collection[str]) -> None:
        at = f'label_replace({of}, "at", "@$1", "vantage", "(.+)")'
        owner = f'label_replace({at}, "provider", "", "service", ".+")'
        who = f'label_join({owner}, "who", "", "provider", "service", "at")'
        expected = [_sample(alert) for alert in alerts]
        self._questions.append(
            {"expr": f"group by (alertname, who) ({who})", "eval_time": f"{second}s", "exp_samples": expected}
        )

    def check(self, folder: Path) -> None:
        """Ask promtool. AssertionError with what it found instead."""
        document: Mapping[str, Any] = {
            "rule_files": [str(path) for path in RULES],
            "evaluation_interval": f"{self.interval}s",
            "tests": [
                {
                    "interval": f"{self.interval}s",
                    "input_series": [{"series": name, "values": notation(v)} for name, v in self.series.items()],
                    "promql_expr_test": self._questions,
                }
            ],
        }
        file = folder / "test.yml"
        file.write_text(json.dumps(document))
        command = [program("promtool"), "test", "rules", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def _sample(alert: str) -> dict[str, Any]:
    name, _, who = alert.partition(" ")
    labels = f'alertname="{name}"' + (f',who="{who}"' if who else "")
    return {"labels": f"{{{labels}}}", "value": 1}
