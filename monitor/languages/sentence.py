"""A window in one line, in the reader's language. The judgement's own line is English, and stored."""

from collections.abc import Iterable, Iterator

from monitor.domain.outage import Window
from monitor.domain.words import Breadth, Cause, Kind, Reach, Status
from monitor.formats.report import Report
from monitor.formats.text import NAME, SENTENCE, plain
from monitor.formats.times import utc
from monitor.languages.reader import Reader
from monitor.languages.words import DEFAULT

_NAMED = 4


def sentence(report: Report, reader: Reader) -> str:
    """The stored one for who reads English; for others the same, said from the window's fields."""
    window = report.window
    if reader.words.language == DEFAULT:
        return plain(window.sentence, SENTENCE)
    first = ", ".join(part for part in _parts(window, reader) if part)
    return plain("; ".join([first, *_besides(window, reader)]), SENTENCE)


def _parts(window: Window, reader: Reader) -> Iterator[str]:
    words = reader.words
    is_over = window.status in (Status.RECOVERING, Status.CLOSED)
    verb = words(f"sentence.{'slow' if window.kind is Kind.DEGRADED else 'down'}.{'was' if is_over else 'is'}")
    yield f"{_subject(window, reader)} {verb}"
    yield "" if window.kind is Kind.DEGRADED else words(f"sentence.{window.kind}")
    yield _where(window, reader)
    yield _when(window, reader)
    if window.layer is not None:
        exactly = words.known(f"sentence.{window.layer}.{window.reason}", "")
        yield exactly or words(f"sentence.{window.layer}.any")


def _besides(window: Window, reader: Reader) -> Iterator[str]:
    words = reader.words
    if window.unaffected:
        yield words("sentence.fine", names=_listed((reader.name(name) for name in window.unaffected), reader))
    if window.cause not in (Cause.PROVIDER, Cause.UNDETERMINED):
        yield words(f"sentence.cause.{window.cause}")
    if window.status is Status.PLANNED and window.planned_until is not None:
        yield words("sentence.planned", until=_time(window.planned_until, window.start))


def _subject(window: Window, reader: Reader) -> str:
    names = [reader.name(name) for name in window.services]
    if window.breadth is Breadth.PROVIDER:
        return f"{plain(window.provider, NAME)} ({_listed(names, reader)})"
    service = plain(names[0], NAME) if names else ""
    return (
        f"{service} {plain(window.target.partition('.')[2], NAME)}" if window.breadth is Breadth.COMPONENT else service
    )


def _where(window: Window, reader: Reader) -> str:
    words = reader.words
    if window.reach is Reach.GLOBAL:
        return words("sentence.everywhere")
    places = _listed(window.vantages, reader)
    if window.reach is Reach.UNDETERMINED:
        return words("sentence.alone", names=places) if len(window.vantages) == 1 else ""
    if window.vantages_fine:
        return words("sentence.there_not_here", names=places, fine=_listed(window.vantages_fine, reader))
    return words("sentence.there", names=places)


def _when(window: Window, reader: Reader) -> str:
    words, start = reader.words, _time(window.start)
    if window.end is None:
        if window.start_after is None:
            return words("sentence.since", start=start)
        first, last = (f"{utc(moment):%H:%M:%S}" for moment in (window.start_after, window.start))
        return words("sentence.since_between", start=start, first=first, last=last)
    said = words("sentence.over", start=start, end=_time(window.end, window.start))
    return said if window.status is Status.CLOSED else words("sentence.watched", over=said)


def _listed(names: Iterable[str], reader: Reader) -> str:
    return reader.words.listed((plain(name, NAME) for name in names), _NAMED)


def _time(moment: float, day_of: float | None = None) -> str:
    """Hours and minutes, with the date where it is another day than ``day_of``."""
    is_same_day = day_of is None or utc(day_of).date() == utc(moment).date()
    return f"{utc(moment):%H:%M}" if is_same_day else f"{utc(moment):%Y-%m-%d %H:%M}"
