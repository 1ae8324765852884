"""Who was told of an outage, by which way, and who looks after it: a part of its page that strangers do not see."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from monitor.domain.alert import Acknowledgement, Post, PostState
from monitor.domain.words import Status
from monitor.formats.report import Report
from monitor.formats.text import NAME, plain
from monitor.formats.times import clock, rfc3339
from monitor.languages.detours import Reason, reason
from monitor.languages.reader import Reader
from monitor.web.backend import Backend
from monitor.web.reading import Unreadable, read

_SHOWN = 50
_LATE = 60.0
"""Seconds from which on it is said how long a message took."""
_MARKS = {PostState.SENT: "ok", PostState.WAITING: "waiting", PostState.GIVEN_UP: "failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the store knows of it."""

    posts: Sequence[Post] = ()
    """Oldest first."""
    acknowledged: Acknowledgement | None = None
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message."""

    at: str
    at_iso: str
    event: str
    route: str
    word: str
    """For its mark."""
    state: str
    detours: tuple[tuple[str, Reason], ...]
    """What was passed over, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tale:
    """All of them, ready for the template."""

    lines: tuple[Line, ...]
    earlier: str
    """How many came before these, in words; or nothing."""
    acknowledged: str
    """Who looks after it and since when, or nothing."""
    is_unreadable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """With which a window is acknowledged: where it goes to, and what proves that it is ours."""

    path: str
    sign: str


async def told_of(backend: Backend, report: Report) -> Told | None:
    """What strangers may not know: None on a public monitor."""
    if backend.public:
        return None
    window_id, telling = report.window.id, backend.telling
    try:
        posts, notes = await asyncio.gather(
            read(backend.history, telling.posts(window_id)),
            read(backend.history, telling.acknowledged([window_id])),
        )
    except Unreadable:
        return Told(is_unreadable=True)
    return Told(posts=posts, acknowledged=next(iter(notes), None))


def can_be_acknowledged(report: Report, acknowledged: Acknowledgement | None) -> bool:
    """Whether it goes on, and nobody looks after it yet."""
    return acknowledged is None and report.window.status in (Status.OPEN, Status.RECOVERING)


def form_on(report: Report, told: Told | None, sign: Callable[[str], str]) -> Form | None:
    """The form on an outage's own page, where there is one."""
    if told is None or told.is_unreadable or not can_be_acknowledged(report, told.acknowledged):
        return None
    return Form(path=f"/outage/{_quoted(report.window.id)}/ack", sign=sign(report.window.id))


def form_alone(window_id: str, sign: str) -> Form:
    """The form that a link leads to."""
    return Form(path=f"/ack/{_quoted(window_id)}", sign=sign)


def _quoted(window_id: str) -> str:
    return quote(window_id, safe="", errors="replace")


def telling(told: Told, reader: Reader) -> Tale:
    """It in words."""
    earlier = len(told.posts) - _SHOWN
    return Tale(
        lines=tuple(_line(post, reader) for post in told.posts[-_SHOWN:]),
        earlier=reader.words.many("told.earlier", earlier) if earlier > 0 else "",
        acknowledged=who_acknowledged(told.acknowledged, reader) if told.acknowledged else "",
        is_unreadable=told.is_unreadable,
    )


def who_acknowledged(note: Acknowledgement, reader: Reader) -> str:
    """Who looks after it, and since when."""
    return reader.words("told.acknowledged", author=plain(note.author, NAME), when=clock(note.at))


def _line(post: Post, reader: Reader) -> Line:
    message, words = post.message, reader.words
    event = words(f"told.event.{message.event}")
    others = len(message.windows) - 1
    return Line(
        at=clock(message.decided),
        at_iso=rfc3339(message.decided),
        event=f"{event}, {words.many('told.rolled_up', others)}" if others > 0 else event,
        route=plain(message.route, NAME),
        word=_MARKS.get(post.state, "dismissed"),
        state=_state(post, reader),
        detours=tuple(_detours(post, reader)),
    )


def _state(post: Post, reader: Reader) -> str:
    words = reader.words
    took = (reader.now if post.settled is None else post.settled) - post.message.decided
    if post.state is PostState.WAITING:
        return words.many("told.waiting", post.tries, time=words.lasting(took))
    if post.state is PostState.SENT:
        sent = words("told.sent", channel=plain(post.channel, NAME))
        return sent if took < _LATE else words("told.late", sent=sent, time=words.lasting(took))
    return words(f"told.{post.state}", time=words.lasting(took))


def _detours(post: Post, reader: Reader) -> Iterator[tuple[str, Reason]]:
    for detour in post.detours:
        channel = plain(detour.channel, NAME)
        yield reader.words("told.passed_over", channel=channel) if channel else "", reason(detour.why, reader.words)
