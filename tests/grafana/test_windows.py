"""The windows that the dashboards show are the stored ones, however far out one zooms."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from grafana.builder.queries import STARTS
from monitor.domain.outage import Window
from tests.grafana.asking import Grafana, Range, regions, seconds
from tests.grafana.boards import BOARDS, Question, questions
from tests.grafana.day import END, FAULTS, LENGTH, SCRAPE, SHORT, SILENCE, Day, store
from tests.metrics.watched import T0
from tests.support.prometheus import Prometheus

QUESTIONS = {question.name: question for question in questions()}
BANDS = QUESTIONS["overview: Outage windows A"]
STATES = QUESTIONS["overview: State of each service A"]
TABLE = QUESTIONS["overview: Outages A"]
REGIONS = QUESTIONS["overview: annotation Outages"]
KNOWN = 3 * 10.0 + 1.0
"""Seconds after which three attempts in a row have decided, be it for a fall or a rise."""

at_any_zoom = pytest.mark.parametrize("days", [1, 7, 30])


class Reader:
    """Somebody who looks at the overview."""

    def __init__(self, day: Day, address: str) -> None:
        self.stored = day.stored()
        self._address = address

    def grafana(self, days: int) -> Grafana:
        """At so many days, of which that day is the last."""
        return Grafana(self._address, Range(start=END - days * 86400, end=END), scrape=SCRAPE)

    def ask(self, question: Question, days: int) -> dict[str, list[tuple[float, float]]]:
        """Service -> points."""
        grafana = self.grafana(days)
        found = grafana.ask(question, grafana.choose(BOARDS["overview"]))
        return {dict(series)["service"]: points for series, points in found.items()}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("day")
    day = Day()
    day.write(folder)
    with ExitStack() as stack:
        prometheus = stack.enter_context(Prometheus(folder))
        prometheus.wait_for("vector(1)")
        yield Reader(day, prometheus.address)


def test_each_fault_was_stored_as_one_window(reader: Reader) -> None:
    windows = [window for found in reader.stored.values() for window in found]
    assert len(windows) == len(FAULTS)
    assert sum(down(window) for window in windows) == pytest.approx(sum(f.seconds for f in FAULTS), abs=40)


@at_any_zoom
def test_a_band_begins_with_its_window_and_says_when_that_was(reader: Reader, days: int) -> None:
    step = reader.grafana(days).step(BANDS)
    assert step == {1: SCRAPE, 7: 120, 30: 300}[days]
    found = reader.ask(BANDS, days)
    assert found.keys() == reader.stored.keys()
    for service, windows in reader.stored.items():
        bands = {value: [at for at, v in found[service] if v == value] for _, value in found[service]}
        assert [*bands] == [round(1000 * window.start) for window in windows]
        for window, points in zip(windows, bands.values(), strict=True):
            assert 0 <= points[0] - window.start <= step
            assert -step <= points[-1] - end(window) <= KNOWN + SCRAPE + step


def test_an_outage_of_25_seconds_is_seen_in_24_hours(reader: Reader) -> None:
    assert reader.grafana(1).step(STATES) == 60
    down = [at for at, value in reader.ask(STATES, 1)[SHORT.service] if value == 2]
    assert down
    assert all(0 <= at - T0 - SHORT.start <= KNOWN + SCRAPE + 2 * 60 for at in down)
    assert reader.ask(BANDS, 1)[SHORT.service]


@at_any_zoom
def test_an_annotation_is_one_region_from_the_stored_start(reader: Reader, days: int) -> None:
    step = reader.grafana(days).step(REGIONS)
    found = reader.ask(REGIONS, days)
    for service, windows in reader.stored.items():
        drawn = regions(found[service], step)
        assert [start for start, _ in drawn] == [round(1000 * window.start) for window in windows]
        for window, (_, last) in zip(windows, drawn, strict=True):
            assert -step <= last / 1000 - end(window) <= KNOWN + SCRAPE + step


@at_any_zoom
def test_the_table_has_every_outage_with_its_start(reader: Reader, days: int) -> None:
    grafana = reader.grafana(days)
    found = grafana.ask(TABLE, grafana.choose(BOARDS["overview"]))
    rows = {(dict(series)["service"], value) for series, points in found.items() for _, value in points}
    assert rows == {(name, round(one.start, 3)) for name, windows in reader.stored.items() for one in windows}
    assert {dict(series)["kind"] for series in found} <= {"total", "intermittent"}


def test_a_graver_part_that_is_shown_for_a_scrape_makes_no_band_of_its_own(tmp_path: Path) -> None:
    """While two windows are open, the start is the graver's: 40 s late, once, and then the first again."""
    began = END // SCRAPE * SCRAPE - 1800
    starts = {began + 15 * number: 0.0 for number in range(-120, 120)}
    starts |= {began + 15 * number: began for number in range(2, 80)} | {began + 45: began + 40}
    line = f'{STARTS}{{service="acme",vantage="fra-1"}}'
    lines = [f"{line} {value} {at}\n" for at, value in starts.items()]
    store(tmp_path, f"# TYPE {STARTS} gauge\n{''.join(lines)}# EOF\n")
    with Prometheus(tmp_path) as prometheus:
        prometheus.wait_for("vector(1)")
        grafana = Grafana(prometheus.address, Range(start=END - 3600, end=END), scrape=SCRAPE)
        (points,) = grafana.ask(BANDS, {"service": "acme", "vantage": ".+"}).values()
    assert {value for _, value in points} == {1000 * began}
    assert points[0][0] == began
    assert 0 <= points[-1][0] - (began + 79 * 15) <= SCRAPE, "a window of Prometheus 2 has both of its ends"


def test_what_nobody_scraped_says_no_data_and_nothing_else_does(reader: Reader) -> None:
    silent = [at for at, value in reader.ask(STATES, 1)["whatsapp"] if value == -2 and at > T0 + SCRAPE]
    assert T0 + SILENCE[0] <= min(silent) - SCRAPE
    assert max(silent) <= T0 + SILENCE[1] + 60
    assert len(silent) * 60 == pytest.approx(SILENCE[1] - SILENCE[0], abs=7 * 60)


def test_availability_and_coverage_are_those_of_the_day(reader: Reader) -> None:
    truth = {name: sum(down(window) for window in windows) for name, windows in reader.stored.items()}
    observed = LENGTH - (SILENCE[1] - SILENCE[0])
    availability = reader.ask(QUESTIONS["overview: Services in this range B"], 1)
    coverage = reader.ask(QUESTIONS["overview: Services in this range C"], 1)
    for service, seconds_down in truth.items():
        ((_, available),), ((_, covered),) = availability[service], coverage[service]
        assert available == pytest.approx(1 - seconds_down / observed, abs=0.002)
        assert covered == pytest.approx(observed / 86400, abs=0.005)


def end(window: Window) -> float:
    assert window.end is not None
    return window.end


def down(window: Window) -> float:
    return end(window) - window.start


def test_steps_are_grafanas() -> None:
    assert seconds("2m") == 120
    grafana = Grafana("", Range(start=0, end=86400), scrape=SCRAPE)
    assert [grafana.step(Question(board="", where="", expression="", points=points)) for points in (96, 1600)] == [
        900,
        60,
    ]
