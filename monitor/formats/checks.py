"""Checks and attempts as JSON has them, the same in the API, `lastseen check --json` and everywhere else."""

from typing import Any

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.formats.times import stamp_as_json


def check_as_json(check: Check) -> dict[str, Any]:
    """Who is asked, how, and how often (seconds). Never the settings: they may hold secrets."""
    return {
        "id": check.id,
        "service": check.service,
        "component": check.component,
        "target": check.target,
        "probe": check.kind,
        "provider": check.provider,
        "critical": check.critical,
        "interval": check.interval,
    }


def attempt_as_json(attempt: Attempt) -> dict[str, Any]:
    """One attempt; durations in seconds."""
    failure = attempt.failure
    return {
        "started": stamp_as_json(attempt.started),
        "duration": round(attempt.duration, 6),
        "outcome": str(attempt.outcome),
        "confirmation": attempt.confirmation,
        "phases": {str(phase): round(seconds, 6) for phase, seconds in attempt.phases.items()},
        "facts": {str(fact): value for fact, value in attempt.facts.items()},
        "failure": failure and {"layer": failure.layer, "reason": failure.reason, "message": failure.message},
    }
