"""``lastseen check``: ask once, now."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from monitor.clock import SystemClock
from monitor.commands.common import JsonOption, configuration_or_exit, or_exit, read_catalogue, run_loop
from monitor.config import Configuration, loads
from monitor.formats.checks import attempt_as_json, check_as_json
from monitor.logs import set_up_logs
from monitor.oneshot import Look, Onlooker, Seen, as_services, judge
from monitor.parts import make_network
from monitor.registry import PROBE_SETTINGS
from monitor.terminal import show_look


def check(
    targets: Annotated[list[str], typer.Argument(metavar="SERVICE|URL|HOST:PORT...", help="What to ask.")],
    config: Annotated[Path | None, typer.Option(help="Take services from this file, the catalogue beside it.")] = None,
    no_witnesses: Annotated[bool, typer.Option("--no-witnesses", help="Ask nobody else, whatever fails.")] = False,  # noqa: FBT002  # a flag is a bool
    as_json: JsonOption = False,  # noqa: FBT002  # a flag is a bool
) -> None:
    """Ask once, now: the ladder of every target and a verdict. Exit 0 up, 1 down, 3 inconclusive."""
    set_up_logs("warning", "console")
    configuration = _configure_for(targets, config)
    if no_witnesses:
        configuration = replace(configuration, witnesses=())
    look = run_loop(_look(configuration, quiet=as_json))
    verdict, sentence = judge(look, " and ".join(targets))
    if as_json:
        document = {
            "verdict": verdict,
            "sentence": sentence,
            "targets": [_seen_as_json(seen) for seen in look.targets],
            "witnesses": [_seen_as_json(seen) for seen in look.witnesses],
        }
        typer.echo(json.dumps(document, indent=2))
    else:
        show_look(Console(), look, (verdict, sentence))
    raise typer.Exit(verdict.exit_code)


def _configure_for(targets: list[str], config: Path | None) -> Configuration:
    """A configuration of just these targets: services of the file or the catalogue, or addresses as they are."""
    own = configuration_or_exit(config) if config else None
    known = {service.name for service in own.services} if own else set[str]()
    text = json.dumps({"services": as_services(target for target in targets if target not in known)})
    made = or_exit(partial(loads, text, PROBE_SETTINGS, read_catalogue(), os.environ, name="command line"))
    if own is None:
        return made
    chosen = tuple(check for check in own.checks if check.service in targets)
    return replace(own, checks=chosen + made.checks)


async def _look(configuration: Configuration, *, quiet: bool) -> Look:
    clock = SystemClock()
    onlooker = Onlooker(make_network(configuration, clock), clock)
    with _progress(len(configuration.checks), quiet=quiet) as advance:
        return await onlooker.look(configuration.checks, configuration.witnesses, lambda _: advance())


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """A bar on stderr, on a terminal only; it vanishes when done."""
    columns = (TextColumn("asking"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)


def _seen_as_json(seen: Seen) -> dict[str, Any]:
    return {**check_as_json(seen.check), **attempt_as_json(seen.attempt)}
