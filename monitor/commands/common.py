"""What commands share: reading a configuration, running a coroutine, failing with a sentence."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from monitor.blackbox import load_modules
from monitor.config import Catalogue, ConfigError, Configuration, catalogue_folder, load
from monitor.registry import PROBES

try:
    from uvloop import new_event_loop
except ImportError:  # not on every platform; plain asyncio works too
    from asyncio import new_event_loop  # type: ignore[assignment]  # the wider type of the two

KINDS = {name: kind.settings_type for name, kind in PROBES.items()}
USUAL_CONFIG = Path("/etc/lastseen/monitor.yaml")
ConfigArgument = Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for programs.")]
_USAGE = 2
_T = TypeVar("_T")


def read_catalogue() -> Catalogue:
    """The services that ``use:`` knows."""
    return Catalogue.load(catalogue_folder())


def read_configuration(path: Path) -> Configuration:
    """The configuration in ``path``, its modules validated with it. Raises ConfigError."""
    configuration = load(path, KINDS, read_catalogue(), os.environ)
    load_modules(configuration.modules)  # so that whoever validates a configuration validates its modules too
    return configuration


def configuration_or_exit(path: Path) -> Configuration:
    """The configuration in ``path``; ends the command with all its problems when there are any."""
    return or_exit(partial(read_configuration, path))


def or_exit(make: Callable[[], _T]) -> _T:
    """What ``make`` returns; ends the command when it raises ConfigError."""
    try:
        return make()
    except ConfigError as error:
        fail("\n".join(str(problem) for problem in error.problems))


def run_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end, on uvloop where there is one."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)


def fail(message: str) -> NoReturn:
    """A message for people on stderr, and exit code 2."""
    typer.echo(message, err=True)
    raise typer.Exit(_USAGE)
