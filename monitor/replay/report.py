"""A scored replay for people: what was expected, what was found, and what it is worth."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import fmean

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.replay.found import Found, FoundWindow
from monitor.replay.matching import right
from monitor.replay.scenario import Scenario
from monitor.replay.score import Answer, Verdict

_GOOD, _FAIR = 95.0, 75.0
_MARGIN = 13


def show_replay(console: Console, scenario: Scenario, found: Found, verdict: Verdict, messages: str) -> None:
    """Print one scenario: each expected window with what was found of it, then everything else that was said.

    ``messages``: what people would have been told, in a line.
    """
    console.print(
        Text(f"{scenario.id}  ", "bold") + _points(verdict.points) + Text(f"  {scenario.title}", "dim"), soft_wrap=True
    )
    for answer in verdict.answers:
        _show_answer(console, scenario, answer)
    answering = [answer.found for answer in verdict.answers]
    for window in found.windows:
        if window not in answering:
            head = Text("FALSE", "bold red") if window in verdict.false else Text("also found", "yellow")
            _show_found(console, scenario, window, head)
    for window in found.planned:
        _show_found(console, scenario, window, Text("planned", "dim"))
    if verdict.excess:
        line = f"  {verdict.excess} more than max_windows, which is {scenario.expected.max_windows}"
        console.print(Text(line, "bold red"))
    _show_states(console, scenario, found, verdict)
    console.print(Text(f"  messages: {messages}", "dim"))
    console.print()


def show_means(console: Console, results: Sequence[tuple[str, Verdict]]) -> None:
    """Print the mean score of each family of scenarios: the letter that their names begin with."""
    families: dict[str, list[Verdict]] = defaultdict(list)
    for name, verdict in results:
        families[name[:1]].append(verdict)
    table = Table(box=None, pad_edge=False)
    for heading in ("scenarios", "number", "mean", "lowest", "missed", "false", "vantage states"):
        table.add_column(heading, justify="left" if heading == "scenarios" else "right")
    for family, verdicts in [*sorted(families.items()), ("all", [verdict for _, verdict in results])]:
        states = [span is not None for verdict in verdicts for _, span in verdict.states]
        table.add_row(
            family,
            str(len(verdicts)),
            _points(round(fmean(verdict.points for verdict in verdicts), 1)),
            _points(min(verdict.points for verdict in verdicts)),
            str(sum(answer.is_missed for verdict in verdicts for answer in verdict.answers)),
            str(sum(verdict.false_count for verdict in verdicts)),
            f"{sum(states)} of {len(states)}" if states else "-",
        )
    console.print(table)


def moment(scenario: Scenario, second: float | None) -> str:
    """The time of day at a second of a scenario, in UTC; from its second day on with the number of days."""
    if second is None:
        return "-"
    begin = datetime.fromtimestamp(scenario.t0, UTC)
    when = datetime.fromtimestamp(scenario.t0 + second, UTC)
    days = (when.date() - begin.date()).days
    return f"{when:%H:%M}{f':{when:%S}' if when.second else ''}{f' +{days}d' if days else ''}"


def _points(points: float) -> Text:
    style = "green" if points >= _GOOD else "yellow" if points >= _FAIR else "bold red"
    return Text(f"{points:g}", style)


def _show_answer(console: Console, scenario: Scenario, answer: Answer) -> None:
    wanted = answer.expected
    what = ", ".join("|".join(right(wanted, field)) for field in ("breadth", "reach", "kind"))
    layer = f", at {'|'.join(wanted.layer)}" if wanted.layer else ""
    cause = f", cause {wanted.cause}" if wanted.cause else ""
    told = f"told by {moment(scenario, wanted.open_by)}"
    closed = f", closed by {moment(scenario, wanted.close_by)}" if wanted.end is not None else ""
    start = _around(scenario, wanted.start, wanted.start_tol)
    end = _around(scenario, wanted.end, wanted.end_tol)
    lines = (
        f"{' '.join(wanted.target)}: {what}{layer}{cause}, from {' '.join(wanted.where)}",
        f"{start} to {end}, {told}{closed}",
    )
    _show_block(console, Text(f"{'optional' if wanted.optional else 'expected'} {wanted.id}"), lines)
    if answer.found is None:
        if not wanted.optional:
            _show_block(console, Text("MISSED", "bold red"), ("",))
        return
    head = Text("found late", "red") if answer.is_missed else Text("found", "green")
    _show_found(console, scenario, answer.found, head, answer.lost)


def _show_found(
    console: Console, scenario: Scenario, window: FoundWindow, head: Text, lost: Sequence[str] = ()
) -> None:
    layer = f", at {window.layer}" if window.layer else ""
    lines = [
        f"{window.target}: {window.breadth}, {window.reach}, {window.kind}{layer}, cause {window.cause}, "
        f"from {' '.join(window.vantages)}",
        f"{moment(scenario, window.start)} to {moment(scenario, window.end)}, told "
        f"{moment(scenario, window.decided_open)}, closed {moment(scenario, window.decided_closed)}",
        window.sentence,
    ]
    _show_block(console, head, lines)
    if lost:
        _show_block(console, Text(""), (f"not right: {', '.join(lost)}",), "red")


def _show_block(console: Console, head: Text, lines: Sequence[str], style: str = "") -> None:
    """A word in the margin, lines beside it."""
    for index, line in enumerate(lines):
        margin = head.copy() if index == 0 else Text()
        margin.pad_right(max(0, _MARGIN - len(margin)))
        console.print(Text("  ") + margin + Text(line, style), soft_wrap=True)


def _around(scenario: Scenario, second: float | None, tolerance: tuple[float, float]) -> str:
    if second is None:
        return "the end"
    early, late = (f"{seconds / 60:g}" for seconds in tolerance)
    return f"{moment(scenario, second)} (-{early} +{late} min)"


def _show_states(console: Console, scenario: Scenario, found: Found, verdict: Verdict) -> None:
    expected = [span for _, span in verdict.states]
    for state, span in verdict.states:
        text = f"{state.vantage} {state.state} {moment(scenario, state.start)} to {moment(scenario, state.end)}"
        told = "missed" if span is None else f"said {moment(scenario, span.start)} to {moment(scenario, span.end)}"
        console.print(Text(f"  vantage {text}: ") + Text(told, "red" if span is None else "green"))
    for span in [span for span in found.vantage_states if span not in expected]:
        text = f"{span.vantage} {span.state} {moment(scenario, span.start)} to {moment(scenario, span.end)}"
        console.print(Text(f"  also said of vantage {text}", "dim"))
