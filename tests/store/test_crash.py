"""Killed at any moment, the file holds whole rulings: all up to some number, that one among them which was told."""

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from monitor.domain.outage import Span, Window
from monitor.store.documents import decode
from monitor.store.tables import metadata
from tests.store.full_disk import expected_memory, expected_windows
from tests.support.judged import ruling
from tests.support.monitor import ROOT, environment

_KILLS = 25
_LIVES_OF_ONE_FILE = 8


class Crasher:
    """`tests.store.crasher` in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.store.crasher"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def kill_after(self, path: Path, times: int, seconds: float) -> int:
        """The number of the last ruling that was told."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(path, times, seconds, file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture
def crasher() -> Iterator[Crasher]:
    crasher = Crasher()
    yield crasher
    crasher.close()


@pytest.mark.parametrize("seed", range(100 // _KILLS))
def test_a_hundred_kills_at_random_moments_leave_whole_rulings_in_their_order(
    tmp_path: Path, crasher: Crasher, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  # a die that falls the same way each time
    reached: list[int] = []
    for kill in range(_KILLS):
        path = tmp_path / f"{kill // _LIVES_OF_ONE_FILE}.db"
        # one in four dies while it opens the file, or makes or recovers it
        times = chance.choice((0, chance.randrange(1, 3), chance.randrange(1, 5), chance.randrange(1, 9)))
        told = crasher.kill_after(path, times, chance.uniform(0, 0.03 if times else 0.15))
        stored = the_number_of_the_last_whole_ruling(path, tmp_path / "copy.db")
        assert stored >= max(told, reached[-1] if kill % _LIVES_OF_ONE_FILE else -1)
        reached.append(stored)
    assert max(reached) > 20, "it was always killed too early to prove anything"


def the_number_of_the_last_whole_ruling(path: Path, copy: Path) -> int:
    """Of a copy, so that it is the next life that has to recover the file. -1 when there is none."""
    for ending in ("", "-wal"):
        copied = copy.with_name(copy.name + ending)
        copied.unlink(missing_ok=True)
        if (found := path.with_name(path.name + ending)).exists():
            shutil.copy(found, copied)
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert len(tables) in (0, len(metadata.tables) + 1), tables
        if not tables:
            return -1
        memory: dict[str, str] = dict(database.execute("SELECT key, text FROM memory"))
        last = int(memory.get("number", "-1"))
        assert memory == expected_memory(last)
        assert windows_in(database) == expected_windows(last)
        assert transitions_in(database) == sum(len(ruling(number).transitions) for number in range(last + 1))
        assert spans_in(database) == expected_spans(last)
    return last


def windows_in(database: sqlite3.Connection) -> list[Window]:
    """Newest first; the columns that one filters by agree with the documents."""
    rows = database.execute(
        "SELECT document, status, start, service FROM documents"
        " JOIN windows ON windows.id = documents.window_id JOIN window_services USING (window_id) ORDER BY start DESC"
    ).fetchall()
    windows = [decode(row[0]) for row in rows]
    assert [(window.status, window.start, window.services[0]) for window in windows] == [row[1:] for row in rows]
    return windows


def transitions_in(database: sqlite3.Connection) -> int:
    ((count,),) = database.execute("SELECT count(*) FROM transitions JOIN checks ON no = check_no")
    return int(count)


def spans_in(database: sqlite3.Connection) -> set[Any]:
    return set(database.execute('SELECT vantage, start, "end" FROM spans'))


def expected_spans(last: int) -> set[Any]:
    spans: dict[tuple[str, float], Span] = {}
    for number in range(last + 1):
        spans.update({(span.vantage, span.start): span for span in ruling(number).spans})
    return {(span.vantage, span.start, span.end) for span in spans.values()}
