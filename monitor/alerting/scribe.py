"""Messages in words: what, since when, for whom, where it broke, what is fine, what to use instead, what comes next."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from jinja2 import PackageLoader, select_autoescape
from jinja2.sandbox import SandboxedEnvironment

from monitor.domain.alert import Letter, Post, Route, Way
from monitor.domain.outage import Evidence, Window
from monitor.domain.words import Event, Status
from monitor.formats.edition import Edition
from monitor.formats.record import report_as_json
from monitor.formats.report import report
from monitor.formats.text import MESSAGE, NAME, plain
from monitor.formats.times import clock, stamp_as_json
from monitor.languages.detours import reason
from monitor.languages.phrases import bracket, title
from monitor.languages.reader import Reader
from monitor.languages.sentence import sentence
from monitor.languages.words import words_in

_BLANK = re.compile(r"\n{3,}")
_TITLE = 150
_PROOFS = 3
_LISTED = 10
_LATE = 60.0
"""Seconds after which a letter says that it is late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What the scribe must know beyond the message."""

    edition: Callable[[], Edition]
    quiet: Callable[[], float]
    """Seconds without a relapse after which a window is over."""
    instead: Callable[[Window], Sequence[str]]
    """Names, for people, of services that answer and could be used in place of what is down."""
    acknowledge: Callable[[str], str]
    """The link that acknowledges a window, or nothing."""
    routes: Callable[[], Mapping[str, Route]]


class Scribe:
    """Puts posts into letters."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def letter(self, post: Post, way: Way, language: str, now: float) -> Letter:
        """What the channel is to hand over."""
        message, knowledge = post.message, self._knowledge
        reader = Reader(words=words_in(language), edition=knowledge.edition(), quiet=knowledge.quiet(), is_public=False)
        parts = _Parts(post, way, reader, knowledge, now)
        values = parts.values()
        text, html = (_render(name, values) for name in ("letter.txt", "letter.html"))
        starts = [window.start for window in message.windows] + ([message.blind.start] if message.blind else [])
        letter = Letter(
            key=message.key,
            conversation=message.talk,
            event=message.event,
            severity=message.severity,
            title=values["title"],
            text=_BLANK.sub("\n\n", text).strip() + "\n",
            html=html,
            link=values["link"],
            labels=_labels(post),
            document={},
            decided=message.decided,
            started=min(starts, default=message.decided),
            ended=_ended(post),
            language=language,
            thread=post.thread,
        )
        return _with_document(letter, post, way, reader)


def _with_document(letter: Letter, post: Post, way: Way, reader: Reader) -> Letter:
    blind = post.message.blind
    document: dict[str, Any] = {
        "version": 1,
        "key": letter.key,
        "conversation": letter.conversation,
        "event": letter.event,
        "severity": letter.severity,
        "title": letter.title,
        "text": letter.text,
        "link": letter.link or None,
        "decided": stamp_as_json(letter.decided),
        "started": stamp_as_json(letter.started),
        "ended": stamp_as_json(letter.ended),
        "labels": dict(letter.labels),
        "outages": [report_as_json(report(window), reader.edition) for window in post.message.windows],
        "blind": None
        if blind is None
        else {
            "vantage": plain(blind.vantage, NAME),
            "state": blind.state,
            "start": stamp_as_json(blind.start),
            "end": stamp_as_json(blind.end),
        },
        "channel": {
            "name": way.name,
            "passed_over": [{"name": detour.channel, "why": detour.why} for detour in post.detours],
        },
    }
    return replace(letter, document=document)


