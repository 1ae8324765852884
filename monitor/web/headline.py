"""The sentence on top of the page: is it down, or is it me?"""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.domain.outage import Span
from monitor.domain.words import Outcome, Status, VantageState
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
    is_blind: bool = False
    """Nothing that is seen from here counts."""


def headline(standing: Span, alive: Sequence[Report], board: Board, reader: Reader) -> Headline:
    """Ourselves first, then what is open, what recovers, what is planned; then single checks."""
    words = reader.words
    since = words("headline.since", when=clock(standing.start)) if standing.start else ""
    if standing.state in _BLIND:
        sentence = f"{words(f'headline.{standing.state}', since=since)} {words('headline.not_held')}"
        return Headline(word="inconclusive", sentence=sentence, is_blind=True)
    caution = words(f"headline.{standing.state}", since=since) if standing.state in _CLOUDED else ""
    found = _of_windows(alive, reader)
    if found is None:
        found = _of_checks(board.watched(), board.witnesses(), reader)
    elif found[0] in ("failed", "unsure") and not caution and any(map(_answers, board.witnesses())):
        found = (found[0], f"{found[1]} {words('headline.we_are_fine')}")
    return Headline(word=found[0], sentence=found[1], caution=caution)


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
            return word, f"{join.join(shown)}."
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
