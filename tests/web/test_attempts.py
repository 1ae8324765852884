import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from monitor.domain.words import Outcome
from monitor.formats.feed import LARGEST, Page, read_page, read_row
from monitor.web.ring import Ring
from monitor.web.server import make_app
from tests.metrics.test_exposition import ok
from tests.support.fakes import a_check
from tests.support.waiting import until
from tests.support.windows import NOW
from tests.web.scene import OPEN, Scene, client, failed

CHECK = a_check("a")


def fill(ring: Ring, number: int) -> None:
    for _ in range(number):
        ring.observe(CHECK, ok(CHECK))


async def ask(http: Any, query: str = "") -> Page:
    answer = await http.get(f"/api/v1/attempts{query}")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    return read_page(await answer.read())


def numbers(page: Page) -> list[int]:
    return [read_row(row)[0] for row in page.rows]


async def test_without_a_number_the_page_tells_where_to_begin_and_who_speaks() -> None:
    scene = Scene()
    fill(scene.ring, 3)
    async with client(scene) as http:
        page = await ask(http)
    assert (page.next, page.newest, page.is_lost, list(page.rows)) == (3, 3, False, [])
    assert (page.vantage.name, page.vantage.country) == ("fra-1", "DE")
    assert page.run == scene.ring.run != Ring().run
    assert page.now == NOW


async def test_what_came_after_a_number_is_told_in_order_with_everything_that_is_judged() -> None:
    scene = Scene()
    fill(scene.ring, 2)
    scene.ring.observe(CHECK, replace(failed("a", "no certificate"), confirmation=2))
    async with client(scene) as http:
        page = await ask(http, "?after=1")
        again = await ask(http, "?after=3")
    assert numbers(page) == [2, 3]
    attempt = read_row(page.rows[1])[1]
    assert attempt == replace(failed("a", "no certificate"), confirmation=2, phases={}, facts={})
    assert (page.next, page.is_lost) == (3, False)
    assert (again.next, list(again.rows)) == (3, [])


async def test_what_is_forgotten_is_told_as_lost() -> None:
    scene = Scene()
    scene.ring = Ring(kept=10)
    fill(scene.ring, 25)
    async with client(scene) as http:
        lost, not_lost = await ask(http, "?after=14"), await ask(http, "?after=15")
    assert numbers(lost) == numbers(not_lost) == list(range(16, 26))
    assert (lost.is_lost, not_lost.is_lost) == (True, False)


async def test_a_number_of_an_earlier_run_is_answered_at_once() -> None:
    scene = Scene()
    fill(scene.ring, 5)
    async with client(scene) as http:
        async with asyncio.timeout(2):
            page = await ask(http, "?after=700&wait=30")
    assert (page.next, page.newest, page.is_lost, list(page.rows)) == (5, 5, True, [])


async def test_who_waits_is_answered_at_the_next_attempt() -> None:
    scene = Scene()
    async with client(scene) as http, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(ask(http, "?after=0&wait=30"))
        await until(lambda: bool(scene.ring._waiting))
        assert not waiting.done()
        fill(scene.ring, 1)
        async with asyncio.timeout(2):
            page = await waiting
    assert numbers(page) == [1]
    assert not scene.ring._waiting


async def test_who_waits_in_vain_gets_an_empty_page() -> None:
    scene = Scene()
    async with client(scene) as http:
        page = await ask(http, "?after=0&wait=1")
    assert (page.next, list(page.rows)) == (0, [])
    assert not scene.ring._waiting


async def test_more_than_a_hundred_readers_do_not_wait() -> None:
    ring = Ring()
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(ring.news(30)) for _ in range(100)]
        await until(lambda: len(ring._waiting) == 100)
        async with asyncio.timeout(1):
            await ring.news(30)
        ring.wake()
    assert all(task.done() for task in waiting)


