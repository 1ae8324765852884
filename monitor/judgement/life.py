"""The life of a case: what it comes to as time passes."""

from monitor.domain.words import Status
from monitor.judgement.cases import Case
from monitor.judgement.tables import Event


def live(case: Case, now: float) -> bool:
    """Take the steps that are due by now; whether it is over."""
    if not case.members:  # withdrawn, or nobody watches it any more
        return True
    if case.status is Status.RECOVERING:
        return _watch_recovery(case, now)
    if case.status is Status.PLANNED:
        return _watch_plan(case, now)
    if case.status is Status.OPEN and case.is_calm:
        case.date_end()
        case.happen(Event.CALMED)
    return False


def _watch_recovery(case: Case, now: float) -> bool:
    if case.is_bad:
        case.end = case.end_after = None
        case.happen(Event.RELAPSED)
        return False
    case.date_end()  # a member that nobody could see may have come back meanwhile
    return _is_over(case, now)


def _watch_plan(case: Case, now: float) -> bool:
    if case.is_calm:
        case.date_end()
        return _is_over(case, now)
    case.end = case.end_after = None
    over = case.planned_until or now
    failed = (m.health.failed_at or 0.0 for m in case.members.values() if m.end is None and m.health.is_bad)
    if now >= over and max(failed, default=0.0) >= over:
        case.happen(Event.OVERRAN)
        case.opened = now
    return False


def _is_over(case: Case, now: float) -> bool:
    is_quiet = case.is_quiet(now)
    if is_quiet:
        case.happen(Event.STAYED_QUIET)
    return is_quiet
