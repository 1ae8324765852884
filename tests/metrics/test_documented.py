"""docs/metrics.md names every metric, and no other."""

import re
from collections.abc import Iterable
from pathlib import Path

from monitor.metrics.outages import OutageMetrics
from monitor.metrics.own import OwnMetrics
from monitor.metrics.probes import ProbeMetrics
from monitor.metrics.states import StateMetrics
from tests.metrics.watched import HERE, Watched, vitals

DOCUMENT = Path(__file__).parents[2] / "docs/metrics.md"


def families() -> Iterable[tuple[str, str]]:
    """Name and type of every family, whether it has a series now or not."""
    watched = Watched()
    sources = (ProbeMetrics(HERE), StateMetrics(HERE, watched.judge), OutageMetrics(HERE))
    headers = [family.header(openmetrics=False) for source in sources for family in source.families()]
    headers.append(OwnMetrics(vitals).render(openmetrics=False))
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", b"".join(headers).decode(), re.MULTILINE):
        if not name.startswith(("process_", "python_")):
            yield name, kind


def test_every_metric_is_in_the_tables_with_its_type_and_there_is_no_other() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \|", DOCUMENT.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(families())
