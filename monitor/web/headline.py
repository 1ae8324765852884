"""The sentence on top of the page: is it down, or is it me?"""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.domain.outage import Span
from monitor.domain.words import Kind, Outcome, Status, VantageState
from monitor.formats.report import Report
from monitor.formats.times import clock
from monitor.languages.phrases import title
from monitor.languages.reader import Reader
from monitor.languages.words import Words
from monitor.web.board import Board, Row

_BLIND = (VantageState.OFFLINE, VantageState.RESOLVER_BROKEN, VantageState.CAPTIVE, VantageState.CLOCK_WRONG)
_CLOUDED = (VantageState.DEGRADED, VantageState.TRUST_STORE_OLD)
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What a glance should tell."""

    word: str
    """For colour and mark: ok, failed, recovering, planned, unsure, inconclusive, waiting."""
    sentence: str
    caution: str = ""
    """What to know about ourselves beside it."""


def headline(standing: Span, alive: Sequence[Report], board: Board, reader: Reader, *, is_witnessed: bool) -> Headline:
    """Ourselves first, then what is open, what recovers, what is planned; then single checks."""
    words, caution = reader.words, of_ourselves(standing, reader.words, is_witnessed=is_witnessed)
    if standing.state in _BLIND:
        return Headline(word="inconclusive", sentence=caution)
    found = _of_windows(alive, reader)
    if found is None:
        found = _of_checks(board.watched(), board.witnesses(), reader)
    elif found[0] in ("failed", "unsure") and not caution and any(map(_answers, board.witnesses())):
        found = (found[0], f"{found[1]} {words('headline.we_are_fine')}")
    return Headline(word=found[0], sentence=found[1], caution=caution)


def of_ourselves(standing: Span, words: Words, *, is_witnessed: bool) -> str:
    """What keeps us from seeing well, or from seeing anything that counts; or nothing.

    ``is_witnessed`` tells that failures count, because a witness answers or there is none. That can be over before
    the vantage is found to be blind, and without that, where other targets answer.
    """
    if standing.state not in _BLIND and not is_witnessed:
        return f"{words('headline.no_witness')} {words('headline.not_held')}"
    since = words("headline.since", when=clock(standing.start)) if standing.start else ""
    said = words(f"headline.{standing.state}", since=since) if standing.state in (*_BLIND, *_CLOUDED) else ""
    return f"{said} {words('headline.not_held')}" if standing.state in _BLIND else said


def _answers(witness: Row) -> bool:
    return witness.last is not None and witness.last.outcome is Outcome.OK


def _of_windows(alive: Sequence[Report], reader: Reader) -> tuple[str, str] | None:
    outages = [report for report in alive if report.is_outage]
    for word, status in (("failed", Status.OPEN), ("recovering", Status.RECOVERING), ("planned", Status.PLANNED)):
        found = [report for report in outages if report.window.status is status]
        if found:
            join = f", {reader.words('list.and')} "
            shown = [title(report, reader) for report in found[:_NAMED]]
            if len(found) > _NAMED:
                shown.append(reader.words.many("list.more", len(found) - _NAMED))
            is_slow = word == "failed" and all(report.window.kind is Kind.DEGRADED for report in found)
            return "unsure" if is_slow else word, f"{join.join(shown)}."
    return None


def _of_checks(rows: Sequence[Row], witnesses: Sequence[Row], reader: Reader) -> tuple[str, str]:
    words = reader.words
    failing = [row for row in rows if row.failing_since]
    if failing:
        names = words.listed(sorted({reader.name(row.check.service) for row in failing}))
        return "unsure", words.many("headline.failing", len(failing), all=len(rows), names=names)
    if all(row.last is None for row in rows):
        return "waiting", words("headline.waiting")
    unsure = sum(row.last is not None and row.last.outcome is Outcome.INCONCLUSIVE for row in rows)
    if unsure:
        return "inconclusive", words("headline.unsure", n=unsure, all=len(rows))
    return "ok", _fine(witnesses, words)


def _fine(witnesses: Sequence[Row], words: Words) -> str:
    silent = sum(bool(row.failing_since) for row in witnesses)
    return words.many("headline.silent", silent, all=len(witnesses)) if silent else words("headline.ok")
