"""Where notes change the time that was booked. Blocking: runs in the store's own thread."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Column, Connection, Select, func, select

from monitor.domain.outage import OutageQuery, Window
from monitor.domain.words import Status
from monitor.store.claims import Claim, claims_of, moves
from monitor.store.documents import encode_changes
from monitor.store.reading import matches, with_notes
from monitor.store.tables import STATES, notes, state_days, state_hours, subjects, window_services, windows
from monitor.store.values import DAY, HOUR, Availability

_Claims = Mapping[tuple[str, str], Sequence[Claim]]
"""By service and component; the component is empty for the whole service."""
_Begins = tuple[int, ...]
_EVER = 1e12
"""Later than any moment."""


class Amended:
    """What notes make of the time of all services, or of one and its components."""

    def __init__(
        self, connection: Connection, service: str, since: int, until: int, row: Callable[[int], int] = int
    ) -> None:
        """To be made before the time is read: that grows meanwhile, so no more is taken away than there is.

        ``since`` and ``until`` are full hours. ``row`` tells under which begin
        the answer has what began at some hour, or day.
        """
        self._changes: dict[tuple[int, str, str], Counter[str]] = {}
        for begin, name, component, booked, counts, amount in _moves(connection, service, since, until):
            change = self._changes.setdefault((row(begin), name, component), Counter())
            change[booked] -= amount
            change[counts] += amount

    def changes(self, begin: int, service: str, component: str) -> bool:
        """Whether that row counts as something else than what was booked."""
        return (begin, service, component) in self._changes

    def availability(self, begin: int, service: str, component: str, *milliseconds: Any) -> Availability:
        """A row of what was booked, in the order of `STATES`, as it counts."""
        # PostgreSQL sums big integers to decimals
        seconds = {state: int(value) / 1000 for state, value in zip(STATES, milliseconds, strict=True)}
        change = self._changes.get((begin, service, component))
        if change is not None:
            seconds = {state: round(value + change[state] / 1000, 3) for state, value in seconds.items()}
        return Availability(begin=begin, service=service, component=component, **seconds)


def _moves(
    connection: Connection, service: str, since: int, until: int
) -> Iterator[tuple[int, str, str, str, str, int]]:
    """Begin of the hour or day, service, component, from which state to which, and how many milliseconds."""
    claims = _claims(connection, service, since, until)
    if not claims:
        return
    kept = _first_whole_day(connection)
    alike: defaultdict[tuple[_Begins, _Begins], dict[int, tuple[str, str]]] = defaultdict(dict)
    for number, *name in connection.execute(_named(claims)):
        alike[_begins(claims.get((*name,), ()), kept, since, until)][number] = (*name,)
    for (hours, days), names in alike.items():
        rows = chain(
            _booked(connection, state_hours.c.hour, hours, names), _booked(connection, state_days.c.day, days, names)
        )
        for begin, end, number, down, planned in rows:
            for move in moves({"down": down, "planned": planned}, begin, end, claims[names[number]]):
                yield begin, *names[number], *move


def _claims(connection: Connection, service: str, since: int, until: int) -> _Claims:
    """Of the windows whose notes change something, and of those beside them."""
    said = select(notes.c.window_id).where(notes.c.changes != encode_changes(()))
    asked = OutageQuery(since=since, until=until, service=service)
    query = select(windows.c.id).where(windows.c.id.in_(said), *matches(asked)).order_by(windows.c.start, windows.c.id)
    ids = connection.scalars(query).all()
    amended = [noted for noted in with_notes(connection, ids) if any(each.is_amended for each in claims_of(noted))]
    found: defaultdict[tuple[str, str], list[Claim]] = defaultdict(list)
    if amended:
        beside = connection.scalars(_beside([noted.window.id for noted in amended], service)).all()
        for noted in (*amended, *with_notes(connection, beside)):
            for subject in _subjects(noted.window, service):
                found[subject] += claims_of(noted)
    return found


def _beside(ids: Sequence[str], service: str) -> Select[Any]:
    """The other windows of the same services that are at most a day away."""
    near, mine, theirs = windows.alias(), window_services.alias(), window_services.alias()
    found = (
        select(windows.c.id)
        .distinct()
        .join(theirs, theirs.c.window_id == windows.c.id)
        .join(mine, mine.c.service == theirs.c.service)
        .join(near, near.c.id == mine.c.window_id)
        .where(near.c.id.in_(ids), windows.c.id.not_in(ids), windows.c.status != Status.ABSORBED)
        .where(windows.c.start < func.coalesce(near.c.end, _EVER) + DAY)
        .where(func.coalesce(windows.c.end, _EVER) > near.c.start - DAY)
    )
    return found.where(mine.c.service == service) if service else found


def _subjects(window: Window, service: str) -> Iterator[tuple[str, str]]:
    """What the window covers, as far as it is asked for: of all services only themselves."""
    for name in window.services:
        if name == service or not service:
            yield name, ""
    if service in window.services:
        prefix = f"{service}."
        yield from ((service, name.removeprefix(prefix)) for name in window.components if name.startswith(prefix))


def _begins(claims: Iterable[Claim], kept: int | None, since: int, until: int) -> tuple[_Begins, _Begins]:
    """The hours in which something is to change; and the days, of those before ``kept``."""
    hours, days = set[int](), set[int]()
    for amended in (claim for claim in claims if claim.is_amended):
        first = int(max(amended.start, since)) // HOUR * HOUR
        for hour in range(first, int(min(amended.end, until - 1)) + 1, HOUR):
            day = hour // DAY * DAY
            if (kept is None or day < kept) and since <= day and day + DAY <= until:
                days.add(day)
            else:
                hours.add(hour)
    return tuple(sorted(hours)), tuple(sorted(days))


def _first_whole_day(connection: Connection) -> int | None:
    """Of which all hours are kept that there ever were."""
    hour: int | None = connection.scalar(select(func.min(state_hours.c.hour)))
    day: int | None = connection.scalar(select(func.min(state_days.c.day)))
    if hour is None or day is None:
        return None
    return day if hour < day + DAY else hour + -hour % DAY


def _named(claims: _Claims) -> Select[Any]:
    columns = (subjects.c.no, subjects.c.service, subjects.c.component)
    return select(*columns).where(subjects.c.service.in_({service for service, _ in claims}))


def _booked(
    connection: Connection, time: Column[int], begins: Collection[int], numbers: Collection[int]
) -> Iterator[Any]:
    """Begin, end, subject, and the milliseconds down and planned of each row.

    Both parts of the key are lists, so each row is looked up: with pairs of them
    SQLite would read the whole table.
    """
    if begins:
        table = time.table
        step = HOUR if table is state_hours else DAY
        query = select(time, time + step, table.c.subject_no, table.c.down_ms, table.c.planned_ms)
        yield from connection.execute(query.where(time.in_(begins), table.c.subject_no.in_(numbers)))
