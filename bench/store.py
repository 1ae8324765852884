"""A year of windows and sums: how large is the file, how long do the page's two questions take?"""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.results import Result, at_most
from monitor.domain.outage import Evidence, OutageQuery, Stage, Transition, Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import Breadth, Cause, Kind, Layer, Reach, Reason, State, Status
from monitor.store import Archive, Retention, Store
from monitor.store.values import DAY, HOUR

END = 1_700_000_000 // DAY * DAY
"""When the made-up year ends."""
_A_RULING = 250
_VANTAGES = ("fra-1", "ams-2", "nyc-1")
_MEGABYTE = 1e6
_TIMES = "with recursive hour(at) as (select {begin} union all select at + {step} from hour where at + {step} < {end}) "

_ROLLUPS = """insert into rollups
select at, no, 360 - (no * 7 + at / 3600) % 3, (no * 7 + at / 3600) % 3, 0,
       36000000 + (no * 7919 + at / 3600 * 104729) % 1000000 from hour cross join checks"""
_STATES = """insert into state_{table}
select at, no, {step} * 1000 - bad, 0, bad, 0, 0
from (select at, no, case when (no * 7 + at / {step}) % 50 = 0 then 61250 else 0 end as bad
      from hour cross join subjects)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """How much happened."""

    services: int = 100
    components: int = 10
    """Of each service, with one check each."""
    days: int = 365
    windows: int = 5000

    @property
    def begin(self) -> int:
        """Unix time."""
        return END - self.days * DAY


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """The store is filled by SQL, the windows by rulings; what is measured goes the way that pages go."""
    past = Past(days=40, windows=600) if quick else Past()
    path = folder / "year.db"
    began = time.monotonic()
    asyncio.run(fill(path, past))
    detail = f"{past.days} days, {past.services * past.components} checks, {past.windows} windows"
    detail += f"; made in {time.monotonic() - began:.0f} s"
    yield at_most("store: on disk", path.stat().st_size / _MEGABYTE, 500 * past.days / 365, "MB", detail)
    yield from asyncio.run(_ask(path))


async def _ask(path: Path) -> list[Result]:
    store = Store(f"sqlite:///{path}")
    began = time.monotonic()
    store.claim()
    results = [at_most("store: claimed at the start", (time.monotonic() - began) * 1000, 100, "ms")]
    await store.close()
    archive = Archive.visit(f"sqlite:///{path}")  # a monitor that has just begun would read the file through meanwhile
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "newest 100 windows": lambda: archive.windows(OutageQuery(limit=100)),
        "newest 100 of one service": lambda: archive.windows(OutageQuery(limit=100, service="s7")),
        "availability of all services, 90 days": lambda: archive.availability(END - 90 * DAY, END),
        "90 days of one service and its components": lambda: archive.days("s7", END - 90 * DAY),
    }
    for name, ask in questions.items():
        times = [await _milliseconds(ask) for _ in range(7)]
        detail = "each of 7: " + " ".join(f"{each:.0f}" for each in times)
        results.append(at_most(f"store: {name}", median(times), 100, "ms", detail))
    await archive.close()
    return results


async def _milliseconds(ask: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await ask()
    return (time.perf_counter() - began) * 1000


async def fill(path: Path, past: Past) -> None:
    """Make the store that such a past leaves behind."""
    store = Store(f"sqlite:///{path}")
    await store.resume()
    for first in range(0, past.windows, _A_RULING):
        windows = [a_window(past, number) for number in range(first, min(first + _A_RULING, past.windows))]
        transitions = tuple(each for window in windows for each in _transitions(window))
        store.keep(Ruling(at=windows[-1].start, windows=tuple(windows), transitions=transitions))
        await store.kept()
    await store.close()
    with closing(sqlite3.connect(path)) as database:
        _fill_sums(database, past)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill_sums(database: sqlite3.Connection, past: Past) -> None:
    names = [(f"s{n}", f"c{m}") for n in range(past.services) for m in range(past.components)]
    subjects = [*((f"s{n}", "") for n in range(past.services)), *names]
    known = {name for (name,) in database.execute("select id from checks")}
    unknown = [check for check in (_check(*name) for name in names) if check not in known]
    database.executemany("insert into checks (id) values (?)", [(check,) for check in unknown])
    database.executemany("insert into subjects (service, component) values (?, ?)", subjects)
    hours = max(past.begin, END - Retention().hours * DAY)
    database.execute((_TIMES + _ROLLUPS).format(begin=past.begin, end=END, step=HOUR))
    database.execute((_TIMES + _STATES).format(begin=hours, end=END, step=HOUR, table="hours"))
    database.execute((_TIMES + _STATES).format(begin=past.begin, end=END, step=DAY, table="days"))
    database.commit()


def a_window(past: Past, number: int) -> Window:
    """One of many, closed after some minutes: of one component, seen from three vantages."""
    service, component = f"s{number * 7 % past.services}", f"c{number % past.components}"
    start = past.begin + number * (END - past.begin) / past.windows
    check, slow = _check(service, component), number % 5 == 0
    kinds = (Kind.INTERMITTENT, Kind.TOTAL, Kind.INTERMITTENT)[number % 3 :]
    return Window(
        id=f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(start))}-{service}.{component}",
        target=f"{service}.{component}",
        provider=f"p{number % 40}",
        services=(service,),
        components=(f"{service}.{component}",),
        breadth=Breadth.COMPONENT,
        reach=Reach.GLOBAL,
        kind=Kind.DEGRADED if slow else Kind.TOTAL,
        layer=None if slow else Layer.HANDSHAKE,
        reason=None if slow else Reason.TIMEOUT,
        cause=Cause.PROVIDER,
        status=Status.CLOSED,
        start=start,
        start_after=start - 29.871,
        end=start + 754.25,
        end_after=start + 724.125,
        opened=start + 9.5,
        closed=start + 1654.25,
        vantages=_VANTAGES,
        vantages_fine=(),
        unaffected=tuple(f"s{(number + n) % past.services}" for n in range(3)),
        stages=tuple(
            Stage(since=start + 200 * n, kind=kind, reach=Reach.GLOBAL, status=Status.OPEN)
            for n, kind in enumerate(kinds)
        ),
        evidence=tuple(
            Evidence(
                vantage=_VANTAGES[n % 3],
                check_id=check,
                at=start + n * 2.017,
                layer=Layer.HANDSHAKE,
                reason=Reason.TIMEOUT,
                message=f"no answer to the first message within 10 s from 203.0.113.{n} (connected in 31 ms)",
            )
            for n in range(9)
        ),
        planned_until=None,
        absorbed_by="",
        sentence=f"{service}: {component} was down, total, everywhere we look, for 12 min 34 s (start within 30 s), "
        "stuck at the handshake; others of the provider fine.",
    )


def _transitions(window: Window) -> Iterator[Transition]:
    for index, vantage in enumerate(window.vantages):
        for at, before, state in ((window.start, State.UP, State.DOWN), (window.end or 0.0, State.DOWN, State.UP)):
            yield Transition(
                check_id=_check(*window.components[0].split(".")),
                vantage=vantage,
                at=at + index,
                after=at - 30,
                decided=at + index + 6,
                before=before,
                state=state,
                layer=window.layer if state is State.DOWN else None,
                reason=window.reason if state is State.DOWN else None,
            )


def _check(service: str, component: str) -> str:
    return f"{service}/{component}/chat.{service}.example:443/https"
