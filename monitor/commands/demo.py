"""``lastseen demo``: an outage of the past comes again, and everything else is real."""

import asyncio
import signal
import socket
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from monitor.commands.common import fail, run_loop
from monitor.config import ConfigError, Configuration, loads
from monitor.demo.demo import Demo, Order
from monitor.demo.standins import plan
from monitor.demo.story import read_story
from monitor.demo.written import Wishes, write
from monitor.logs import set_up_logs
from monitor.registry import PROBE_SETTINGS
from monitor.store import StoreError

_HOST, _PORT = "127.0.0.1", 9797
_WRONG = 1
_WIDE = 1000
"""Columns where there is no terminal: one line for each thing that is told."""


def demo(
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where the page is. Default: 127.0.0.1:9797, if free.")
    ] = None,
    speed: Annotated[float, typer.Option(min=10, max=1000, help="How many times as fast as it was.")] = 100.0,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep store and configuration here, to look at them later.")
    ] = None,
    exits: Annotated[bool, typer.Option("--exit", help="End when the story does: for scripts.")] = False,  # noqa: FBT002  # a flag is a bool
    shows: Annotated[bool, typer.Option("--show-config", help="Print the configuration only.")] = False,  # noqa: FBT002  # a flag is a bool
) -> None:
    """Watch the outage of 25 October 2022 in two minutes: stand-ins on loopback fail as it did, the rest is real.

    Exit 0 when lastseen found the outage and nothing else, 1 when not, 2 when the demo cannot run here.
    """
    story = read_story()
    if shows:
        wishes = Wishes(listen=listen or f"{_HOST}:{_PORT}", store="sqlite:///lastseen-demo.db", speed=speed)
        typer.echo(write(story, plan(story.scenario.targets.values()), wishes), nl=False)
        return
    set_up_logs("error", "console")
    with _folder(keep) as folder:
        order = Order(story=story, listen=listen or _free_place(), speed=speed, folder=Path(folder), stays=not exits)
        is_right = _play(order)
    if is_right is False or (exits and is_right is None):
        raise typer.Exit(_WRONG)


def _folder(keep: Path | None) -> AbstractContextManager[str | Path]:
    """Where the demo may write: a folder that is gone afterwards, or that of the user. Ends the command without one."""
    try:
        if keep is None:
            return tempfile.TemporaryDirectory(prefix="lastseen-demo-")
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"nowhere to write: {error}; give a folder with --keep")
    if any(keep.iterdir()):
        fail(f"{keep} is not empty: what another day left there would be told as of today")
    return nullcontext(keep.absolute())


def _free_place() -> str:
    """The usual address, or another port of it where that is taken."""
    try:
        free = socket.create_server((_HOST, _PORT))
    except OSError:
        free = socket.create_server((_HOST, 0))
    with free:
        return f"{_HOST}:{free.getsockname()[1]}"


def _play(order: Order) -> bool | None:
    """Whether the outage was found and nothing else; None when it was stopped before its end."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    show = Demo(order, _read, console)
    trouble: ExceptionGroup[Exception] | None = None
    try:
        run_loop(_run(show))
    except* (ConfigError, OSError, StoreError) as group:
        trouble = group
    if trouble is not None:
        fail(f"the demo cannot run: {', '.join(str(error) for error in trouble.exceptions)}")
    return show.is_right


async def _run(show: Demo) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, show.stop)
    await show.run()


def _read(text: str) -> Configuration:
    return loads(text, PROBE_SETTINGS, None, {}, name="the demo's configuration")
