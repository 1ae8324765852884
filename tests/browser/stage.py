"""A past for a real monitor to wake up with: windows, notes, ninety days of states, two days of latency."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.outage import Note, Stage, StateSeconds, Transition, Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import Layer, Outcome, Phase, Reason, State
from monitor.store import Store
from tests.support.fakes import a_check
from tests.support.windows import a_note, at, whatsapp_2022

DAY, HOUR = 86400, 3600
NASTY = '<script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="alert(1)'
_BAD_DAYS = {3: 25.0, 17: 1900.0, 18: 10500.0, 40: 700.0, 71: 86000.0}
"""Days ago, and how many seconds of them were down."""


def moved(window: Window, seconds: float) -> Window:
    """The same window so much later, its id too."""
    optional: dict[str, float | None] = {
        name: getattr(window, name) for name in ("start_after", "end", "end_after", "closed", "planned_until")
    }
    later: dict[str, Any] = {name: None if moment is None else moment + seconds for name, moment in optional.items()}
    stages = tuple(Stage(since=s.since + seconds, kind=s.kind, reach=s.reach, status=s.status) for s in window.stages)
    evidence = tuple(replace(item, at=item.at + seconds) for item in window.evidence)
    return replace(
        window,
        start=window.start + seconds,
        opened=window.opened + seconds,
        stages=stages,
        evidence=evidence,
        **later,
    )


def whatsapp(now: float, days: float, **changes: Any) -> Window:
    """The outage of October 2022, as if it had begun so many days ago."""
    window = moved(whatsapp_2022(), now - days * DAY - at("2022-10-25T06:35:00"))
    values: dict[str, Any] = {"id": f"w{days:05.1f}-whatsapp", **changes}
    return replace(window, **values)


def course(window: Window) -> Iterator[Transition]:
    """First groups in Paris, then all of it everywhere; it comes back in the other order."""
    for index, (vantage, component, layer) in enumerate(
        (vantage, component, layer)
        for vantage in window.vantages
        for component, layer in (("groups", Layer.HTTP), ("chat", Layer.HANDSHAKE), ("web", Layer.TCP))
    ):
        for moment, before, state in (
            (window.start + 400 * index, State.UP, State.DOWN),
            ((window.end or 0.0) - 300 * index, State.DOWN, State.UP),
        ):
            yield Transition(
                check_id=f"whatsapp/{component}/host-{component}.example/tcp",
                vantage=vantage,
                at=moment,
                after=moment - 30,
                decided=moment + 6,
                before=before,
                state=state,
                layer=layer if state is State.DOWN else None,
                reason=Reason.TIMEOUT if state is State.DOWN else None,
            )


def seconds(now: float, subjects: Iterable[tuple[str, str]]) -> Iterator[StateSeconds]:
    """Ninety days of each: mostly up, some bad days, one blind one, nothing known of the oldest ten."""
    today = int(now) // DAY * DAY
    for service, component in subjects:
        for ago in range(80):
            down = _BAD_DAYS.get(ago, 0.0)
            blind = DAY if ago == 30 else 4000.0 if ago == 31 else 0.0
            slow = 5000.0 if ago == 50 else 0.0
            span = float(int(now) - today) if ago == 0 else float(DAY)
            if ago < 3:
                yield from _hours(service, component, today - ago * DAY, int(now))
                continue
            up = max(0.0, span - down - blind - slow)
            values = {"up": up, "down": down, "unknown": blind, "degraded": slow}
            yield StateSeconds(hour=today - ago * DAY, service=service, component=component, **values)


def _hours(service: str, component: str, day: int, now: int) -> Iterator[StateSeconds]:
    for hour in range(day, min(day + DAY, now), HOUR):
        down = 1500.0 if hour % (37 * HOUR) == 0 else 0.0
        yield StateSeconds(hour=hour, service=service, component=component, up=HOUR - down, down=down)


def attempts(now: float, checks: Iterable[str]) -> Iterator[tuple[Check, Attempt]]:
    """One an hour, slower by day than by night."""
    for number, check_id in enumerate(checks):
        service, component, target, kind = check_id.split("/", 3)
        check = a_check(target, service=service, component=component, kind=kind)
        for ago in range(60):
            started = now - ago * HOUR
            duration = 0.03 + 0.004 * number + 0.02 * ((started // HOUR) % 24) / 24
            yield (
                check,
                Attempt(
                    check_id=check_id,
                    started=started,
                    duration=duration,
                    outcome=Outcome.OK,
                    phases={Phase.CONNECT: duration},
                    facts={},
                    failure=None,
                ),
            )


async def _fill(
    folder: Path, ruling: Ruling, sums: Iterable[StateSeconds], made: Iterable[tuple[Check, Attempt]]
) -> Store:
    store = Store(f"sqlite:///{folder / 'lastseen.db'}")
    store.claim()
    await store.resume()
    store.keep(ruling)
    await store.kept()
    store.keep_seconds(sums)
    for check, attempt in made:
        store.observe(check, attempt)
    await store.flush()
    return store


def furnish(
    folder: Path,
    now: float,
    subjects: Iterable[tuple[str, str]],
    *,
    windows: Iterable[Window] = (),
    notes: Iterable[Note] = (),
    checks: Iterable[str] = (),
) -> None:
    """Leave a store in ``folder`` as if a monitor had run there for ninety days."""

    async def work() -> None:
        kept = tuple(windows)
        transitions = tuple(each for window in kept if window.end for each in course(window))
        ruling = Ruling(at=now, windows=kept, transitions=transitions)
        store = await _fill(folder, ruling, seconds(now, subjects), attempts(now, checks))
        for note in notes:
            await store.archive.annotate(note)
        await store.close()

    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(work())


def nasty_note(window: Window) -> Note:
    """What somebody wrote who wanted to break the page."""
    return a_note(window, author=NASTY, text=NASTY)
