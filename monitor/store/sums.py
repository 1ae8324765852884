"""What the store reads of its sums, in SQLAlchemy Core. Blocking: runs in the store's own thread."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Engine, FromClause, Select, func, literal, select, union_all

from monitor.store.database import to_read
from monitor.store.tables import STATES, checks, rollups, state_days, state_hours, subjects
from monitor.store.values import DAY, HOUR, Availability, Tally

_TALLIED = ("ok", "failed", "inconclusive", "ok_us")
_STATES_MS = [f"{state}_ms" for state in STATES]


class Sums:
    """Everything raises SQLAlchemyError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = to_read(engine)

    def tallies(self, since: int) -> dict[str, Tally]:
        """The attempts of each check in all hours that begin at ``since`` or later."""
        sums = [func.sum(rollups.c[name]).label(name) for name in _TALLIED]
        counted = select(rollups.c.check_no, *sums).where(rollups.c.hour >= since).group_by(rollups.c.check_no)
        part = counted.subquery()
        query = select(checks.c.id, *(part.c[name] for name in _TALLIED)).join(part, part.c.check_no == checks.c.no)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        # PostgreSQL sums big integers to decimals
        return {
            check_id: Tally(int(ok), int(failed), int(inconclusive), int(us) / 1e6)
            for check_id, ok, failed, inconclusive, us in rows
        }

    def availability(self, since: float, until: float, service: str) -> tuple[Availability, ...]:
        """Over all hours that lie at least partly in that time; by name.

        Whole days are read as such, so a quarter of a year takes no longer than
        some days; of days whose hours are not kept any more only whole ones count.
        """
        begin, end = int(since) // HOUR * HOUR, _up(until, HOUR)
        first_day, last_day = _up(begin, DAY), end // DAY * DAY
        times = [(state_hours.c.hour, begin, end)]
        if first_day < last_day:
            times = [
                (state_hours.c.hour, begin, first_day),
                (state_days.c.day, first_day, last_day),
                (state_hours.c.hour, last_day, end),
            ]
        parts = union_all(*(_part(service, *each) for each in times)).subquery()
        query = (
            select(
                literal(begin), subjects.c.service, subjects.c.component, *(func.sum(parts.c[n]) for n in _STATES_MS)
            )
            .join(parts, parts.c.subject_no == subjects.c.no)
            .group_by(subjects.c.service, subjects.c.component)
            .order_by(subjects.c.service, subjects.c.component)
        )
        return self._read(query)

    def days(self, service: str, since: float) -> tuple[Availability, ...]:
        """Each day (UTC) of a service and its components since the day of ``since``, oldest first."""
        query = (
            select(state_days.c.day, subjects.c.service, subjects.c.component, *(state_days.c[n] for n in _STATES_MS))
            .join(subjects, subjects.c.no == state_days.c.subject_no)
            .where(state_days.c.day >= int(since) // DAY * DAY, _of(state_days, service))
            .order_by(state_days.c.day, subjects.c.component)
        )
        return self._read(query)

    def _read(self, query: Select[Any]) -> tuple[Availability, ...]:
        with self._engine.connect() as connection:
            return tuple(_availability(*row) for row in connection.execute(query))


def _part(service: str, time: Column[int], begin: int, end: int) -> Select[Any]:
    table = time.table
    sums = [func.sum(table.c[name]).label(name) for name in _STATES_MS]
    query = select(table.c.subject_no, *sums).where(time >= begin, time < end, _of(table, service))
    return query.group_by(table.c.subject_no)


def _of(table: FromClause, service: str) -> ColumnElement[bool]:
    """Of a service all of its components; of all services only themselves."""
    wanted = subjects.c.service == service if service else subjects.c.component == ""
    return table.c.subject_no.in_(select(subjects.c.no).where(wanted))


def _up(moment: float, step: int) -> int:
    return -int(-moment // step) * step


def _availability(begin: int, service: str, component: str, *milliseconds: Any) -> Availability:
    seconds = {state: int(value) / 1000 for state, value in zip(STATES, milliseconds, strict=True)}
    return Availability(begin=begin, service=service, component=component, **seconds)
