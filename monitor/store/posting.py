"""What is told to people, as the store keeps it. Blocking: runs in the store's own thread."""

from collections.abc import Iterable
from typing import Any

import structlog
from pydantic import TypeAdapter
from sqlalchemy import Engine, Row, Select, select

from monitor.domain.alert import Acknowledgement, Message, Post, PostState, Silence
from monitor.store.batch import Rows, insert, replacing
from monitor.store.database import to_read
from monitor.store.tables import acknowledgements, outbox, outbox_windows, silences, windows

_POST = TypeAdapter(Post)
_log = structlog.get_logger(__name__)


class Posting:
    """Everything raises SQLAlchemyError, having changed nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = to_read(engine)
        self._replace = replacing(engine, outbox)

    def waiting(self) -> tuple[Post, ...]:
        """What has not been sent, in the order in which it was decided."""
        return self._posts(
            select(outbox.c.document).where(outbox.c.state == PostState.WAITING).order_by(outbox.c.decided)
        )

    def about(self, window_id: str) -> tuple[Post, ...]:
        """What was told of a window, or will be, oldest first."""
        keys = select(outbox_windows.c.key).where(outbox_windows.c.window_id == window_id)
        return self._posts(select(outbox.c.document).where(outbox.c.key.in_(keys)).order_by(outbox.c.decided))

    def sent(self, talk: str) -> tuple[Post, ...]:
        """What was told in a conversation, oldest first."""
        told = (outbox.c.talk == talk) & (outbox.c.state == PostState.SENT)
        return self._posts(select(outbox.c.document).where(told).order_by(outbox.c.decided))

    def newest(self, limit: int) -> tuple[Post, ...]:
        """The last ones that were decided, newest first."""
        return self._posts(select(outbox.c.document).order_by(outbox.c.decided.desc()).limit(limit))

    def _posts(self, query: Select[Any]) -> tuple[Post, ...]:
        with self._reading.connect() as connection:
            return tuple(post for row in connection.execute(query) if (post := _read(row.document)))

    def update(self, post: Post) -> None:
        """How far a post came."""
        with self._engine.begin() as connection:
            self._replace.run(connection, [post_row(post)])

    def acknowledge(self, note: Acknowledgement) -> bool:
        """Keep who looks after a window, the first to say so; False when there is no such window."""
        with self._engine.begin() as connection:
            if connection.scalar(select(windows.c.id).where(windows.c.id == note.window_id)) is None:
                return False
            known = insert(self._engine, acknowledgements).on_conflict_do_nothing(index_elements=["window_id"])
            connection.execute(known, {"window_id": note.window_id, "at": note.at, "author": note.author})
            return True

    def acknowledged(self, window_ids: Iterable[str]) -> tuple[Acknowledgement, ...]:
        """Of these windows, those that somebody looks after."""
        query = select(acknowledgements).where(acknowledgements.c.window_id.in_(list(window_ids)))
        with self._reading.connect() as connection:
            return tuple(Acknowledgement(**row._mapping) for row in connection.execute(query))  # noqa: SLF001  # public

    def silence(self, silence: Silence) -> None:
        """Keep a silence, in place of one of the same id."""
        values = {name: getattr(silence, name) for name in silences.c.keys()}  # noqa: SIM118  # not a dict
        statement = insert(self._engine, silences)
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values), values)

    def end_silence(self, silence_id: str, now: float) -> bool:
        """Let it end at ``now``, if it would end later; False when there is no such."""
        its = silences.c.id == silence_id
        with self._engine.begin() as connection:
            connection.execute(silences.update().where(its, silences.c.until > now).values(until=now))
            return connection.scalar(select(silences.c.id).where(its)) is not None

    def silences(self, since: float) -> tuple[Silence, ...]:
        """Those that end after ``since``, by their begin."""
        query = select(silences).where(silences.c.until > since).order_by(silences.c.since, silences.c.id)
        with self._reading.connect() as connection:
            return tuple(map(_silence, connection.execute(query)))


def _read(document: str) -> Post | None:
    try:
        return _POST.validate_json(document)
    except ValueError as error:
        _log.warning("a message that another version wrote is left out", why=str(error).partition("\n")[0])
        return None


def _silence(row: Row[Any]) -> Silence:
    return Silence(**row._mapping)  # noqa: SLF001  # a public attribute, named so not to clash with columns


def post_row(post: Post) -> tuple[object, ...]:
    """The row of `outbox`, in the order of its columns."""
    message = post.message
    return message.key, message.decided, post.state, message.talk, _POST.dump_json(post).decode()


def new_rows(messages: Iterable[Message]) -> tuple[Rows, Rows]:
    """The rows of messages that were decided just now, for `outbox` and `outbox_windows`."""
    messages = tuple(messages)
    return (
        [post_row(Post(message=message)) for message in messages],
        [(window.id, message.key) for message in messages for window in message.windows],
    )
