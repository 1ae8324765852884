"""The phrases about a window that pages need, in the reader's language."""

from monitor.domain.amendment import Amend
from monitor.domain.outage import Window
from monitor.domain.words import Kind, Status
from monitor.formats.account import layer_of
from monitor.formats.report import Report
from monitor.formats.text import NAME, plain
from monitor.formats.times import clock, span
from monitor.languages.reader import Reader
from monitor.languages.words import Words


def subject(report: Report, reader: Reader) -> str:
    """What was not up, as people say it: ``WhatsApp chat``, ``WhatsApp``, ``meta``."""
    service, _, component = report.window.target.removeprefix("provider:").partition(".")
    return plain(f"{reader.name(service)} {component}", NAME)


def title(report: Report, reader: Reader) -> str:
    """A headline of a few words. It names no numbers while the window lasts: it would change all the time."""
    said = happened(report, reader)
    return reader.words("title.announced", said=said) if report.is_outage and report.is_planned else said


def happened(report: Report, reader: Reader) -> str:
    """The same, without a word of what had been announced."""
    words, window = reader.words, report.window
    what = subject(report, reader)
    if not report.is_outage:
        return words("title.dismissed", what=what)
    if window.status is Status.RECOVERING:
        return words(f"title.{window.kind}.recovering", what=what)
    if report.is_alive:
        return words(f"title.{window.kind}.now", what=what)
    return words(f"title.{window.kind}.over", what=what, time=words.lasting(report.duration(reader.now)))


def when(start: float, end: float | None, words: Words) -> str:
    """From when to when, or since when it lasts."""
    return words("when.since", when=clock(start)) if end is None else span(start, end)


def where(window: Window, words: Words) -> str:
    """Where it broke, and exactly how; or nothing."""
    return f"{words(f'layer.{window.layer}')} ({layer_of(window)})" if window.layer else ""


def status(report: Report, words: Words) -> tuple[str, str]:
    """The word for its colour and mark, and what is written beside it."""
    if not report.is_outage:
        return "dismissed", words("status.dismissed")
    window = report.window
    if window.status is Status.CLOSED and report.is_planned:
        return "over", words("status.closed_planned")
    tones = {Status.PLANNED: "planned", Status.OPEN: "failed", Status.RECOVERING: "recovering"}
    tone = tones.get(window.status, "over")
    if tone == "failed" and window.kind is Kind.DEGRADED:
        tone = "unsure"
    return tone, words(f"status.{window.status}")


def bracket(report: Report, words: Words) -> str:
    """How sure its start and end are."""
    window = report.window
    began = words("bracket.began", when=_earlier(window.start_after, window.start, words))
    if window.end is None:
        return began
    return f"{began}, {words('bracket.ended', when=_earlier(window.end_after, window.end, words))}"


def _earlier(after: float | None, at: float, words: Words) -> str:
    if after is None or at <= after:
        return words("bracket.unknown")
    return words("bracket.earlier", time=words.lasting(at - after))


def outlook(report: Report, reader: Reader) -> str:
    """What comes next, of one that is not over."""
    words, window = reader.words, report.window
    if window.status is Status.RECOVERING and window.end is not None:
        until = max(window.end + reader.quiet, reader.now)
        return words("outlook.recovering", since=clock(window.end), until=clock(until))
    if window.status is Status.PLANNED and window.planned_until is not None:
        return words("outlook.planned", until=clock(window.planned_until))
    return ""


def change(key: str, value: str, words: Words) -> str:
    """A reclassification."""
    if key in (Amend.OUTAGE, Amend.PLANNED) and value in ("yes", "no"):
        return words(f"change.{key}.{value}")
    field, said = plain(key, NAME), plain(value, NAME)
    if key in (Amend.KIND, Amend.REACH, Amend.CAUSE):
        field = words(f"fact.{key}")
        said = words.known(f"{key}.{value}", said)
    return words("change.other", field=field, value=said)


def corrections(report: Report, words: Words) -> str:
    """All that people changed, and what the judgement had said."""
    return "; ".join(
        words("change.from", change=change(field, now_is, words), was=words.known(f"{field}.{was}", was))
        for field, (was, now_is) in report.amended.items()
    )
