"""The last word on every check, for pages and the API."""

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.domain.attempt import Attempt
from monitor.domain.check import WITNESS, Check
from monitor.domain.words import Outcome


@dataclass(slots=True, eq=False)
class Row:
    """One check and what is known of it. Times are Unix seconds, 0 for never."""

    check: Check
    last: Attempt | None = None
    last_ok: float = 0.0
    failing_since: float = 0.0
    """Start of the first failed attempt of the present run of failures; 0 when it does not fail."""

    def take(self, attempt: Attempt) -> None:
        """Learn from one attempt. An inconclusive one neither ends nor begins anything."""
        self.last = attempt
        if attempt.outcome is Outcome.OK:
            self.last_ok, self.failing_since = attempt.started, 0.0
        elif attempt.outcome is Outcome.FAILED and not self.failing_since:
            self.failing_since = attempt.started


class Board:
    """A Sink that keeps one `Row` a check, in the order of the configuration."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def replace(self, checks: Iterable[Check]) -> None:
        """Show these checks and no others; what stays keeps its row."""
        old, self._rows = self._rows, {}
        for check in checks:
            row = old.get(check.id) or Row(check)
            row.check = check
            self._rows[check.id] = row

    def observe(self, check: Check, attempt: Attempt) -> None:
        """Put the attempt on its row."""
        row = self._rows.get(check.id)
        if row is not None:
            row.take(attempt)

    def rows(self) -> list[Row]:
        """All rows as they are now."""
        return list(self._rows.values())

    def watched(self) -> list[Row]:
        """Those of services, as far as they say something of availability."""
        return [row for row in self._rows.values() if row.check.service != WITNESS and row.check.settings.evidence]

    def witnesses(self) -> list[Row]:
        """Those that only judge the place we stand in."""
        return [row for row in self._rows.values() if row.check.service == WITNESS]
