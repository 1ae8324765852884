"""A month read from a real store, as it was written hour by hour."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.config import Configuration, loads
from monitor.domain.outage import Note, Span, StateSeconds, Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import VantageState
from monitor.registry import PROBE_SETTINGS
from monitor.reports.findings import Findings, NothingKnown, Order, find
from monitor.reports.parts import Sort
from monitor.store import Store
from tests.reports.months import AFTER, FIRST, LATER, OCTOBER, note, october, provider_wide, window

_HOUR = 3600
_CONFIG = """
services:
  - {name: s, title: Ess, provider: p, components: [{name: c, targets: [&t {probe: tcp, address: "127.0.0.1:1"}]}]}
  - {name: t, provider: q, components: [{name: c, targets: [*t]}, {name: d, critical: false, targets: [*t]}]}
  - {name: new, provider: p, components: [{name: c, targets: [*t]}]}
witnesses: []
"""


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    return loads(_CONFIG, PROBE_SETTINGS, None, {})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(f"sqlite:///{tmp_path}/x.db")
    made.claim()
    await made.resume()
    yield made
    await made.close()


async def keep(store: Store, *windows: Window, spans: tuple[Span, ...] = (), notes: tuple[Note, ...] = ()) -> None:
    store.keep(Ruling(at=LATER, windows=windows, spans=spans))
    await store.kept()
    await store.flush()
    for said in notes:
        await store.archive.annotate(said)


def book(store: Store, service: str, component: str = "", *, down: dict[int, float] | None = None) -> None:
    """Up in every hour from a week before October to a day after, but for what was down in hours that begin then."""
    store.keep_seconds(
        StateSeconds(
            hour=hour,
            service=service,
            component=component,
            up=_HOUR - (down or {}).get(hour, 0.0),
            down=(down or {}).get(hour, 0.0),
        )
        for hour in range(FIRST - 7 * 24 * _HOUR, AFTER + 24 * _HOUR, _HOUR)
    )


async def read(store: Store, configuration: Configuration, **wanted: str) -> Findings:
    return await find(store.archive, configuration, Order(period=OCTOBER, objective=0.999, **wanted))


async def test_a_month_is_what_was_written_in_it_and_nothing_before_or_after(
    store: Store, configuration: Configuration
) -> None:
    down = {
        int(october("25T06:00:00")): 1500.0,
        int(october("25T07:00:00")): 3600.0,
        FIRST - _HOUR: 999.0,
        AFTER: 777.0,
    }
    for service, component in (("s", ""), ("s", "c"), ("t", "")):
        book(store, service, component, down=down if service == "s" else None)
    outage = window(october("25T06:35:00"), october("25T08:00:00"))
    await keep(store, outage, window(FIRST - 7200, FIRST - 3600), window(AFTER, AFTER + 60))
    found = await read(store, configuration)
    assert [service.name for service in found.services] == ["s", "t", "new"]
    s, t, new = found.services
    assert (s.title, s.spent.down, s.spent.total, s.spent.coverage) == ("Ess", 5100, 31 * 86_400, 1)
    assert s.spent.availability == 1 - 5100 / (31 * 86_400)
    assert [part.report.window.id for part in s.outages.parts] == [outage.id]
    assert s.components[0].spent.down == 5100
    assert (t.spent.availability, t.outages.parts, [one.critical for one in t.components]) == (1, (), [True, False])
    assert (new.spent.availability, new.spent.coverage) == (None, 0)


async def test_what_people_took_back_is_not_held_against_it(store: Store, configuration: Configuration) -> None:
    first, second = int(october("25T06:00:00")), int(october("26T06:00:00"))
    for component in ("", "c"):
        book(store, "s", component, down={first: 1800.0, second: 600.0})
    none, outage = window(first, first + 1800), window(second, second + 600)
    await keep(store, none, outage, notes=(note(none, outage="no"),))
    s = (await read(store, configuration, service="s")).services[0]
    assert (s.spent.down, s.spent.unknown) == (600, 1800)
    assert s.spent.availability == 1 - 600 / (31 * 86_400 - 1800)
    assert [part.seconds for part in s.outages.parts] == [600]


async def test_what_was_meant_to_be_down_counts_neither_way(store: Store, configuration: Configuration) -> None:
    hour = int(october("25T06:00:00"))
    for component in ("", "c"):
        book(store, "s", component, down={hour: 1800.0})
    outage = window(hour, hour + 1800)
    await keep(store, outage, notes=(note(outage, planned="yes"),))
    found = await read(store, configuration, service="s")
    s = found.services[0]
    assert (s.spent.down, s.spent.planned, s.spent.availability, s.spent.coverage) == (0, 1800, 1, 1)
    assert [part.report.window.id for part in found.of(Sort.PLANNED)] == [outage.id]


async def test_services_that_only_the_store_knows_come_last(store: Store, configuration: Configuration) -> None:
    book(store, "old")
    book(store, "t")
    gone = window(october("03T00:00:00"), october("03T01:00:00"), services=("gone",), components=("gone.c",))
    await keep(store, gone)
    found = await read(store, configuration)
    assert [(service.name, service.provider) for service in found.services] == [
        *(("s", "p"), ("t", "q"), ("new", "p"), ("gone", "p"), ("old", "")),
    ]
    assert (found.services[3].spent.availability, len(found.services[3].outages.parts)) == (None, 1)


async def test_one_service_or_the_services_of_one_provider(store: Store, configuration: Configuration) -> None:
    for service in ("s", "t"):
        book(store, service)
    mine = window(october("03T00:00:00"), october("03T01:00:00"))
    wide = window(october("04T00:00:00"), october("04T01:00:00"), **provider_wide(mine, "s", "new"))
    other = window(october("05T00:00:00"), None, services=("t",), components=("t.c",), provider="q", target="t.c")
    await keep(store, mine, wide, other)
    of_t = await read(store, configuration, service="t")
    of_p = await read(store, configuration, provider="p")
    assert ([each.name for each in of_t.services], len(of_t.parts)) == (["t"], 1)
    assert [each.name for each in of_p.services] == ["s", "new"]
    assert [len(each.outages.parts) for each in of_p.services] == [2, 1]
    with pytest.raises(NothingKnown, match="nothing is known of nobody for October 2026"):
        await read(store, configuration, service="nobody")


async def test_a_month_of_more_outages_than_are_read_at_once(store: Store, configuration: Configuration) -> None:
    book(store, "s")
    many = [window(FIRST + 600.0 * number, FIRST + 600.0 * number + 60) for number in range(2345)]
    await keep(store, *many)
    (service,) = (await read(store, configuration, service="s")).services
    assert len(service.outages.parts) == 2345
    assert service.outages.to_recover == 60
    assert service.outages.between == pytest.approx(31 * 86_400 / 2345)


async def test_where_a_vantage_was_blind_is_cut_to_the_month(store: Store, configuration: Configuration) -> None:
    book(store, "s")
    spans = [
        (VantageState.OFFLINE, FIRST - 60, FIRST + 60),
        (VantageState.ONLINE, FIRST + 60, FIRST + 600),
        (VantageState.CAPTIVE, FIRST + 600, FIRST + 660),
        (VantageState.OFFLINE, AFTER - 60, None),
    ]
    made = [Span(vantage="v", state=state, start=start, end=end) for state, start, end in spans]
    before = Span(vantage="u", state=VantageState.OFFLINE, start=FIRST - 600, end=FIRST)
    await keep(store, spans=(*made, before))
    found = await read(store, configuration)
    assert [(span.state, span.start, span.end) for span in found.spans] == [
        (VantageState.OFFLINE, FIRST, FIRST + 60),
        (VantageState.CAPTIVE, FIRST + 600, FIRST + 660),
        (VantageState.OFFLINE, AFTER - 60, AFTER),
    ]
