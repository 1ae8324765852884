"""When checks count as down, up again and slow. Set for file, service, component or target; the nearest wins."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from monitor.config.nodes import Node, Table
from monitor.config.problems import Problems
from monitor.domain.check import Judging
from monitor.domain.settings import Duration, Settings


def _check_quiet(value: float) -> float:
    if not 1.0 <= value <= 86400.0:
        raise ValueError("must be 1s to 24h")
    return value


def _check_slow(value: float) -> float:
    if value <= 0:
        raise ValueError("must be more than 0s")
    return value


class FallOfSettings(Settings):
    """Down after ``failed`` failures among the last ``of`` attempts."""

    failed: Annotated[int, Field(ge=1, le=60)] | None = None
    of: Annotated[int, Field(ge=1, le=60)] | None = None


class JudgingSettings(Settings):
    """What is unset comes from the level above: target, component, service, file, code."""

    fall: Annotated[int, Field(ge=1, le=10)] | None = None
    """Down after so many failed attempts in a row, confirmations counted."""
    fall_of: FallOfSettings = FallOfSettings()
    """Down as well after so many failed of the last so many."""
    rise: Annotated[int, Field(ge=1, le=10)] | None = None
    """Up again after so many fine attempts in a row."""
    slow: Annotated[Duration, AfterValidator(_check_slow)] | None = None
    """Degraded while attempts last longer than this; unset, only their own recent past is the measure."""


class JudgementSettings(JudgingSettings):
    """The top of the file: what holds for every check, and for windows."""

    quiet: Annotated[Duration, AfterValidator(_check_quiet)] = 900.0
    """A window closes when all has been fine for so long; a relapse before that belongs to it."""


def settle(own: JudgingSettings, above: Judging) -> Judging:
    """What holds at a level: its own, and the rest from the level above. The very same where nothing is its own."""
    given = {
        "fall": own.fall,
        "fall_failed": own.fall_of.failed,
        "fall_of": own.fall_of.of,
        "rise": own.rise,
        "slow": own.slow,
    }
    mine: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(above, **mine) if mine else above


def check_judging(judging: Judging, timeout: float, tables: Sequence[Table], problems: Problems) -> None:
    """Note what cannot happen. ``tables``: target, component and service, then the file's own."""
    if judging.fall_failed > judging.fall_of:
        counts = f"({judging.fall_failed}, {judging.fall_of})"
        problems.add(_given_counts(tables).mark, f"'failed' must be at most 'of' {counts}")
    # One threshold for a whole file may well be beyond some short timeouts.
    slow = next((node for table in tables[:-1] if (node := table.get("slow")) is not None), None)
    if slow is not None and judging.slow is not None and judging.slow >= timeout:
        problems.add(slow.mark, "must be shorter than the timeout, or nothing is ever slow")


def _given_counts(tables: Sequence[Table]) -> Node:
    for table in tables:
        group = table.get("fall_of")
        if isinstance(group, Table):
            return group.get("failed") or group.get("of") or group
    return tables[0]
