"""After a step back to an earlier lastseen: words that only the later one knew cost what they stand in, and no more."""

import sqlite3
from contextlib import closing
from pathlib import Path

from monitor.domain.alert import Message, Post
from monitor.domain.outage import OutageQuery
from monitor.domain.ruling import Ruling
from monitor.domain.words import Event, Severity
from monitor.store import Store
from tests.support.judged import T0, a_window

OLD, NEW = a_window(1), a_window(2)


def a_message(number: int) -> Message:
    window = (OLD, NEW)[number]
    return Message(
        route="r",
        conversation=window.id,
        number=1,
        event=Event.OPENED,
        severity=Severity.MAJOR,
        decided=T0 + number,
        windows=(window,),
    )


async def stepped_back(folder: Path) -> Store:
    """A store in which one of two windows, and the message of it, has a word that nobody here knows."""
    path = folder / "x.db"
    store = Store(f"sqlite:///{path}")
    store.keep(Ruling(at=T0, windows=(OLD, NEW), messages=(a_message(0), a_message(1))))
    await store.kept()
    await store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO spans VALUES ('fra-1', ?, 'unheard_of', NULL)", (T0,))
        for table, key in (("documents", "window_id"), ("outbox", "key")):
            connection.execute(
                f"UPDATE {table} SET document = replace(document, '\"refused\"', '\"unheard_of\"')"  # noqa: S608  # ours
                f" WHERE {key} LIKE ?",
                (f"%{NEW.id}%",),
            )
    return Store(f"sqlite:///{path}")


async def test_the_other_windows_are_taken_up(tmp_path: Path) -> None:
    store = await stepped_back(tmp_path)
    resumed = await store.resume()
    assert [window.id for window in resumed.windows] == [OLD.id]
    assert resumed.spans == ()
    assert [noted.window.id for noted in await store.archive.windows(OutageQuery())] == [OLD.id]
    assert await store.archive.window(NEW.id) is None
    await store.close()


async def test_the_other_messages_are_sent(tmp_path: Path) -> None:
    store = await stepped_back(tmp_path)
    assert await store.waiting_posts() == (Post(message=a_message(0)),)
    assert [post.message.key for post in await store.archive.newest_posts(9)] == [a_message(0).key]
    await store.close()
