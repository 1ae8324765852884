"""What commands share: reading a configuration, running a coroutine, failing with a sentence."""

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from monitor.blackbox.modules import load_modules
from monitor.config import Catalogue, ConfigError, Configuration, catalogue_folder, load
from monitor.formats.edition import Edition
from monitor.formats.moments import moment
from monitor.formats.text import NAME, plain
from monitor.registry import CHANNEL_SETTINGS, PROBE_SETTINGS
from monitor.store import Archive, StoreError

try:
    from uvloop import new_event_loop
except ImportError:  # not on every platform; plain asyncio works too
    from asyncio import new_event_loop  # type: ignore[assignment]  # the wider type of the two

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
    configuration = load(path, PROBE_SETTINGS, read_catalogue(), os.environ, CHANNEL_SETTINGS)
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


def moment_or_exit(option: str, text: str, now: float) -> float | None:
    """The moment that an option names, if it does; ends the command when that is none."""
    if not text:
        return None
    try:
        return moment(text, now)
    except ValueError as error:
        fail(f"{option} {text}: {error}")


def author_or_exit(given: str) -> str:
    """Who says so: the name that was given, else the login name. Ends the command when there is neither."""
    try:
        name = plain(given or getpass.getuser(), NAME)
    except (KeyError, OSError):  # a user without an entry in passwd, as in many containers
        name = ""
    return name or fail("who says so? This user has no login name: give --author NAME")


def edition_of(configuration: Configuration, now: float) -> Edition:
    """What a text about the past is made for."""
    titles = {service.name: service.title for service in configuration.services}
    return Edition(now=now, site=configuration.vantage.name, titles=titles)


def visit(configuration: Configuration, work: Callable[[Archive], Awaitable[_T]]) -> _T:
    """What ``work`` makes of the store, beside the monitor that owns it. Ends the command with a StoreError's words."""

    async def go_there() -> _T:
        async with _archive(configuration.store) as archive:
            return await work(archive)

    try:
        return run_loop(go_there())
    except StoreError as error:
        fail(f"store: {error}")


@asynccontextmanager
async def _archive(url: str) -> AsyncIterator[Archive]:
    archive = Archive.visit(url)
    try:
        yield archive
    finally:
        await archive.close()