async def test_a_reader_that_leaves_is_forgotten() -> None:
    ring = Ring()
    reader = asyncio.ensure_future(ring.news(30))
    await until(lambda: bool(ring._waiting))
    reader.cancel()
    with suppress(asyncio.CancelledError):
        await reader
    assert not ring._waiting
    fill(ring, 1)


async def test_who_waits_does_not_hold_up_a_stop() -> None:
    scene = Scene()
    server = TestServer(make_app(scene.backend(), OPEN, []))
    async with TestClient(server) as http:
        waiting = asyncio.ensure_future(ask(http, "?after=0&wait=30"))
        await until(lambda: bool(scene.ring._waiting))
        async with asyncio.timeout(2):
            await server.close()
            page = await waiting
    assert list(page.rows) == []


@pytest.mark.parametrize("message", ["connection refused", "\U0001f4a9\u202e" * 200])
async def test_many_come_on_several_pages_none_of_them_too_large_and_none_missing(message: str) -> None:
    scene = Scene()
    longest = a_check("x" * 1000)
    for _ in range(10_000):
        scene.ring.observe(longest, failed("a", message))
    after, seen, pages = 0, list[int](), 0
    async with client(scene) as http:
        while after < 10_000:
            answer = await http.get(f"/api/v1/attempts?after={after}")
            body = await answer.read()
            assert len(body) < LARGEST
            page = read_page(body)
            assert page.newest == 10_000
            assert page.rows, "a page takes its reader further"
            seen += numbers(page)
            after, pages = page.next, pages + 1
    assert seen == list(range(1, 10_001))
    assert pages > 5


async def test_ten_thousand_attempts_do_not_hold_the_loop() -> None:
    """Counted in turns, not in seconds, which a busy machine spoils: a turn writes 200 rows, which is a millisecond."""
    scene = Scene()
    fill(scene.ring, 1200)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with client(scene) as http:
        counting = asyncio.ensure_future(count())
        await asyncio.sleep(0)
        await ask(http, "?after=1200")
        idle, turns = turns, 0
        page = await ask(http, "?after=0")
        counting.cancel()
    assert len(page.rows) > 900
    assert turns > idle / 2 + 4


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("after=-1", "is no number of an attempt"),
        ("after=x", "is no number of an attempt"),
        ("after=1.5", "is no number of an attempt"),
        ("after=" + "9" * 5000, "is no number of an attempt"),
        ("after=9999999999999999", "is no number of an attempt"),
        ("after=%D9%A1", "is no number of an attempt"),
        ("after=", "is no number of an attempt"),
        ("wait=31", "whole number of seconds up to 30"),
        ("wait=-1", "whole number of seconds up to 30"),
        ("wait=nan", "whole number of seconds up to 30"),
        ("since=1", "there is no parameter 'since'"),
        ("after=1&after=2", "more than once"),
    ],
)
async def test_a_question_that_makes_no_sense_is_answered_with_a_sentence(query: str, sentence: str) -> None:
    async with client(Scene()) as http:
        answer = await http.get(f"/api/v1/attempts?{query}")
        assert answer.status == 400
        assert sentence in json.loads(await answer.text())["error"]


async def test_the_feed_is_behind_the_same_door_as_everything() -> None:
    async with client(Scene(), replace(OPEN, token="t0k")) as http:
        assert (await http.get("/api/v1/attempts")).status == 401
        page = await ask_with(http, {"Authorization": "Bearer t0k"})
    assert page.newest == 0


async def ask_with(http: Any, headers: dict[str, str]) -> Page:
    return read_page(await (await http.get("/api/v1/attempts", headers=headers)).read())


def test_only_what_the_feed_tells_is_kept_of_an_attempt() -> None:
    ring = Ring()
    attempt = ok(CHECK)
    assert attempt.facts or attempt.phases
    ring.observe(CHECK, attempt)
    assert ring.since(1) == [(CHECK.id, attempt.started, attempt.duration, Outcome.OK, 0, None)]
