"""Answers kept for a moment: what a rush of readers costs, and that nobody is shown what is not true any more."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from monitor.web.backend import BACKEND
from monitor.web.cache import CACHE, Cache, cached, takes_gzip
from tests.support.fakes import FakeClock
from tests.web.scene import Scene

LONG = "long enough to be worth compressing " * 100


class Kitchen:
    """A page that says how often it was made, and a cache before it."""

    def __init__(self) -> None:
        self.clock = FakeClock(0.0)
        self.version = 0
        self.made = count(1)
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.begun = asyncio.Event()
        self.asked = 0
        self.refuses = False
        self.breaks = False

    async def page(self, request: web.Request) -> web.Response:
        self.begun.set()
        self.asked += 1
        await self.may_go_on.wait()
        if self.breaks:
            raise ZeroDivisionError
        if self.refuses:
            raise web.HTTPNotFound(text="not here\n")
        return web.Response(text=f"<p>{next(self.made)} {LONG}</p>", content_type="text/html")

    async def short(self, request: web.Request) -> web.Response:
        return web.Response(text="short")

    def app(self) -> web.Application:
        app = web.Application()
        app[BACKEND] = Scene().backend()
        app[CACHE] = Cache(self.clock.monotonic, lambda: self.version, control="public, no-cache")
        app.add_routes([web.get("/", cached(self.page, speaks=True)), web.get("/short", cached(self.short))])
        return app


@asynccontextmanager
async def client(kitchen: Kitchen) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]  # aiohttp's default
    async with TestClient(TestServer(kitchen.app()), auto_decompress=False) as made:
        yield made


async def number(http: TestClient, path: str = "/", **headers: str) -> int:  # type: ignore[type-arg]  # as above
    """Which making of the page is answered."""
    answer = await http.get(path, headers={"Accept-Encoding": "identity", **headers})
    return int((await answer.text()).split()[0].removeprefix("<p>"))


async def test_a_rush_of_readers_costs_one_rendering() -> None:
    kitchen = Kitchen()
    kitchen.may_go_on.clear()
    async with client(kitchen) as http, asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(number(http)) for _ in range(40)]
        await kitchen.begun.wait()
        kitchen.may_go_on.set()
    assert {reader.result() for reader in readers} == {1}


async def test_an_answer_is_good_for_a_second_and_until_something_changes() -> None:
    kitchen = Kitchen()
    async with client(kitchen) as http:
        assert [await number(http), await number(http)] == [1, 1]
        kitchen.clock.advance(0.99)
        assert await number(http) == 1
        kitchen.clock.advance(0.02)
        assert [await number(http), await number(http)] == [2, 2]
        kitchen.version += 1
        assert [await number(http), await number(http)] == [3, 3]


async def test_who_comes_after_a_change_is_not_given_what_was_begun_before_it() -> None:
    kitchen = Kitchen()
    kitchen.may_go_on.clear()
    async with client(kitchen) as http, asyncio.TaskGroup() as tasks:
        early = tasks.create_task(number(http))
        await kitchen.begun.wait()
        kitchen.version += 1
        late = tasks.create_task(number(http))
        await asyncio.sleep(0.02)
        kitchen.may_go_on.set()
    assert (early.result(), late.result()) == (1, 2)


async def test_a_refusal_is_shared_as_well_and_kept_no_longer() -> None:
    kitchen = Kitchen()
    kitchen.refuses = True
    kitchen.may_go_on.clear()
    async with client(kitchen) as http:
        async with asyncio.TaskGroup() as tasks:
            readers = [tasks.create_task(http.get("/")) for _ in range(3)]
            await kitchen.begun.wait()
            kitchen.may_go_on.set()
        assert [reader.result().status for reader in readers] == [404, 404, 404]
        assert {await reader.result().text() for reader in readers} == {"not here\n"}
        etag = readers[0].result().headers["ETag"]
        assert (await http.get("/", headers={"If-None-Match": etag})).status == 404
        assert kitchen.asked == 1
        kitchen.refuses = False
        kitchen.clock.advance(1.01)
        assert await number(http) == 1


async def test_however_long_it_takes_one_at_a_time_is_made() -> None:
    kitchen = Kitchen()
    kitchen.may_go_on.clear()
    async with client(kitchen) as http, asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(number(http)) for _ in range(20)]
        await kitchen.begun.wait()
        kitchen.clock.advance(3.0)
        kitchen.may_go_on.set()
    assert {reader.result() for reader in readers} == {1}


async def test_a_mistake_of_ours_is_not_kept_and_blocks_nobody() -> None:
    kitchen = Kitchen()
    kitchen.breaks = True
    async with client(kitchen) as http:
        assert [(await http.get("/")).status for _ in range(2)] == [500, 500]
        kitchen.breaks = False
        assert await number(http) == 1


async def test_languages_hosts_and_queries_are_kept_apart() -> None:
    kitchen = Kitchen()
    async with client(kitchen) as http:
        asked = [
            await number(http),
            await number(http, Host="a.example"),
            await number(http, **{"Accept-Language": "fr-CH, en;q=0.5"}),
            await number(http, "/?service=a"),
            await number(http, "/?service=b"),
            await number(http, Cookie="lang=it"),
            await number(http, **{"Accept-Language": "fr"}),
        ]
    assert asked == [1, 2, 3, 4, 5, 6, 3]


async def test_it_is_compressed_for_those_who_take_it_and_each_coding_has_its_own_tag() -> None:
    async with client(Kitchen()) as http:
        small = await http.get("/", headers={"Accept-Encoding": "br, gzip"})
        plain = await http.get("/", headers={"Accept-Encoding": "gzip;q=0"})
        body = await plain.read()
        assert gzip.decompress(await small.read()) == body
        assert (small.headers["Content-Encoding"], plain.headers.get("Content-Encoding")) == ("gzip", None)
        assert small.content_length is not None
        assert small.content_length < len(body) / 5
        assert small.headers["ETag"] != plain.headers["ETag"]
        for answer in (small, plain):
            assert answer.headers["Vary"] == "Accept-Encoding, Accept-Language, Cookie"
            assert answer.headers["Cache-Control"] == "public, no-cache"
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        short = await http.get("/short", headers={"Accept-Encoding": "gzip"})
        assert (short.headers.get("Content-Encoding"), short.headers["Vary"]) == (None, "Accept-Encoding")


async def test_who_has_it_already_gets_no_body() -> None:
    async with client(Kitchen()) as http:
        first = await http.get("/")
        etag = first.headers["ETag"]
        for known in (etag, f'"x", W/{etag}', "*"):
            again = await http.get("/", headers={"If-None-Match": known})
            assert (again.status, await again.read()) == (304, b"")
            assert again.headers["ETag"] == etag
            assert again.headers["Vary"] == first.headers["Vary"]
            assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
            assert "Content-Encoding" not in again.headers
        assert (await http.get("/", headers={"If-None-Match": '"else"'})).status == 200
        head = await http.head("/")
        assert (head.status, head.headers["ETag"], await head.read()) == (200, etag, b"")
        assert head.headers["Content-Length"] == first.headers["Content-Length"]


async def test_it_forgets_what_was_not_asked_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.web.cache._MOST", 2)
    async with client(Kitchen()) as http:
        assert [await number(http, f"/?{letter}") for letter in "abc"] == [1, 2, 3]
        assert [await number(http, f"/?{letter}") for letter in "cba"] == [3, 2, 4]
    monkeypatch.setattr("monitor.web.cache._MOST", 100)
    monkeypatch.setattr("monitor.web.cache._MOST_BYTES", 9000)
    async with client(Kitchen()) as http:
        assert [await number(http, f"/?{letter}") for letter in "abc"] == [1, 2, 3]
        assert [await number(http, f"/?{letter}") for letter in "cba"] == [3, 2, 4]


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP;q=0.5", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip; q=0, *", False),
        ("identity", False),
        ("br", False),
    ],
)
def test_whether_a_reader_takes_gzip(header: str, takes: bool) -> None:
    assert takes_gzip(header) is takes
