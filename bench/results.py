"""What a benchmark says: a number beside its goal."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table

_SLACK = 2.0
"""The short form is for shared machines: it fails only where a number is worse than its goal by this factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the table. ``detail`` says what the number was made of."""

    name: str
    measured: float
    bound: Literal["at least", "at most"]
    goal: float
    unit: str
    detail: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.measured >= self.goal if self.bound == "at least" else self.measured <= self.goal

    @property
    def is_far_off(self) -> bool:
        """Whether the goal is missed by so much that noise cannot explain it."""
        if self.bound == "at least":
            return self.measured < self.goal / _SLACK
        return self.measured > self.goal * _SLACK

    def as_json(self) -> dict[str, object]:
        """For ``--json``."""
        return {**asdict(self), "met": self.is_met}


def at_least(name: str, measured: float, goal: float, unit: str, detail: str = "") -> Result:
    """A result that should be ``goal`` or more."""
    return Result(name=name, measured=measured, bound="at least", goal=goal, unit=unit, detail=detail)


def at_most(name: str, measured: float, goal: float, unit: str, detail: str = "") -> Result:
    """A result that should be ``goal`` or less."""
    return Result(name=name, measured=measured, bound="at most", goal=goal, unit=unit, detail=detail)


def show(results: Sequence[Result], console: Console) -> None:
    """The table, on a terminal or in a log."""
    table = Table("benchmark", "goal", "measured", "", "made of", title_justify="left")
    for result in results:
        sign = "≥" if result.bound == "at least" else "≤"
        table.add_row(
            result.name,
            f"{sign} {result.goal:g} {result.unit}",
            f"{_short(result.measured)} {result.unit}",
            "[green]met[/]" if result.is_met else "[bold red]MISSED[/]",
            result.detail,
        )
    console.print(table)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
