"""What the store knows of single days and hours, for pictures. Blocking: runs in the store's own thread."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import Column, ColumnElement, Engine, select

from monitor.store.amending import Amended
from monitor.store.database import to_read
from monitor.store.tables import STATES, checks, rollups, state_days, state_hours, subjects
from monitor.store.values import DAY, HOUR, Availability, Stretch, Tally


class Calendar:
    """Everything raises SQLAlchemyError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = to_read(engine)

    def days(self, services: Collection[str], since: float, until: float) -> tuple[Availability | Stretch, ...]:
        """Of these services as a whole, each day (UTC) that begins before ``until``, oldest first."""
        wanted = subjects.c.service.in_(services) & (subjects.c.component == "")
        return self._stretches(state_days.c.day, _begins(since, until, DAY), wanted, "")

    def hours(self, service: str, since: float, until: float) -> tuple[Availability | Stretch, ...]:
        """Of one service and its components, each hour that begins before ``until``, oldest first."""
        wanted = subjects.c.service == service
        return self._stretches(state_hours.c.hour, _begins(since, until, HOUR), wanted, service)

    def pace(self, check_ids: Collection[str], since: float, until: float) -> Mapping[str, Mapping[int, Tally]]:
        """The attempts of these checks, by check and by hour."""
        query = (
            select(checks.c.id, rollups.c.hour, rollups.c.ok, rollups.c.failed, rollups.c.inconclusive, rollups.c.ok_us)
            .join(checks, checks.c.no == rollups.c.check_no)
            .where(
                rollups.c.hour.in_(_begins(since, until, HOUR)),
                rollups.c.check_no.in_(select(checks.c.no).where(checks.c.id.in_(check_ids))),
            )
        )
        found: defaultdict[str, dict[int, Tally]] = defaultdict(dict)
        with self._engine.connect() as connection:
            for check_id, hour, ok, failed, inconclusive, us in connection.execute(query):
                found[check_id][hour] = Tally(ok, failed, inconclusive, us / 1e6)
        return found

    def _stretches(
        self, time: Column[int], begins: range, wanted: ColumnElement[bool], service: str
    ) -> tuple[Availability | Stretch, ...]:
        """As notes amend it. Both parts of the key are lists, so each row is looked up and none is read in vain."""
        table = time.table
        query = (
            select(time, subjects.c.service, subjects.c.component, *(table.c[f"{state}_ms"] for state in STATES))
            .join(subjects, subjects.c.no == table.c.subject_no)
            .where(time.in_(begins), table.c.subject_no.in_(select(subjects.c.no).where(wanted)))
            .order_by(time, subjects.c.service, subjects.c.component)
        )
        end = begins.start + len(begins) * begins.step
        with self._engine.connect() as connection:
            amended = Amended(connection, service, begins.start, end, lambda at: at // begins.step * begins.step)
            return tuple(
                amended.availability(*row) if amended.changes(*row[:3]) else _stretch(*row)
                for row in connection.execute(query)
            )


def _stretch(begin: int, service: str, component: str, *ms: int) -> Stretch:
    up, degraded, down, unknown, planned = ms
    return Stretch(begin, service, component, up / 1e3, degraded / 1e3, down / 1e3, unknown / 1e3, planned / 1e3)


def _begins(since: float, until: float, step: int) -> range:
    return range(int(since) // step * step, int(until) + 1, step)
