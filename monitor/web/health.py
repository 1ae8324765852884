"""Is the process alive, and does it do its work on time?"""

from monitor.domain.vitals import Vitals

_LAG = 1.0
_SHED = 0.1


def why_not_ready(vitals: Vitals) -> str | None:
    """None when the schedule runs on time, else a sentence. Can come and go."""
    if not vitals.started:
        return "the schedule has not started yet"
    if vitals.loop_lag > _LAG:
        return f"the event loop stood still for {vitals.loop_lag:.1f} s within the last 15 s"
    if vitals.shed_ratio > _SHED:
        return f"overloaded: {vitals.shed_ratio:.0%} of the runs are being skipped"
    return None