class _Parts:
    """The pieces of one letter."""

    def __init__(self, post: Post, way: Way, reader: Reader, knowledge: Knowledge, now: float) -> None:
        self.post, self.message = post, post.message
        self.way, self.reader, self.words = way, reader, reader.words
        self.knowledge, self.now = knowledge, now

    @property
    def window(self) -> Window | None:
        """The one window that it is about."""
        return self.message.windows[0] if len(self.message.windows) == 1 and not self.is_rolled_up else None

    @property
    def is_rolled_up(self) -> bool:
        """Whether it tells of many at once."""
        return self.message.conversation.startswith("more:")

    def values(self) -> dict[str, Any]:
        """What the templates are filled with."""
        window = self.window
        facts = [(name, value) for name, value in self.facts(window) if value] if window else []
        return {
            "words": self.words,
            "title": plain(self.title(), _TITLE),
            "said": self.said(),
            "lines": [*self.lines()],
            "facts": facts,
            "evidence": [_proof(item) for item in window.evidence[:_PROOFS]] if window and self.is_alive else [],
            "outlook": [*self.outlook()],
            "link": self.reader.edition.permalink(window.id) if window else self.reader.edition.base,
            "ack": self.knowledge.acknowledge(window.id) if window and self.is_alive else "",
        }

    @property
    def is_alive(self) -> bool:
        """Whether something comes after it."""
        return not self.message.is_last

    def title(self) -> str:
        """One line."""
        message, words = self.message, self.words
        if message.event is Event.TEST:
            return words("letter.test", route=message.route)
        if message.blind is not None:
            return words(f"letter.blind.{message.event}", vantage=message.blind.vantage)
        if self.is_rolled_up:
            providers = words.listed(sorted({window.provider for window in message.windows}), 3)
            return words.many(f"letter.many.{message.event}", len(message.windows), providers=providers)
        return words(f"letter.{message.event}", title=title(report(message.windows[0]), self.reader))

    def said(self) -> str:
        """The story in a sentence."""
        message, words = self.message, self.words
        if message.event is Event.TEST:
            return words("letter.test_text", channel=self.way.name)
        if message.blind is not None:
            start, end = clock(message.blind.start), message.blind.end
            why = words.known(f"vantage_state.{message.blind.state}", str(message.blind.state))
            return (
                words("letter.blind.text", why=why, start=start)
                if end is None
                else words("letter.blind.over", why=why, start=start, end=clock(end))
            )
        return "" if self.window is None else sentence(report(self.window), self.reader)

    def lines(self) -> Iterator[str]:
        """One for each of many windows."""
        if self.is_rolled_up:
            for window in self.message.windows[:_LISTED]:
                yield sentence(report(window), self.reader)
            more = len(self.message.windows) - _LISTED
            if more > 0:
                yield self.words.many("list.more", more)

    def facts(self, window: Window) -> Iterator[tuple[str, str]]:
        """Names and values."""
        words, known = self.words, report(window)
        yield words("letter.since"), f"{clock(window.start)}, {bracket(known, words)}"
        yield words("letter.duration"), words.lasting(known.duration(self.now))
        yield words("letter.severity"), words(f"severity.{self.message.severity}")
        yield words("letter.how"), f"{words(f'kind.{window.kind}')}, {words(f'reach.{window.reach}')}"
        layer = "/".join(str(word) for word in (window.layer, window.reason) if word)
        yield words("letter.where"), f"{words(f'layer.{window.layer}')} ({layer})" if window.layer else ""
        yield words("letter.for_whom"), self.named(window.vantages)
        yield words("letter.fine_from"), self.named(window.vantages_fine)
        yield words("letter.not_affected"), self.named(map(self.reader.name, window.unaffected))
        if self.is_alive:
            yield words("letter.instead"), self.named(self.knowledge.instead(window))

    def named(self, names: Iterable[str]) -> str:
        """A list of foreign names."""
        return self.words.listed(plain(name, NAME) for name in names)

    def outlook(self) -> Iterator[str]:
        """What comes next, and what was odd about the way."""
        words, window = self.words, self.window
        if window is not None and window.status is Status.ABSORBED:
            yield words("letter.absorbed")
        if self.message.event is not Event.TEST:
            yield f"{words('letter.next.title')}: {self.next()}"
        for detour in self.post.detours:
            yield words("letter.why_one", channel=plain(detour.channel, NAME), why=reason(detour.why, words).text)
        late = self.now - self.message.decided
        if late >= _LATE:
            yield words("letter.late", time=words.lasting(late))

    def next(self) -> str:
        """When there will be more."""
        message, words, window = self.message, self.words, self.window
        if message.is_last:
            return words("letter.next.none")
        if window is not None and window.status is Status.RECOVERING and window.end is not None:
            return words("letter.next.watch", until=clock(window.end + self.reader.quiet))
        route = self.knowledge.routes().get(message.route)
        if route is None or route.remind is None or message.blind is not None:
            return words("letter.next.change")
        return words("letter.next.remind", time=words.lasting(route.remind))


def _proof(item: Evidence) -> str:
    where = "/".join(str(word) for word in (item.layer, item.reason) if word)
    return plain(f"{clock(item.at)}, {item.vantage}, {item.check_id}: {where} {item.message}", MESSAGE)


def _labels(post: Post) -> dict[str, str]:
    message = post.message
    labels = {"route": message.route, "severity": str(message.severity)}
    if message.blind is not None:
        return {**labels, "vantage": message.blind.vantage, "state": str(message.blind.state)}
    if len(message.windows) != 1:
        return labels
    window = message.windows[0]
    words = {name: str(getattr(window, name)) for name in ("provider", "breadth", "reach", "kind", "cause")}
    service = window.services[0] if len(window.services) == 1 else ""
    return {**labels, **words, **({"service": service} if service else {})}


def _ended(post: Post) -> float | None:
    message = post.message
    if message.event is not Event.CLOSED:
        return None
    ends = [window.end or window.closed or message.decided for window in message.windows]
    return message.blind.end if message.blind else max(ends, default=message.decided)


def _render(name: str, values: Mapping[str, Any]) -> str:
    return _environment().get_template(name).render(values)


@cache
def _environment() -> SandboxedEnvironment:
    return SandboxedEnvironment(
        loader=PackageLoader("monitor.alerting"),
        autoescape=select_autoescape(("html",)),
        keep_trailing_newline=True,
        trim_blocks=False,
    )
