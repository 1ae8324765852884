"""What the store reads of its sums, in SQLAlchemy Core. Blocking: runs in the store's own thread."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, FromClause, Select, func, literal, select, union_all

from monitor.store.amending import Amended
from monitor.store.database import to_read
from monitor.store.tables import STATES, checks, rollups, state_days, state_hours, subjects
from monitor.store.values import DAY, HOUR, Availability, Tally

_TALLIED = ("ok", "failed", "inconclusive", "ok_us")


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
        with self._engine.connect() as connection:
            first, last = _known_days(connection)
            begin, end = int(max(since, first)) // HOUR * HOUR, _up(min(until, last), HOUR)
            amended = Amended(connection, service, begin, end, lambda _: begin)
            first_day, last_day = _up(begin, DAY), end // DAY * DAY
            days = range(first_day, last_day, DAY)
            edges = [*range(begin, first_day, HOUR), *range(last_day, end, HOUR)] if days else range(begin, end, HOUR)
            both = union_all(_part(service, state_hours.c.hour, edges), _part(service, state_days.c.day, days))
            rows = connection.execute(_named(literal(begin), both.subquery()))
            return tuple(amended.availability(*row) for row in rows)

    def days(self, service: str, since: float) -> tuple[Availability, ...]:
        """Each day (UTC) of a service and its components since the day of ``since``, oldest first."""
        with self._engine.connect() as connection:
            first, last = _known_days(connection)
            days = range(int(max(since, first)) // DAY * DAY, last, DAY)
            amended = Amended(connection, service, days.start, days.stop, lambda begin: begin // DAY * DAY)
            query = (
                select(state_days.c.day, subjects.c.service, subjects.c.component, *_states(state_days))
                .join(subjects, subjects.c.no == state_days.c.subject_no)
                .where(*_of(service, state_days.c.day, days))
                .order_by(state_days.c.day, subjects.c.component)
            )
            return tuple(amended.availability(*row) for row in connection.execute(query))


def _known_days(connection: Connection) -> tuple[int, int]:
    """Begin of the first and end of the last day of which there is something."""
    # two questions: SQLite looks up one of them, and reads the whole table for both at once
    first = connection.scalar(select(func.min(state_days.c.day)))
    last = connection.scalar(select(func.max(state_days.c.day)))
    return (0, 0) if first is None or last is None else (first, last + DAY)


def _states(table: FromClause) -> list[ColumnElement[int]]:
    return [table.c[f"{state}_ms"] for state in STATES]


def _named(begin: ColumnElement[int], parts: FromClause) -> Select[Any]:
    """The sums over both parts with the names of what they are of."""
    return (
        select(begin, subjects.c.service, subjects.c.component, *map(func.sum, _states(parts)))
        .join(parts, parts.c.subject_no == subjects.c.no)
        .group_by(subjects.c.service, subjects.c.component)
        .order_by(subjects.c.service, subjects.c.component)
    )


def _part(service: str, time: Column[int], begins: Sequence[int]) -> Select[Any]:
    table = time.table
    sums = [func.sum(column).label(column.name) for column in _states(table)]
    return select(table.c.subject_no, *sums).where(*_of(service, time, begins)).group_by(table.c.subject_no)


def _of(service: str, time: Column[int], begins: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    """Of a service all of its components; of all services only themselves.

    Both parts of the key are lists, so each row is looked up: a range of times
    would read the rows of all other components as well, ten times as many.
    """
    wanted = subjects.c.service == service if service else subjects.c.component == ""
    return time.in_(begins), time.table.c.subject_no.in_(select(subjects.c.no).where(wanted))


def _up(moment: float, step: int) -> int:
    return -int(-moment // step) * step
