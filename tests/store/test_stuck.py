"""The disk is full, the file is locked: what waits is written in order as soon as it can be."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from monitor.domain.outage import OutageQuery
from monitor.domain.ruling import Ruling
from monitor.store import Archive, Store
from monitor.store.rulings import Rulings
from monitor.store.worker import Worker
from tests.store.full_disk import expected_memory
from tests.support.judged import T0, a_transition, a_window, ruling
from tests.support.monitor import ROOT, environment
from tests.support.servers import program
from tests.support.waiting import until


@asynccontextmanager
async def lag() -> AsyncIterator[list[float]]:
    """Fills the list with how late the loop was, each time that it could have been on time."""
    late = []

    async def tick() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            late.append(time.monotonic() - before - 0.001)

    async with asyncio.TaskGroup() as tasks:
        ticking = tasks.create_task(tick())
        yield late
        ticking.cancel()


async def test_a_locked_file_delays_decisions_and_loses_none(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    store = Store(f"sqlite:///{path}")
    store.claim()
    await store.resume()
    store.keep(ruling(0))
    await store.kept()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        async with lag() as late:
            for number in range(1, 30):
                store.keep(ruling(number))
            await until(lambda: store.errors > 0)
            assert len(await store.archive.windows(OutageQuery())) == 1  # one may still read
            assert store.pending > 0
        assert sorted(late)[len(late) // 2] < 0.01  # and probing goes on
        waiting = asyncio.ensure_future(store.kept())
        await asyncio.sleep(0)
        assert not waiting.done()
        other.execute("ROLLBACK")
    async with asyncio.timeout(10):
        await waiting
    assert store.pending == 0
    assert (await store.resume()).memory == expected_memory(29)
    await store.close()


async def test_a_store_that_is_locked_at_the_start_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    store = Store(f"sqlite:///{path}")
    store.keep(ruling(0))
    await store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        store = Store(f"sqlite:///{path}")
        store.claim()
        resuming = asyncio.ensure_future(store.resume())
        store.keep(ruling(1))
        await until(lambda: store.errors > 1)
        assert not resuming.done()
    async with asyncio.timeout(15):
        await store.kept()
        assert "number" in (await resuming).memory
    await store.close()


async def test_what_cannot_be_written_at_the_end_is_given_up_in_good_time(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    store = Store(f"sqlite:///{path}")
    store.keep(ruling(0))
    await store.kept()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        store.keep(ruling(1))
        waiting = asyncio.ensure_future(store.kept())
        await asyncio.sleep(0)
        began = time.monotonic()
        await store.close()
        assert time.monotonic() - began < 3
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert store.pending > 0


def test_a_full_disk_delays_everything_and_loses_nothing(tmp_path: Path) -> None:
    inside = (
        f"mount -t tmpfs -o size=1500k tmpfs {tmp_path} && exec {sys.executable} -m tests.store.full_disk {tmp_path}"
    )
    command = [program("unshare"), "--map-root-user", "--mount", program("sh"), "-c", inside]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "database or disk is full" in ended.stdout


async def test_what_waits_is_bounded(tmp_path: Path) -> None:
    worker = Worker(f"sqlite:///{tmp_path}/later/x.db")
    rulings = Rulings(worker, most_transitions=100)
    for number in range(1000):
        rulings.keep(Ruling(at=T0 + number, windows=(a_window(number % 3),), transitions=(a_transition(T0 + number),)))
        if number % 300 == 0:
            await rulings.flush()
    assert rulings.pending == 103
    (tmp_path / "later").mkdir()
    await rulings.flush()
    stored = await Archive(worker).transitions(["s/c/t/fake"], 0)
    assert [transition.at for transition in stored] == [T0 + number for number in range(900, 1000)]
    await worker.close()


async def test_a_large_ruling_is_written_without_holding_the_loop(tmp_path: Path) -> None:
    switch = sys.getswitchinterval()
    sys.setswitchinterval(0.001)  # as the monitor runs
    store = Store(f"sqlite:///{tmp_path}/x.db")
    store.keep(ruling(0))
    await store.kept()
    worst = []
    for turn in range(5):
        large = Ruling(
            at=T0,
            transitions=tuple(a_transition(T0 + turn, f"s/c/t{n}/fake") for n in range(500)),
            memory=tuple((f"k{n}", f"some {turn} text of a usual length, {n}") for n in range(1000)),
        )
        async with lag() as late:
            store.keep(large)
            await store.kept()
        worst.append(max(late))
    sys.setswitchinterval(switch)
    await store.close()
    assert min(worst) < 0.02, worst  # of five: what else this machine does is not the question
