"""/events: who is told what, how often, and that nobody is kept for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from monitor.domain.outage import Span
from monitor.domain.words import State, Status, VantageState
from monitor.web.events import NEWS, News, begin, end, events, picture
from tests.metrics.test_exposition import ok
from tests.support.fakes import a_check
from tests.support.waiting import until
from tests.support.windows import NOW, signal_open
from tests.web.scene import Scene, failed


class Paper:
    """News of a single word, looked at only when a test says so."""

    def __init__(self) -> None:
        self.word = "calm"
        self.news = News(lambda: self.word)

    def change(self, word: str) -> None:
        self.word = word
        self.news.look()

    def app(self) -> web.Application:
        app = web.Application()
        app[NEWS] = self.news
        app.on_startup.append(begin)
        app.on_shutdown.append(end)
        app.add_routes([web.get("/events", events)])
        return app


@asynccontextmanager
async def client(paper: Paper) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]  # aiohttp's default
    async with TestClient(TestServer(paper.app())) as made:
        yield made


async def block(stream: ClientResponse) -> str:
    """What comes up to the next empty line."""
    async with asyncio.timeout(2):
        return (await stream.content.readuntil(b"\n\n")).decode()


async def opened(http: TestClient) -> ClientResponse:  # type: ignore[type-arg]  # as above
    stream = await http.get("/events")
    assert stream.status == 200
    assert (await block(stream)).startswith("retry: ")
    assert await block(stream) == ":\n\n"
    return stream


async def dwindled(paper: Paper, readers: int) -> None:
    """Until so many are left."""
    async with asyncio.timeout(2):
        while paper.news.readers > readers:
            paper.news.look()
            await asyncio.sleep(0.005)


async def test_every_open_page_hears_of_a_change_and_of_nothing_else() -> None:
    paper = Paper()
    async with client(paper) as http:
        streams = [await opened(http) for _ in range(60)]
        assert streams[0].headers["Content-Type"] == "text/event-stream"
        assert streams[0].headers["Cache-Control"] == "no-store"
        paper.change("calm")
        paper.change("storm")
        for stream in streams:
            assert await block(stream) == "event: news\ndata: 1\n\n"
        paper.change("calm")
        for stream in streams:
            assert await block(stream) == "event: news\ndata: 2\n\n"


async def test_what_changes_many_times_within_a_second_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.web.events._LOOK", 0.1)
    paper = Paper()
    async with client(paper) as http:
        stream = await opened(http)
        for number in range(50):
            paper.word = str(number)
        assert await block(stream) == "event: news\ndata: 1\n\n"
        await asyncio.sleep(0.25)
        assert paper.news.version == 1


async def test_nobody_looks_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.web.events._LOOK", 0.02)
    looks: list[float] = []
    news = News(lambda: looks.append(0.0))
    news.begin()
    await asyncio.sleep(0.1)
    assert len(looks) == 1, "the first one is to have something to compare with"
    assert news.version == 0
    await asyncio.sleep(0.1)
    assert len(looks) == 2
    with news.reading(None):
        await until(lambda: len(looks) > 4)
    news.end()


async def test_a_page_that_was_made_just_before_a_change_is_told_when_it_opens_its_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paper = Paper()
    async with client(paper) as http:
        paper.change("storm")
        stream = await http.get("/events")
        assert (await block(stream)).startswith("retry: ")
        assert await block(stream) == "event: news\ndata: 1\n\n"
        monkeypatch.setattr("monitor.web.events._FRESH", 0.0)
        await opened(http)


async def test_silence_is_broken_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.web.events._HEARTBEAT", 0.02)
    async with client(Paper()) as http:
        stream = await opened(http)
        assert [await block(stream) for _ in range(3)] == [":\n\n"] * 3


async def test_more_readers_than_there_is_room_for_are_asked_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.web.events._READERS", 2)
    paper = Paper()
    async with client(paper) as http:
        first, _ = await opened(http), await opened(http)
        third = await http.get("/events")
        assert (third.status, third.headers["Retry-After"]) == (503, "30")
        first.close()
        await dwindled(paper, 1)
        await opened(http)


async def test_readers_that_vanish_leave_nothing_behind() -> None:
    paper = Paper()
    async with client(paper) as http:
        streams = [await opened(http) for _ in range(30)]
        assert paper.news.readers == 30
        for stream in streams:
            stream.close()
        await dwindled(paper, 0)
        handlers = [task for task in asyncio.all_tasks() if "events" in repr(task.get_coro())]
        assert not handlers


async def test_a_stop_ends_every_stream_cleanly_and_at_once() -> None:
    paper = Paper()
    async with client(paper) as http:
        streams = [await opened(http) for _ in range(60)]
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            rests = [tasks.create_task(stream.read()) for stream in streams]
            await http.server.close()  # what the monitor does when it stops
        took = asyncio.get_running_loop().time() - began
        assert {rest.result() for rest in rests} == {b""}, "an end, not a broken connection"
        assert took < 1.0


class Look:
    """Whether what is shown of a scene changed since the last time somebody asked."""

    def __init__(self, scene: Scene) -> None:
        self._backend = scene.backend()
        self._seen = picture(self._backend)

    def changed(self) -> bool:
        before, self._seen = self._seen, picture(self._backend)
        return self._seen != before


def test_checks_and_states_are_news_when_they_change_what_is_said() -> None:
    scene = Scene()
    check = a_check("a", service="signal", component="chat")
    scene.board.replace([check])
    look = Look(scene)
    assert not look.changed()
    scene.board.observe(check, ok(check))
    assert look.changed(), "the first round is there"
    scene.board.observe(check, ok(check))
    assert not look.changed()
    scene.board.observe(check, failed("a"))
    assert look.changed(), "something fails"
    scene.states = {("signal", "chat"): State.DOWN}
    assert look.changed()
    scene.states = {("signal", "chat"): State.DOWN, ("signal", ""): State.DOWN}
    assert look.changed()


def test_windows_and_our_own_standing_are_news_and_time_is_none() -> None:
    scene = Scene()
    look = Look(scene)
    scene.keep((signal_open(), ()))
    assert look.changed()
    scene.keep((signal_open(), ()))
    assert not look.changed(), "equal windows"
    scene.keep((signal_open(status=Status.RECOVERING, end=NOW), ()))
    assert look.changed()
    scene.keep()
    assert look.changed()
    scene.standing = Span(vantage="fra-1", state=VantageState.OFFLINE, start=NOW, end=None)
    assert look.changed()
    scene.clock.advance(60.0)
    assert not look.changed()
