"""The sentence on top of the page: is it down, or is it me?"""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.domain.outage import Span
from monitor.domain.words import Outcome, Status, VantageState
from monitor.formats.edition import Edition
from monitor.formats.report import Report, title
from monitor.formats.times import clock
from monitor.web.board import Board, Row

_NOT_HELD = "Nothing that fails is held against any service meanwhile."
_BLIND = {
    VantageState.OFFLINE: "It is us: our own network is unreachable{since}, no witness answers.",
    VantageState.RESOLVER_BROKEN: "It is us: the name servers that we ask do not work{since}.",
    VantageState.CAPTIVE: "It is us{since}: somebody on our own way out answers in everybody's stead, perhaps a log-in "
    "page.",
    VantageState.CLOCK_WRONG: "It is us: this machine's clock is wrong{since}, so no certificate can be judged.",
}
_CLOUDED = {
    VantageState.DEGRADED: "Our own line is slow or loses packets{since}: time-outs seen from here say nothing.",
    VantageState.TRUST_STORE_OLD: "Our own list of trusted authorities is out of date{since}: certificates that are "
    "not trusted here say nothing.",
}
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What a glance should tell."""

    word: str
    """For the colour: ok, failed, recovering, planned, unsure, inconclusive, waiting."""
    sentence: str
    caution: str = ""
    """What to know about ourselves beside it."""
    is_blind: bool = False
    """Nothing that is seen from here counts."""


def headline(standing: Span, alive: Sequence[Report], board: Board, edition: Edition) -> Headline:
    """Ourselves first, then what is open, what recovers, what is planned; then single checks."""
    since = f" since {clock(standing.start)}" if standing.start else ""
    if standing.state in _BLIND:
        sentence = f"{_BLIND[standing.state].format(since=since)} {_NOT_HELD}"
        return Headline(word="inconclusive", sentence=sentence, is_blind=True)
    caution = _CLOUDED.get(standing.state, "").format(since=since)
    found = _of_windows(alive, edition)
    if found is None:
        found = _of_checks(board.watched(), board.witnesses())
    elif found[0] == "failed" and not caution and any(map(_answers, board.witnesses())):
        found = (found[0], f"{found[1]} Our own network is fine.")
    return Headline(word=found[0], sentence=found[1], caution=caution)


def _answers(witness: Row) -> bool:
    return witness.last is not None and witness.last.outcome is Outcome.OK


def _of_windows(alive: Sequence[Report], edition: Edition) -> tuple[str, str] | None:
    outages = [report for report in alive if report.is_outage]
    for word, status in (("failed", Status.OPEN), ("recovering", Status.RECOVERING), ("planned", Status.PLANNED)):
        found = [report for report in outages if report.window.status is status]
        if found:
            shown = ", and ".join(title(report, edition) for report in found[:_NAMED])
            more = len(found) - _NAMED
            return word, f"{shown}{f', and {more} more' if more > 0 else ''}."
    return None


def _of_checks(rows: Sequence[Row], witnesses: Sequence[Row]) -> tuple[str, str]:
    failing = [row for row in rows if row.failing_since]
    if failing:
        names = sorted({row.check.service for row in failing})
        verb = "fails" if len(failing) == 1 else "fail"
        return "unsure", (
            f"{len(failing)} of {len(rows)} checks {verb}, in {', '.join(names)}: so far nothing to call an outage."
        )
    if all(row.last is None for row in rows):
        return "waiting", "The first round is on its way."
    unsure = sum(row.last is not None and row.last.outcome is Outcome.INCONCLUSIVE for row in rows)
    if unsure:
        return "inconclusive", f"No check fails; {unsure} of {len(rows)} could not tell."
    silent = sum(bool(row.failing_since) for row in witnesses)
    if silent:
        return (
            "ok",
            f"Every service answers; {silent} of {len(witnesses)} witnesses {'does' if silent == 1 else 'do'} not.",
        )
    return "ok", "Everything that was asked answers."
