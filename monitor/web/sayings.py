"""What providers say of themselves, beside what we find: told, and never evidence."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from monitor.domain.claim import Said
from monitor.domain.outage import Window
from monitor.domain.words import Claim, State
from monitor.formats.report import Report
from monitor.formats.text import NAME, SENTENCE, plain
from monitor.formats.times import clock
from monitor.languages.reader import Reader
from monitor.languages.words import Words
from monitor.web.backend import Backend
from monitor.web.reading import Unreadable, read
from monitor.web.services import Service

_MARGIN = 3600.0
"""Seconds before a window and after it in which what a provider says belongs to it."""
_MEMORY = 30 * 86400.0
"""Seconds before that in which a claim is looked for that still held."""
_MARKS = {Claim.FINE: "ok", Claim.MAINTENANCE: "planned", Claim.DEGRADED: "unsure", Claim.DOWN: "failed"}
"""Word for colour and mark; from the best to the worst."""
_WORSE = tuple(_MARKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What a provider says now. It has no mark: at a glance a page shows what we find, and nothing else."""

    said: str
    quote: str
    """The provider's own words, in whatever language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was said of the services of a window."""

    claims: Sequence[Said] = ()
    """That began in the time of the window, oldest first."""
    held: bool = False
    """Trouble was claimed already before that time, and still when it began."""
    is_read: bool = False
    """A status page was read while the window lasted."""


class Moment(NamedTuple):
    """Something that happened, to be told in the order of time."""

    at: float
    word: str
    text: str
    quote: str = ""


def beside(service: Service, reader: Reader, *, is_named: bool = False) -> Saying | None:
    """The worst that is said of a service now: trouble, or that all is fine while we find that it is not."""
    worst = max(service.claims, key=lambda said: _WORSE.index(said.claim), default=None)
    if worst is None or (worst.claim is Claim.FINE and service.state not in (State.DEGRADED, State.DOWN)):
        return None
    words, claim = reader.words, reader.words(f"claim.{worst.claim}")
    said = words("claim.now_of", name=plain(service.title, NAME), claim=claim) if is_named else ""
    said = said or words("claim.now", claim=claim)
    if worst.since is not None:
        said = words("claim.since", said=said, when=clock(worst.since))
    return Saying(said=said, quote=plain(worst.text, SENTENCE))


async def heard_of(backend: Backend, report: Report) -> Heard:
    """What was said in the time of a window; nothing while the store cannot be read."""
    window, history = report.window, backend.history
    begin, end = _time(window)
    current = [said for said in backend.claims() if said.service in window.services]
    try:
        stored, was_read = await asyncio.gather(
            read(history, history.claims(window.services, begin - _MEMORY, min(end, backend.clock.now() + _MARGIN))),
            _was_read(backend, window),
        )
    except Unreadable:
        return Heard()
    said = [one for one in _with_current(stored, current) if one.at < end]
    before = {one.source: one.claim for one in said if one.at < begin}
    return Heard(
        claims=tuple(one for one in said if one.at >= begin),
        held=any(claim is not Claim.FINE for claim in before.values()),
        is_read=was_read or (report.is_alive and bool(current)),
    )


def _time(window: Window) -> tuple[float, float]:
    """In which what is said belongs to the window."""
    ends = [moment for moment in (window.end, window.closed) if moment is not None]
    return window.start - _MARGIN, (max(ends) + _MARGIN if ends else float("inf"))


async def _was_read(backend: Backend, window: Window) -> bool:
    """Whether any status page of its services answered in the hours in which it lasted."""
    sources = [
        row.check.id
        for row in backend.board.rows()
        if row.check.service in window.services and not row.check.settings.evidence
    ]
    if not sources:
        return False
    end = backend.clock.now() if window.end is None else window.end
    hours = await read(backend.history, backend.history.past.pace(sources, window.start, end))
    return any(hour.ok for each in hours.values() for hour in each.values())


def _with_current(stored: Sequence[Said], current: Sequence[Said]) -> list[Said]:
    """What was heard just now may not be stored yet; what was heard again after a restart is no news."""
    last = {said.source: said.claim for said in stored}
    return [*stored, *(said for said in current if last.get(said.source, Claim.FINE) is not said.claim)]


def moments(heard: Heard, report: Report, reader: Reader) -> Iterator[Moment]:
    """When the provider began to say what."""
    window, words = report.window, reader.words
    for said in heard.claims:
        at, is_dated = _when(said, window)
        values = {
            "claim": words(f"claim.{said.claim}"),
            "when": _distance(at, window, words),
            "how": words("claim.dated" if is_dated else "claim.read"),
        }
        if len(window.services) > 1:
            text = words("claim.event_of", name=plain(reader.name(said.service), NAME), **values)
        else:
            text = words("claim.event", **values)
        yield Moment(at, _MARKS[said.claim], text, plain(said.text, SENTENCE))


def acknowledged_when(heard: Heard, report: Report, words: Words) -> str:
    """How long it took until the provider said anything of trouble; or nothing, where nobody can tell."""
    window = report.window
    told = [_when(said, window)[0] for said in heard.claims if said.claim is not Claim.FINE]
    if heard.held:
        return words("claim.acknowledged.already")
    if told:
        first = min(told)
        if first < window.start:
            return words("claim.before", time=words.lasting(window.start - first))
        return words("claim.acknowledged.after", time=words.lasting(first - window.start))
    if not heard.is_read:
        return ""
    return words("claim.acknowledged.not_yet" if report.is_alive else "claim.acknowledged.never")


def _when(said: Said, window: Window) -> tuple[float, bool]:
    """When it began, and whether that is the provider's own date: that is believed within the time of the window."""
    begin, end = _time(window)
    if said.since is not None and begin <= said.since <= min(end, said.at):
        return said.since, True
    return said.at, False


def _distance(at: float, window: Window, words: Words) -> str:
    if at < window.start:
        return words("claim.before", time=words.lasting(window.start - at))
    if window.end is not None and at > window.end:
        return words("claim.after_end", time=words.lasting(at - window.end))
    return words("claim.after", time=words.lasting(at - window.start))
