"""What a judge must remember over a restart, as short JSON texts by key.

``h|VANTAGE|CHECK`` is the health of a check, with its part in a case; of a clean
one no more than what is usual, written now and then. ``w|...`` is the same of a
witness, ``c|WINDOW`` what a case knows beyond its window, ``p`` which
components wait to be believed, ``sat`` when the judge sat last. An empty text
means that there is nothing to remember any more.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from monitor.domain.attempt import Failure
from monitor.domain.outage import Window
from monitor.domain.words import Cause, Kind, Layer, Reason, State, Status
from monitor.judgement.cases import Case, Member, Round
from monitor.judgement.health import Health, Mark
from monitor.judgement.rules import Rules

_HEALTH = ("verdict", "is_observed", "seen", "turn", "fine", "fine_since", "quick", "quick_since", "ok_at", "failed_at",
           "usual", "learned", "recovered_at", "recovered_after")  # fmt: skip
_CLEAN = ("verdict", "usual", "learned", "recovered_at")
_MARKS = ("marks", "run", "trouble")
_NOTHING: Mapping[str, Any] = {"tally": [], "rounds": [], "kinds": {}, "width": 300, "looked": 0}
_FOREIGN = (AttributeError, KeyError, TypeError, ValueError)
"""What reading raises where another version wrote something else."""
_MEMBER = ("start", "after", "end", "end_after", "is_seen")


def remember_health(health: Health, case: Case | None) -> tuple[str, str]:
    """Key and text of one check."""
    key = f"h|{health.vantage}|{health.check.id}"
    member = case.members.get((health.vantage, health.check.id)) if case else None
    if health.is_clean and member is None:
        return key, _text({name: getattr(health, name) for name in _CLEAN})
    part = {"case": case.id, **{name: getattr(member, name) for name in _MEMBER}} if case and member else None
    return key, _text({**_all_of(health), "member": part})


def remember_witness(health: Health) -> tuple[str, str]:
    """Key and text of one witness."""
    return f"w|{health.vantage}|{health.check.id}", _text(_all_of(health))


def _all_of(health: Health) -> dict[str, Any]:
    known = {name: getattr(health, name) for name in _HEALTH}
    return known | {name: [_from_mark(mark) for mark in getattr(health, name)] for name in _MARKS}


def recall_health(health: Health, memory: Mapping[str, str], *, is_recent: bool) -> tuple[str, Member] | None:
    """Set a check to what was remembered of it; its part in a case, if it had one.

    ``is_recent``: so little time has passed that what was clean then still counts as seen.
    """
    known = _read(memory, f"h|{health.vantage}|{health.check.id}")
    if "seen" not in known:
        if _recall(health, known, _CLEAN):
            health.seen, health.is_observed = float(memory.get("sat") or 0), is_recent
        return None
    part = known.get("member")
    if not _recall(health, known, (*_HEALTH, *_MARKS)) or not part:
        return None
    return part["case"], Member(health, *(part[name] for name in _MEMBER))


def recall_witness(health: Health, memory: Mapping[str, str]) -> None:
    """Set a witness to what was remembered of it."""
    _recall(health, _read(memory, f"w|{health.vantage}|{health.check.id}"), (*_HEALTH, *_MARKS))


def _read(memory: Mapping[str, str], key: str) -> Mapping[str, Any]:
    """What is remembered under a key; nothing where that is no text of ours."""
    try:
        known = json.loads(memory.get(key) or "{}")
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}


def _recall(health: Health, known: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Set these fields, all or, when another version with other words wrote them, none."""
    try:
        values = {name: known[name] for name in names}
        values |= {name: [_to_mark(mark) for mark in values[name]] for name in _MARKS if name in values}
        values["verdict"] = State(values["verdict"])
    except _FOREIGN:
        return False
    for name, value in values.items():
        setattr(health, name, value)
    return True


def remember_case(case_id: str, case: Case | None) -> tuple[str, str]:
    """Key and text of one case."""
    key = f"c|{case_id}"
    if case is None:
        return key, ""
    known = {
        "tally": [[*mode, count] for mode, count in case.tally.items()],
        "rounds": [[number, seen.asked, seen.failed, seen.slow] for number, seen in case.rounds.items()],
        "kinds": case.kinds,
        "elsewhere": [case.elsewhere[False], case.elsewhere[True]],
        "width": case.width,
        "looked": case.looked,
        "quiet": case.quiet,
    }
    return key, _text(known)


def recall_case(window: Window, memory: Mapping[str, str], rules: Rules) -> Case:
    """The case of a stored window. Its places are filled in by the docket."""
    try:
        return _case(window, _read(memory, f"c|{window.id}") or _NOTHING, rules)
    except _FOREIGN:
        return _case(window, _NOTHING, rules)


def _case(window: Window, known: Mapping[str, Any], rules: Rules) -> Case:
    return Case(
        id=window.id,
        target=window.target,
        breadth=window.breadth,
        provider=window.provider,
        rules=rules,
        status=Status(window.status),
        start=window.start,
        start_after=window.start_after,
        opened=window.opened,
        width=known["width"],
        end=window.end,
        end_after=window.end_after,
        planned_until=window.planned_until,
        reach=window.reach,
        cause=Cause(window.cause),
        tally=Counter({(v, la and Layer(la), re and Reason(re)): count for v, la, re, count in known["tally"]}),
        rounds={number: Round(*counts) for number, *counts in known["rounds"]},
        kinds={kind: known["kinds"].get(kind, 0.0) for kind in Kind},
        elsewhere=Counter(dict(zip((False, True), known.get("elsewhere", (0, 0)), strict=True))),
        stages=list(window.stages),
        evidence=list(window.evidence),
        vantages=list(window.vantages),
        fine=window.vantages_fine,
        unaffected=window.unaffected,
        looked=known["looked"],
        quiet=known.get("quiet", rules.quiet),
        stored=window,
    )


def _from_mark(mark: Mark) -> list[Any]:
    failure = mark.failure
    return [mark.turn, mark.at, mark.before, *((failure.layer, failure.reason, failure.message) if failure else ())]


def _to_mark(known: list[Any]) -> Mark:
    turn, at, before, *rest = known
    if not rest:
        return Mark(turn, at, before, None)
    layer, reason, message = rest
    return Mark(turn, at, before, Failure(layer=layer and Layer(layer), reason=Reason(reason), message=message))


_text = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
