"""Single checks: what was asked, what answered."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from monitor.formats.checks import attempt_as_json, check_as_json
from monitor.formats.times import stamp_as_json
from monitor.languages.words import Words
from monitor.web.board import Row

WAITING = "waiting"
LastDay = Mapping[str, tuple[int, int]]
"""By check id: ok and failed attempts of the last 24 hours."""


def as_json(row: Row) -> dict[str, Any]:
    """One check for /api/v1/checks."""
    return {
        **check_as_json(row.check),
        "last": attempt_as_json(row.last) if row.last else None,
        "last_ok": stamp_as_json(row.last_ok),
        "failing_since": stamp_as_json(row.failing_since),
    }


def outcome_of(row: Row) -> str:
    """The outcome of its last attempt, or that it waits for its first."""
    return WAITING if row.last is None else str(row.last.outcome)


def summary(rows: Iterable[Row], words: Words) -> tuple[str, str]:
    """The worst outcome, and how many had which."""
    counts = Counter(outcome_of(row) for row in rows)
    worst = next((word for word in ("failed", "inconclusive", "ok") if counts[word]), WAITING)
    return worst, ", ".join(
        f"{counts[word]} {words(f'outcome.{word}')}"
        for word in ("ok", "failed", "inconclusive", WAITING)
        if counts[word]
    )
