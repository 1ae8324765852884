"""Prometheus, asked as Grafana asks it: its variables, its steps, its alignment.

Steps and intervals as the Prometheus data source of Grafana 12 computes them
(pkg/tsdb/intervalv2 and pkg/promlib/models), written from their behaviour.
"""

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.grafana.boards import Question

_MOST = 11_000
"""Points of a series that Prometheus gives."""
_NICE = (
    *((0.15, 0.1), (0.35, 0.2), (0.75, 0.5), (1.5, 1), (3.5, 2), (7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30)),
    *((90, 60), (210, 120), (450, 300), (750, 600), (1050, 900), (1500, 1200), (2700, 1800), (5400, 3600)),
    *((9000, 7200), (16200, 10800), (32400, 21600), (86400, 43200)),
)
"""Below so many seconds, a step of so many."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")

Matrix = dict[frozenset[tuple[str, str]], list[tuple[float, float]]]
"""Labels -> times and values."""


def nice(seconds: float) -> float:
    """A step that people read easily."""
    return next((step for below, step in _NICE if seconds < below), 86400)


def seconds(text: str) -> float:
    """Of ``30s``, ``5m``."""
    return float(text[:-1]) * _UNITS[text[-1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What the time picker shows, Unix seconds."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


class Grafana:
    """Asks the Prometheus at ``address`` (``host:port``), which scrapes every ``scrape`` seconds."""

    def __init__(self, address: str, shown: Range, *, scrape: float) -> None:
        self._at = f"{address}/api/v1"
        self.shown = shown
        self.scrape = scrape

    def step(self, question: Question) -> float:
        """Seconds between two points."""
        least = seconds(question.least) if question.least else self.scrape
        return max(nice(self.shown.length / question.points), least, nice(self.shown.length / _MOST))

    def choose(self, board: Mapping[str, Any]) -> dict[str, str]:
        """What each variable becomes: All where that can be chosen, else the first of its values."""
        chosen: dict[str, str] = {}
        for variable in board["templating"]["list"]:
            chosen[variable["name"]] = self._value(variable, chosen)
        return chosen

    def _value(self, variable: Mapping[str, Any], chosen: Mapping[str, str]) -> str:
        if variable["type"] == "datasource":
            return "prometheus"
        if variable["type"] == "custom":
            return str(variable["current"]["value"])
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
        assert match, variable
        series = self.fill(match[1], chosen, self.scrape)
        at = {"start": f"{self.shown.start}", "end": f"{self.shown.end}"}
        found: list[str] = self._get(f"label/{match[2]}/values", {"match[]": series, **at})
        assert found, f"the variable {variable['name']} has no value"
        if variable.get("allValue"):
            return str(variable["allValue"])
        escaped = [re.sub(r"([$^*{}\[\]'+?.()|])", r"\\\\\1", value) for value in found]
        return f"({'|'.join(escaped)})" if variable.get("includeAll") and len(escaped) > 1 else escaped[0]

    def fill(self, text: str, chosen: Mapping[str, str], step: float) -> str:
        """The text with every variable replaced; one that nobody knows is an error."""
        rate = max(step + self.scrape, 4 * self.scrape)
        length = round(self.shown.length)
        known = {
            **chosen,
            "__interval": _duration(step),
            "__interval_ms": f"{step * 1000:.0f}",
            "__rate_interval": _duration(rate),
            "__range": f"{length}s",
            "__range_s": f"{length}",
        }
        return _VARIABLE.sub(lambda match: known[match[1] or match[2]], text)

    def ask(self, question: Question, chosen: Mapping[str, str]) -> Matrix:
        """Every series and its points."""
        step = self.step(question)
        query = {"query": self.fill(question.expression, chosen, step)}
        if question.is_instant:
            answer = self._get("query", {**query, "time": f"{self.shown.end}"})
        else:
            start, end = (edge // step * step for edge in (self.shown.start, self.shown.end))
            answer = self._get("query_range", {**query, "start": f"{start}", "end": f"{end}", "step": f"{step}"})
        return {
            frozenset(one["metric"].items()): [(at, float(v)) for at, v in one.get("values") or [one["value"]]]
            for one in answer["result"]
        }

    def wait_for(self, question: Question, chosen: Mapping[str, str], *, patience: float = 20.0) -> Matrix:
        """The first answer that is not empty."""
        deadline = time.monotonic() + patience
        while not (found := self.ask(question, chosen)):
            assert time.monotonic() < deadline, f"{question.name} stays empty: {question.expression}"
            time.sleep(0.2)
        return found

    def _get(self, path: str, query: Mapping[str, str]) -> Any:
        try:
            with urllib.request.urlopen(
                f"http://{self._at}/{path}?{urllib.parse.urlencode(query)}", timeout=30
            ) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error.read().decode()}\n{query}") from error
        assert not answer.get("warnings"), answer["warnings"]
        return answer["data"]


def regions(points: list[tuple[float, float]], step: float) -> list[tuple[float, float]]:
    """What Grafana makes of an annotation's values that are moments: those not more than a step apart are one region.

    Milliseconds, as packages/grafana-prometheus does it, from what it is seen to do.
    """
    made: list[tuple[float, float]] = []
    for moment in (float(int(value)) for _, value in points):
        if made and moment <= made[-1][1] + step * 1000:
            made[-1] = (made[-1][0], moment)
        else:
            made.append((moment, moment))
    return made


def _duration(step: float) -> str:
    return f"{step * 1000:.0f}ms"
