"""The post office: every message reaches somebody, once, in order, and not through what is down."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from typing_extensions import override

from monitor.alerting.lines import Line
from monitor.alerting.post_office import Books, Patience, PostOffice
from monitor.clock import SystemClock
from monitor.domain.alert import ChannelFailed, ChannelSettings, Letter, Message, Post, PostState, Route, Way
from monitor.domain.words import Event, Severity
from tests.support.waiting import until

_QUICK = Patience(first_pause=0.001, longest_wait=0.05, first_check=0.0, round_pause=0.01, longest_pause=0.02)


class FakeSettings(ChannelSettings):
    """Of a channel without a network, which nobody waits for."""

    @property
    @override
    def longest(self) -> float:
        return 0.2


class FakeChannel:
    """Takes letters, or does what the test says."""

    settings_type: ClassVar[type[ChannelSettings]] = FakeSettings

    def __init__(self, *troubles: Exception | None) -> None:
        self.taken: list[Letter] = []
        self.tries: list[str] = []
        self.troubles = list(troubles)
        self.sick: ChannelFailed | None = None

    async def send(self, letter: Letter) -> str:
        self.tries.append(letter.key)
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None:
            raise trouble
        self.taken.append(letter)
        return f"thread of {letter.conversation}"

    async def check(self) -> None:
        if self.sick:
            raise self.sick

    @property
    def events(self) -> list[Event]:
        return [letter.event for letter in self.taken]


class Ledger:
    """What a store would hold."""

    def __init__(self) -> None:
        self.posts: dict[str, Post] = {}
        self.fails = 0

    async def waiting(self) -> Sequence[Post]:
        return [post for post in self.posts.values() if post.state is PostState.WAITING]

    async def sent(self, talk: str) -> Sequence[Post]:
        return [p for p in self.posts.values() if p.message.talk == talk and p.state is PostState.SENT]

    async def update(self, post: Post) -> None:
        if self.fails:
            self.fails -= 1
            raise OSError("disk full")
        self.posts[post.message.key] = post


class FakeScribe:
    def letter(self, post: Post, way: Way, language: str, now: float) -> Letter:
        message = post.message
        return Letter(
            key=message.key,
            conversation=message.talk,
            event=message.event,
            severity=message.severity,
            title=f"{way.name} {language} {now:.0f}",
            text=" ".join(f"{detour.channel}: {detour.why}" for detour in post.detours),
            html="",
            link="",
            labels={},
            document={},
            decided=message.decided,
            started=message.decided,
            ended=None,
            thread=post.thread,
        )


class Scene:
    """A post office with two channels."""

    def __init__(self, first: FakeChannel | None = None, second: FakeChannel | None = None) -> None:
        self.a, self.b = first or FakeChannel(), second or FakeChannel()
        self.ledger = Ledger()
        self.obstacles: dict[str, str] = {}
        self.route = Route(name="r", channels=("a", "b"))
        self.patience = _QUICK
        self.scribe = FakeScribe()
        self.office = self.appoint()

    def appoint(self) -> PostOffice:
        ledger = self.ledger
        books = Books(waiting=ledger.waiting, sent=ledger.sent, update=ledger.update)
        office = PostOffice(
            SystemClock(), books, self.scribe, lambda way: self.obstacles.get(way.name, ""), self.patience
        )
        settings = FakeSettings()
        lines = [
            Line(way=Way(name=name, kind="fake", settings=settings), channel=channel)
            for name, channel in (("a", self.a), ("b", self.b))
        ]
        office.replace([self.route], lines)
        return office

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(self.office.run(lambda: 0.02))
            try:
                yield
            finally:
                work.cancel()

    async def tell(self, *messages: Message) -> None:
        """Put them into the outbox, as a ruling does, and wait until nothing waits."""
        for message in messages:
            self.ledger.posts[message.key] = Post(message=message)
        self.office.take(messages)
        await until(lambda: not self.office.waiting)

    def states(self) -> list[str]:
        return [str(post.state) for post in self.ledger.posts.values()]


def told(number: int = 1, event: Event = Event.OPENED, **changes: Any) -> Message:
    values: dict[str, Any] = {"route": "r", "conversation": "w", "decided": SystemClock().now()}
    return Message(**values | {"number": number, "event": event, "severity": Severity.MAJOR} | changes)


async def test_the_first_channel_takes_it_and_only_that() -> None:
    scene = Scene()
    async with scene.at_work():
        await scene.tell(told())
    assert (scene.a.events, scene.b.events, scene.states()) == ([Event.OPENED], [], ["sent"])


@pytest.mark.parametrize(
    ("trouble", "tries"),
    [
        (ChannelFailed("refused token", permanent=True), 1),
        (ChannelFailed("500"), 3),
        (ChannelFailed("slow down", retry_after=0.001), 3),
        (ChannelFailed("come back in an hour", retry_after=3600.0), 1),
        (RuntimeError("https://token@secret"), 1),
    ],
)
async def test_what_fails_is_gone_around_and_the_letter_says_so(trouble: Exception, tries: int) -> None:
    scene = Scene(FakeChannel(*[trouble] * 10))
    async with scene.at_work():
        await scene.tell(told())
    assert (len(scene.a.tries), scene.b.events) == (tries, [Event.OPENED])
    (letter,) = scene.b.taken
    assert letter.text.startswith("a: ")
    assert "secret" not in letter.text
    assert len(set(scene.a.tries + scene.b.tries)) == 1, "the key is the same at every try"


async def test_a_short_trouble_is_waited_for() -> None:
    scene = Scene(FakeChannel(ChannelFailed("500"), ChannelFailed("500")))
    async with scene.at_work():
        await scene.tell(told())
    assert (scene.a.events, scene.b.events) == ([Event.OPENED], [])


async def test_one_that_hangs_is_left_in_time() -> None:
    class Hanging(FakeChannel):
        @override
        async def send(self, letter: Letter) -> str:
            self.tries.append(letter.key)
            await asyncio.sleep(3600)
            return ""

    scene = Scene(Hanging())
    async with scene.at_work():
        await scene.tell(told())
    assert scene.b.events == [Event.OPENED]
    assert "no answer within 0.2 s" in scene.b.taken[0].text


async def test_when_all_fail_it_is_tried_again_until_one_takes_it() -> None:
    scene = Scene(FakeChannel(*[ChannelFailed("500")] * 6), FakeChannel(*[ChannelFailed("gone", permanent=True)] * 9))
    async with scene.at_work():
        await scene.tell(told())
    assert scene.a.events == [Event.OPENED]
    assert next(iter(scene.ledger.posts.values())).tries == 3


async def test_nothing_goes_through_what_is_down_but_when_all_is_down_everything_is_tried() -> None:
    scene = Scene()
    scene.obstacles = {"a": "Telegram is down itself since 07:02 UTC"}
    async with scene.at_work():
        await scene.tell(told())
        assert (scene.a.tries, scene.b.events) == ([], [Event.OPENED])
        assert "Telegram is down itself" in scene.b.taken[0].text
        scene.obstacles["b"] = "so is the other"
        await scene.tell(told(conversation="v"))
    assert scene.a.events == [Event.OPENED], "better lost than not tried"


async def test_a_conversation_stays_where_it_was_read_and_has_its_thread() -> None:
    scene = Scene()
    scene.obstacles = {"a": "down"}
    async with scene.at_work():
        await scene.tell(told())
        scene.obstacles = {}
        await scene.tell(told(2, Event.CLOSED))
    assert scene.b.events == [Event.OPENED, Event.CLOSED]
    assert [letter.thread for letter in scene.b.taken] == ["", "thread of r/w"]


async def test_a_restart_sends_what_waited_and_goes_on_with_the_thread() -> None:
    scene = Scene()
    scene.obstacles = {"a": "down"}
    async with scene.at_work():
        await scene.tell(told())
    closing = told(2, Event.CLOSED)
    scene.ledger.posts[closing.key] = Post(message=closing)
    scene.obstacles = {}
    scene.office = scene.appoint()
    async with scene.at_work():
        await until(lambda: scene.states() == ["sent", "sent"])
    assert scene.b.events == [Event.OPENED, Event.CLOSED]
    assert scene.b.taken[1].thread == "thread of r/w"


async def test_order_is_kept_and_what_became_pointless_is_left_out() -> None:
    scene = Scene(FakeChannel(*[ChannelFailed("500")] * 6), FakeChannel(*[ChannelFailed("500")] * 6))
    messages = [told(1), told(2, Event.CHANGED), told(3, Event.REMINDER), told(4, Event.CLOSED)]
    async with scene.at_work():
        await scene.tell(*messages)
    assert scene.a.events + scene.b.events == [Event.OPENED, Event.CLOSED]
    assert scene.states() == ["sent", "superseded", "superseded", "sent"]


async def test_one_conversation_does_not_wait_for_another() -> None:
    scene = Scene(FakeChannel(*[ChannelFailed("500")] * 3), FakeChannel(*[ChannelFailed("500")] * 3))
    scene.patience = replace(_QUICK, round_pause=0.3)
    scene.office = scene.appoint()
    async with scene.at_work():
        scene.office.take([told(conversation="slow")])
        await until(lambda: len(scene.b.tries) == 3)
        scene.office.take([told(conversation="quick")])
        await until(lambda: len(scene.a.taken) == 1)
        assert scene.a.taken[0].conversation == "r/quick"


async def test_it_is_sent_only_once_though_the_outbox_cannot_be_written_for_a_while() -> None:
    scene = Scene()
    scene.ledger.fails = 1
    async with scene.at_work():
        await scene.tell(told())
        await until(lambda: scene.states() == ["sent"])
    assert scene.a.events == [Event.OPENED]


async def test_after_a_day_it_is_given_up_and_counted() -> None:
    scene = Scene(FakeChannel(*[ChannelFailed("500")] * 99), FakeChannel(*[ChannelFailed("500")] * 99))
    async with scene.at_work():
        await scene.tell(told(decided=SystemClock().now() - 90_000))
    assert scene.states() == ["given_up"]
    assert scene.office.results["", "given_up"] == 1


async def test_a_route_that_is_gone_gives_up_at_once() -> None:
    scene = Scene()
    async with scene.at_work():
        await scene.tell(told(route="other"))
    assert scene.states() == ["given_up"]


async def test_a_dead_token_is_known_before_the_outage_and_its_channel_comes_last() -> None:
    scene = Scene()
    scene.a.sick = ChannelFailed("the token is refused", permanent=True)
    async with scene.at_work():
        await until(lambda: "a" in scene.office.health and "b" in scene.office.health)
        await scene.tell(told())
        assert scene.b.events == [Event.OPENED]
        scene.a.sick = None
        await until(lambda: scene.office.health["a"].ok)
        await scene.tell(told(conversation="v"))
    assert scene.a.events == [Event.OPENED]


async def test_a_message_that_comes_twice_is_sent_once() -> None:
    scene = Scene()
    message = told()
    async with scene.at_work():
        scene.office.take([message, message])
        await until(lambda: not scene.office.waiting)
    assert len(scene.a.tries) == 1


async def test_a_letter_that_cannot_be_written_costs_its_own_conversation_only() -> None:
    scene = Scene()

    class Stumbling(FakeScribe):
        @override
        def letter(self, post: Post, way: Way, language: str, now: float) -> Letter:
            if post.message.conversation == "bad" and not mended:
                raise KeyError("https://token@secret")
            return super().letter(post, way, language, now)

    mended: list[bool] = []
    scene.scribe = Stumbling()
    scene.office = scene.appoint()
    async with scene.at_work():
        scene.office.take([told(conversation="bad"), told(conversation="good")])
        await until(lambda: scene.a.events == [Event.OPENED])
        mended.append(True)
        await until(lambda: not scene.office.waiting)
    assert [letter.conversation for letter in scene.a.taken] == ["r/good", "r/bad"]


async def test_a_plan_that_stumbles_is_tried_again_and_ends_nothing() -> None:
    class Thorns(dict[str, str]):
        """Obstacles that cannot be looked up at first."""

        left = 3

        @override
        def get(self, key: str, default: Any = None) -> Any:
            self.left -= 1
            if self.left >= 0:
                raise KeyError(key)
            return default

    scene = Scene()
    scene.obstacles = Thorns()
    async with scene.at_work():
        await scene.tell(told())
    assert scene.a.events == [Event.OPENED]


async def test_a_token_that_was_mended_is_tried_at_once_after_the_reload() -> None:
    """And not when the next check comes, which may be minutes away."""
    scene = Scene()
    scene.a.sick = ChannelFailed("the token is refused", permanent=True)
    async with scene.at_work():
        await until(lambda: "a" in scene.office.health and "b" in scene.office.health)
        ways = {name: line.way for name, line in scene.office._lines.items()}
        mended = replace(ways["a"], settings=FakeSettings(rides_on=("x",)))
        lines = [Line(way=mended, channel=scene.a), Line(way=ways["b"], channel=scene.b)]
        before = scene.office.health["b"]
        scene.office.replace([scene.route], lines)
        assert "a" not in scene.office.health
        assert scene.office.health["b"] is before
