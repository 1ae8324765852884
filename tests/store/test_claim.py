import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from monitor.store import Archive, Store, StoreError
from tests.support.judged import ruling
from tests.support.monitor import environment
from tests.support.waiting import until

HOLDER = """
import sys
from monitor.store import Store
Store(sys.argv[1]).claim()
print("held", flush=True)
sys.stdin.read()
"""


async def a_store(path: Path, rulings: int = 1) -> None:
    store = Store(f"sqlite:///{path}")
    for number in range(rulings):
        store.keep(ruling(number))
    await store.close()


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process has it."""
    command = [sys.executable, "-c", HOLDER, f"sqlite:///{path}"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def problem(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{path}").claim()
    assert caught.value.permanent
    return str(caught.value)


def test_a_second_process_on_one_file_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    (tmp_path / "other-name.db").symlink_to(path)
    with held(path) as process:
        for name in (path, tmp_path / "other-name.db"):
            said = problem(name)
            assert f"{path} is in use by another lastseen (process {process.pid} on " in said
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        Store(f"sqlite:///{path}").claim()


async def test_a_closed_store_can_be_claimed_again(tmp_path: Path) -> None:
    for _ in range(2):
        store = Store(f"sqlite:///{tmp_path}/x.db")
        store.claim()
        await store.close()


def test_a_missing_directory_is_noticed_at_the_start(tmp_path: Path) -> None:
    assert problem(tmp_path / "no" / "x.db") == (
        f"there is no directory {tmp_path}/no for x.db: make it, or name another place in `store:`"
    )


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    assert problem(tmp_path).startswith(f"{tmp_path} is a directory: name a file in it")


def test_a_place_that_cannot_be_written_is_noticed_at_the_start(tmp_path: Path) -> None:
    if os.geteuid() == 0:  # whom no mode bits keep from writing
        folder, reason = Path("/proc/self"), "No such file or directory"
    else:
        folder, reason = tmp_path, "Permission denied"
        folder.chmod(0o500)
    assert problem(folder / "x.db").endswith(f": {reason}")
    tmp_path.chmod(0o700)


def _truncate(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _scribble(content: bytes) -> bytes:
    """All pages but the first, which holds the schema."""
    return content[:4096] + bytes(byte ^ 0x55 for byte in content[4096:])


def _replace(_: bytes) -> bytes:
    return b"store: sqlite:///lastseen.db\n" * 40


@pytest.mark.parametrize("damage", [_truncate, _scribble, _replace])
async def test_a_damaged_file_is_refused_with_advice_and_left_as_it_is(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "x.db"
    await a_store(path, 40)
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    said = problem(path)
    assert f"{path} is damaged (" in said
    assert "nothing was changed. Restore a backup, or move the file away" in said
    unclaimed = Store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="is damaged"):
        await unclaimed.resume()
    await unclaimed.close()
    assert path.read_bytes() == before
    assert names_in(tmp_path) <= {"x.db", "x.db.lock", "x.db-shm", "x.db-wal"}


async def test_damage_in_a_large_file_is_found_after_the_start_and_nothing_more_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    await a_store(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("INSERT INTO memory VALUES ('large', hex(zeroblob(6000000)))")
        database.execute("CREATE TABLE last (x)")
        for _ in range(50):
            database.execute("INSERT INTO last VALUES (hex(zeroblob(1000)))")
        database.commit()
        (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'last'").fetchone()
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\x55" * 4096
    path.write_bytes(content)
    store = Store(f"sqlite:///{path}")
    store.claim()
    await store.resume()
    await until(lambda: store.is_damaged)
    store.keep(ruling(1))
    await store.flush()
    assert store.errors > 0
    assert store.pending > 0
    with pytest.raises(StoreError, match="is damaged"):
        await store.archive.window("x")
    await store.close()


async def test_a_large_file_that_is_whole_is_found_whole_beside_the_work(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    await a_store(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("INSERT INTO memory VALUES ('large', hex(zeroblob(6000000)))")
        database.commit()
    store = Store(f"sqlite:///{path}")
    store.claim()
    await store.resume()
    store.keep(ruling(1))
    await store.kept()
    await store.close()
    assert not store.is_damaged


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (url)")
        database.commit()
    assert "is the database of another program" in problem(path)


async def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    await a_store(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '0999'")
        database.commit()
    assert "was made by a newer lastseen (schema 0999, this one knows " in problem(path)
    unclaimed = Store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="was made by a newer lastseen"):
        await unclaimed.resume()
    await unclaimed.close()


async def test_a_visitor_makes_no_file(tmp_path: Path) -> None:
    archive = Archive.visit(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(StoreError, match="there is no store at"):
        await archive.window("x")
    await archive.close()
    assert names_in(tmp_path) == set()


async def test_a_store_in_memory_needs_no_place(tmp_path: Path) -> None:
    store = Store("sqlite://")
    store.claim()
    assert (await store.resume()).windows == ()
    store.keep(ruling(0))
    await store.kept()
    assert len((await store.resume()).windows) == 1
    await store.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [("mysql://u@h/d", "not supported"), ("postgresql+psycopg2://u@127.0.0.1:1/d", "onnect")],
)
async def test_other_databases(url: str, said: str) -> None:
    store = Store(url)
    store.claim()
    store.keep(ruling(0))
    await store.flush()
    assert store.pending > 0
    with pytest.raises(StoreError, match=said):
        await store.archive.window("x")
    await store.close()


def test_a_uri_is_asked_to_be_a_path() -> None:
    with pytest.raises(StoreError, match="give the file as a plain path"):
        Store("sqlite:///file:x.db?mode=ro&uri=true")
