"""``lastseen replay``: scenarios through the judgement, and what it made of them."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from monitor.commands.common import JsonOption, fail
from monitor.commands.letters import Letters
from monitor.config import ConfigError, load_foreign
from monitor.domain.ruling import Ruling
from monitor.judgement.judge import Judge
from monitor.replay.found import as_json, found_in
from monitor.replay.loader import ScenarioError, load_scenario
from monitor.replay.report import moment, show_means, show_replay
from monitor.replay.run import Replay
from monitor.replay.scenario import Scenario, alone
from monitor.replay.score import Verdict, score

_WRONG = 1


def replay(
    files: Annotated[list[Path], typer.Argument(metavar="SCENARIO...", help="Scenario files (YAML).")],
    vantage: Annotated[str | None, typer.Option(metavar="ID", help="Look from this vantage only.")] = None,
    as_lines: JsonOption = False,  # noqa: FBT002  # a flag is a bool
    speed: Annotated[
        float,
        typer.Option(
            min=0, metavar="N", help="Watch it: so many seconds of the scenario a second. 0: as fast as it goes."
        ),
    ] = 0.0,
) -> None:
    """Run recorded outages through the judgement in virtual time, and score it.

    Exit 0 when every expected window was found and none invented, 1 when not, 2 for a file that is no scenario.
    """
    scenarios = _load(files, vantage)
    console, results = Console(), list[tuple[str, Verdict]]()
    with _progress(scenarios, quiet=speed > 0) as advance:
        for scenario in scenarios:
            watch = _teller(Console(stderr=as_lines), scenario, speed) if speed else advance
            letters = Letters()
            found = found_in(scenario, Replay(scenario, Judge).run(_both(watch, letters.follow)))
            verdict = score(scenario, found)
            results.append((scenario.id, verdict))
            if as_lines:
                typer.echo(json.dumps(as_json(scenario.id, verdict.points, found) | {"messages": letters.as_json()}))
            else:
                show_replay(console, scenario, found, verdict, letters.said)
    if len(results) > 1 and not as_lines:
        show_means(console, results)
    if not all(verdict.is_right for _, verdict in results):
        raise typer.Exit(_WRONG)


def _load(files: list[Path], vantage: str | None) -> list[Scenario]:
    """All scenarios, or the end of the command with what is wrong with any of them."""
    scenarios, mistakes = [], []
    for file in files:
        try:
            scenario = load_scenario(file, load_foreign)
            scenarios.append(alone(scenario, vantage) if vantage else scenario)
        except (ConfigError, ScenarioError) as error:
            mistakes.append(str(error))
        except ValueError as error:  # a vantage that this one does not have
            mistakes.append(f"{file}: {error}")
    if mistakes:
        fail("\n".join(mistakes))
    for file, scenario in zip(files, scenarios, strict=True):
        for notice in scenario.notices:
            typer.echo(f"{file}: {notice}", err=True)
    return scenarios


def _both(
    first: Callable[[float, Ruling], None], second: Callable[[float, Ruling], None]
) -> Callable[[float, Ruling], None]:
    def both(moment: float, ruling: Ruling) -> None:
        first(moment, ruling)
        second(moment, ruling)

    return both


@contextmanager
def _progress(scenarios: list[Scenario], *, quiet: bool) -> Iterator[Callable[[float, Ruling], None]]:
    """A bar on stderr, on a terminal only; it vanishes when done."""
    console = Console(stderr=True)
    columns = (TextColumn("replaying"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task("", total=sum(scenario.duration // scenario.pace.interval for scenario in scenarios))
        yield lambda *_: progress.advance(task)


def _teller(console: Console, scenario: Scenario, speed: float) -> Callable[[float, Ruling], None]:
    """Lets the time pass ``speed`` times as fast as it did, and tells each decision when it falls."""
    began = time.monotonic()

    def tell(second: float, ruling: Ruling) -> None:
        time.sleep(max(0.0, began + second / speed - time.monotonic()))
        for window in ruling.windows:
            console.print(
                f"{moment(scenario, second)}  {window.status}  {window.sentence}", soft_wrap=True, markup=False
            )

    return tell
