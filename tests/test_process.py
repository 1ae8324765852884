"""What the interpreter does for this process."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from monitor.process import collect_garbage


class Knot:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@asynccontextmanager
async def collecting(grown: int) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        collector = tasks.create_task(collect_garbage(sweep=0.01, grown=grown))
        await asyncio.sleep(0)
        yield
        collector.cancel()


async def test_what_was_just_made_is_swept() -> None:
    async with collecting(grown=10_000_000):
        made = weakref.ref(Knot())
        await asyncio.sleep(0.1)
        assert made() is None


async def test_what_has_survived_a_sweep_is_collected_when_more_is_held() -> None:
    async with collecting(grown=100_000):
        knot: Knot | None = Knot()
        made = weakref.ref(knot)
        await asyncio.sleep(0.2)
        knot = None
        await asyncio.sleep(0.2)
        assert made() is not None, "nothing walks the old for nothing"
        more = [float(number) for number in range(200_000)]
        await asyncio.sleep(0.3)
        assert made() is None
        assert len(more) == 200_000


async def test_a_leak_of_knots_stays_bounded() -> None:
    async with collecting(grown=50_000):
        alive: weakref.WeakSet[Knot] = weakref.WeakSet()
        for _ in range(40):
            knots = [Knot() for _ in range(5_000)]
            alive.update(knots)
            await asyncio.sleep(0.02)
            del knots
        assert len(alive) < 100_000


async def test_in_the_end_the_collector_is_as_it_was() -> None:
    async with collecting(grown=1):
        assert not gc.isenabled()
    assert gc.isenabled()
