"""Fills the disk that it is told, under a store. For a small file system of its own: `test_stuck` makes one."""

import asyncio
import os
import sys
from pathlib import Path

from monitor.domain.attempt import Attempt
from monitor.domain.outage import OutageQuery, StateSeconds, Window
from monitor.domain.words import Outcome
from monitor.store import Store, Tally
from tests.support.fakes import a_check
from tests.support.judged import ruling
from tests.support.waiting import until

_BEFORE, _AFTER = 20, 300


def expected_memory(last: int) -> dict[str, str]:
    """What all rulings up to this one add up to."""
    memory: dict[str, str] = {}
    for number in range(last + 1):
        memory.update(ruling(number).memory)
    return {key: text for key, text in memory.items() if text}


def expected_windows(last: int) -> list[Window]:
    """Likewise, newest first."""
    windows = {window.id: window for number in range(last + 1) for window in ruling(number).windows}
    return list(reversed(windows.values()))


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as ballast:
        for size in (65536, 4096, 1):
            try:
                while True:
                    ballast.write(os.urandom(size))
            except OSError:
                continue


def _empty(file: Path) -> None:
    file.unlink()


async def _main(folder: Path) -> None:
    ballast = folder / "ballast"
    store = Store(f"sqlite:///{folder}/x.db")
    await _start_on_a_full_disk(store, ballast)
    for number in range(1, _BEFORE):
        store.keep(ruling(number))
        await store.kept()
    _fill(ballast)
    await _go_on(store)
    # reading goes on too, and shows whole rulings only
    shown = [noted.window for noted in await store.archive.windows(OutageQuery(limit=_AFTER))]
    last = int(shown[0].sentence.removeprefix("as of "))
    assert _BEFORE - 1 <= last < _AFTER
    assert shown == expected_windows(last)
    _empty(ballast)
    await store.flush()
    await store.kept()
    assert store.pending == 0
    await _expect_everything(store)
    await store.close()


async def _start_on_a_full_disk(store: Store, ballast: Path) -> None:
    _fill(ballast)
    store.claim()
    await store.resume()
    store.keep(ruling(0))
    await until(lambda: store.errors > 1)
    assert store.pending > 0
    _empty(ballast)
    await store.kept()


async def _go_on(store: Store) -> None:
    errors = store.errors
    for number in range(_BEFORE, _AFTER):
        store.keep(ruling(number))
        store.observe(a_check(), _attempt(number))
        store.keep_seconds([StateSeconds(hour=0, service=f"s{number % 99}", component="", up=1)])
        if number % 50 == 0:
            await store.flush()
    await store.flush()
    assert store.errors > errors + 3
    assert store.pending > 100


async def _expect_everything(store: Store) -> None:
    stored = await store.archive.windows(OutageQuery(limit=_AFTER))
    assert [noted.window for noted in stored] == expected_windows(_AFTER - 1)
    assert (await store.resume()).memory == expected_memory(_AFTER - 1)
    count = _AFTER - _BEFORE
    assert await store.since(0) == {a_check().id: Tally(count, 0, 0, 0.5 * count)}
    assert sum(each.up for each in await store.archive.availability(0, 3600)) == count


def _attempt(number: int) -> Attempt:
    return Attempt(
        check_id=a_check().id,
        started=3600 * (number % 5),
        duration=0.5,
        outcome=Outcome.OK,
        phases={},
        facts={},
        failure=None,
    )


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
