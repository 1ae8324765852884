"""What the store reads of windows and transitions, in SQLAlchemy Core. Blocking: runs in the store's own thread."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, or_, select

from monitor.domain.claim import Said
from monitor.domain.outage import Note, OutageQuery, Span, Transition
from monitor.domain.words import Claim, Layer, Reason, State, Status, VantageState
from monitor.store import documents as texts
from monitor.store.database import to_read
from monitor.store.numbers import Numbers
from monitor.store.tables import checks, claims, documents, memory, notes, spans, transitions, window_services, windows
from monitor.store.values import Noted, Resumed

_ALIVE = (Status.PLANNED, Status.OPEN, Status.RECOVERING)


class Reading:
    """Everything raises SQLAlchemyError."""

    def __init__(self, engine: Engine, check_numbers: Numbers) -> None:
        self._engine = to_read(engine)
        self._checks = check_numbers

    def resumed(self) -> Resumed:
        """What a judgement needs to go on, as of one moment."""
        alive = select(windows.c.id).where(windows.c.status.in_(_ALIVE)).order_by(windows.c.start, windows.c.id)
        latest = select(spans.c.vantage, func.max(spans.c.start).label("start")).group_by(spans.c.vantage).subquery()
        last = select(spans).join(latest, (spans.c.vantage == latest.c.vantage) & (spans.c.start == latest.c.start))
        with self._engine.connect() as connection:
            return Resumed(
                windows=tuple(noted.window for noted in with_notes(connection, connection.scalars(alive).all())),
                spans=_spans(connection.execute(last.order_by(spans.c.vantage))),
                memory={row.key: row.text for row in connection.execute(select(memory))},
            )

    def claims(self, services: Collection[str], since: float, until: float) -> tuple[Said, ...]:
        """What was said of these services from ``since`` to before ``until``, oldest first."""
        its = claims.c.service.in_(list(services)) & (claims.c.at >= since) & (claims.c.at < until)
        with self._engine.connect() as connection:
            return tuple(
                Said(**{**row._mapping, "claim": Claim(row.claim)})  # noqa: SLF001  # public, named so for columns' sake
                for row in connection.execute(select(claims).where(its).order_by(claims.c.at, claims.c.source))
            )

    def remembered(self, key: str) -> str:
        """One piece of the working memory, or nothing."""
        with self._engine.connect() as connection:
            return str(connection.scalar(select(memory.c.text).where(memory.c.key == key)) or "")

    def windows(self, query: OutageQuery) -> tuple[Noted, ...]:
        """Those that match, newest start first."""
        newest = select(windows.c.id).where(*matches(query)).order_by(windows.c.start.desc(), windows.c.id.desc())
        with self._engine.connect() as connection:
            return tuple(
                with_notes(connection, connection.scalars(newest.limit(query.limit).offset(query.offset)).all())
            )

    def window(self, window_id: str) -> Noted | None:
        """One of them, absorbed ones too."""
        with self._engine.connect() as connection:
            return next(with_notes(connection, [window_id]), None)

    def spans(self, since: float, until: float) -> tuple[Span, ...]:
        """Those that lie at least partly in that time, by vantage and start."""
        query = select(spans).where(spans.c.start < until, or_(spans.c.end.is_(None), spans.c.end > since))
        with self._engine.connect() as connection:
            return _spans(connection.execute(query.order_by(spans.c.vantage, spans.c.start)))

    def transitions(self, check_ids: Collection[str], since: float, until: float | None) -> tuple[Transition, ...]:
        """Those decided from ``since`` to before ``until``, oldest first."""
        numbers = self._checks.all()
        of = [numbers[check_id,] for check_id in check_ids if (check_id,) in numbers]
        query = (
            select(transitions, checks.c.id.label("check_id"))
            .join(checks, checks.c.no == transitions.c.check_no)
            .where(transitions.c.decided >= since, transitions.c.check_no.in_(of))
            .order_by(transitions.c.decided, transitions.c.at, checks.c.id)
        )
        if until is not None:
            query = query.where(transitions.c.decided < until)
        with self._engine.connect() as connection:
            return tuple(map(_transition, connection.execute(query)))

    def course(self, window_id: str) -> tuple[Transition, ...]:
        """The transitions of the checks of all components of a window, while it lasted; none when there is no such."""
        noted = self.window(window_id)
        if noted is None:
            return ()
        window = noted.window
        ids = [check_id for (check_id,) in self._checks.all() if _component_of(check_id) in window.components]
        return self.transitions(ids, window.start, window.closed)


def matches(query: OutageQuery) -> Iterator[ColumnElement[bool]]:
    """What is true of the rows of ``windows`` that are asked for."""
    yield windows.c.status != Status.ABSORBED
    if query.since is not None:
        yield or_(windows.c.end.is_(None), windows.c.end >= query.since)
    if query.until is not None:
        yield windows.c.start < query.until
    if query.service:
        yield windows.c.id.in_(select(window_services.c.window_id).where(window_services.c.service == query.service))
    if query.provider:
        yield windows.c.provider == query.provider
    if query.breadth is not None:
        yield windows.c.breadth == query.breadth
    if query.is_open is not None:
        yield windows.c.status.in_(_ALIVE) if query.is_open else windows.c.status == Status.CLOSED


def with_notes(connection: Connection, ids: Sequence[str]) -> Iterator[Noted]:
    """The windows of that name with their notes, in the order of ``ids``."""
    rows = connection.execute(select(documents).where(documents.c.window_id.in_(ids)))
    found: dict[str, str] = {row.window_id: row.document for row in rows}
    said: defaultdict[str, list[Note]] = defaultdict(list)
    for row in connection.execute(select(notes).where(notes.c.window_id.in_(ids)).order_by(notes.c.at, notes.c.no)):
        said[row.window_id].append(_note(row))
    for window_id in ids:
        window = texts.decode_known(found[window_id]) if window_id in found else None
        if window is not None:
            yield Noted(window, tuple(said[window_id]))


def _component_of(check_id: str) -> str:
    """``service.component`` of ``service/component/target/probe``."""
    return ".".join(check_id.split("/", 2)[:2])


def _note(row: Row[Any]) -> Note:
    return Note(
        window_id=row.window_id,
        at=row.at,
        author=row.author,
        text=row.text,
        changes=texts.decode_changes(row.changes),
    )


def _spans(rows: Iterable[Row[Any]]) -> tuple[Span, ...]:
    """Those whose state is one that we know: another version may have written more."""
    known = {str(state): state for state in VantageState}
    return tuple(
        Span(vantage=row.vantage, state=known[row.state], start=row.start, end=row.end)
        for row in rows
        if row.state in known
    )


def _transition(row: Row[Any]) -> Transition:
    return Transition(
        check_id=row.check_id,
        vantage=row.vantage,
        at=row.at,
        after=row.after,
        decided=row.decided,
        before=State(row.before),
        state=State(row.state),
        layer=Layer(row.layer) if row.layer else None,
        reason=Reason(row.reason) if row.reason else None,
    )
