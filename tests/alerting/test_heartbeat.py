"""The dead man's switch: start, ok while we work, fail while we do not, and patience with who does not listen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from monitor.alerting.heartbeat import Pacemaker
from monitor.domain.alert import Heartbeat
from tests.support.waiting import until
from tests.support.webhooks import hook


@asynccontextmanager
async def beating(pacemaker: Pacemaker, trouble: list[str]) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        task = tasks.create_task(pacemaker.run(session, lambda: trouble[-1] if trouble else None))
        try:
            yield
        finally:
            task.cancel()


async def test_it_says_start_and_then_that_we_work_and_when_we_do_not() -> None:
    trouble: list[str] = []
    async with hook() as there:
        plan = Heartbeat(url=f"http://127.0.0.1:{there.port}/uuid/", interval=0.01)
        pacemaker = Pacemaker(lambda: plan)
        async with beating(pacemaker, trouble):
            await until(lambda: len(there.taken) >= 3)
            trouble.append("overloaded")
            await until(lambda: there.taken[-1].path == "/uuid/fail")
            trouble.clear()
            await until(lambda: there.taken[-1].path == "/uuid")
    assert [taken.path for taken in there.taken[:3]] == ["/uuid/start", "/uuid", "/uuid"]
    assert pacemaker.results["fail"] >= 1


async def test_who_does_not_listen_is_counted_and_tried_again() -> None:
    async with hook() as there:
        there.status = 500
        pacemaker = Pacemaker(lambda: Heartbeat(url=f"http://127.0.0.1:{there.port}", interval=0.01))
        async with beating(pacemaker, []):
            await until(lambda: pacemaker.results["error"] >= 2)
            there.status = 200
            await until(lambda: pacemaker.results["ok"] >= 1)


async def test_nobody_is_fine_too() -> None:
    pacemaker = Pacemaker(lambda: None)
    async with beating(pacemaker, []):
        await asyncio.sleep(0.02)
    assert pacemaker.results.total() == 0
