"""The command line: argv in, exit code out."""

import asyncio
import gc
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from monitor import __version__
from monitor.app import App
from monitor.clock import SystemClock
from monitor.commands.alerts import ack, alert, silence
from monitor.commands.common import (
    KINDS,
    USUAL_CONFIG,
    WAYS,
    ConfigArgument,
    JsonOption,
    configuration_or_exit,
    fail,
    or_exit,
    read_catalogue,
    read_configuration,
    run_loop,
)
from monitor.commands.demo import demo
from monitor.commands.outages import outages
from monitor.commands.replay import replay
from monitor.commands.report import report
from monitor.config import Configuration, UnknownCheckError, explain, json_schema, loads
from monitor.formats.checks import attempt_as_json, check_as_json
from monitor.logs import set_up_logs
from monitor.oneshot import Look, Onlooker, Seen, as_services, judge
from monitor.parts import make_network
from monitor.store import StoreError
from monitor.terminal import show_catalogue, show_look, show_origins, show_service

app = typer.Typer(
    name="lastseen",
    help="Is it down, or is it me? A synthetic availability monitor for messaging.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with local variables would show secrets
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of the ``lastseen`` command."""
    app()


def _version(value: bool) -> None:  # noqa: FBT001  # typer's callback convention
    if value:
        typer.echo(f"lastseen {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,  # noqa: FBT002  # a flag is a bool
) -> None:
    pass


@app.command(epilog="Example: lastseen run config/monitor.yaml")
def run(config: ConfigArgument = USUAL_CONFIG) -> None:
    """Watch what the configuration names, until SIGINT or SIGTERM; SIGHUP reloads it."""
    gc.disable()  # what the start makes stays: `App` turns the collector on again when all is made
    configuration = configuration_or_exit(config)
    set_up_logs(configuration.log.level, configuration.log.format)
    try:
        run_loop(_watch(configuration, partial(read_configuration, config)))
    except OSError as error:
        fail(f"cannot listen on {configuration.web.listen}: {error.strerror or error}")
    except StoreError as error:
        fail(f"store: {error}")


@app.command(epilog="Example: lastseen check whatsapp    lastseen check https://matrix.org/_matrix/client/versions")
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


@app.command(epilog="Example: lastseen validate config/monitor.yaml")
def validate(config: ConfigArgument) -> None:
    """Say everything that is wrong with a configuration, with line and column. Exit 0 fine, 2 not."""
    configuration = configuration_or_exit(config)
    rate = sum(1 / check.interval for check in configuration.checks)
    typer.echo(
        f"{config}: fine. {len(configuration.services)} services, {len(configuration.checks)} checks "
        f"({rate:.2f} attempts a second), {len(configuration.witnesses)} witnesses."
    )


@app.command("explain", epilog="Example: lastseen explain whatsapp/chat/g.whatsapp.net:443/tcp config/monitor.yaml")
def explain_check(
    check_id: Annotated[str, typer.Argument(metavar="CHECK", help="Its id: service/component/target/probe.")],
    config: ConfigArgument = Path("config/monitor.yaml"),
    as_json: JsonOption = False,  # noqa: FBT002  # a flag is a bool
) -> None:
    """Show the effective settings of a check, and where each came from. Secrets are masked."""
    try:
        origins = explain(configuration_or_exit(config), check_id)
    except UnknownCheckError as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps([{"key": o.key, "value": o.value, "source": o.source} for o in origins], indent=2))
    else:
        show_origins(Console(), origins)


@app.command(epilog="Example: lastseen catalogue whatsapp")
def catalogue(
    service: Annotated[str | None, typer.Argument(help="Show all targets of this one and what each proves.")] = None,
) -> None:
    """List the services that `use:` knows."""
    names = [service] if service else read_catalogue().names
    text = json.dumps({"services": [{"use": list(names)}], "witnesses": []})
    configuration = or_exit(partial(loads, text, KINDS, read_catalogue(), os.environ, name="command line"))
    console = Console()
    if service:
        show_service(console, configuration.services[0])
    else:
        show_catalogue(console, configuration.services)


@app.command(epilog="Example: lastseen schema > lastseen.schema.json")
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    typer.echo(json.dumps(json_schema(KINDS, WAYS), indent=2))


app.add_typer(outages, name="outages")
app.add_typer(alert, name="alert")
app.add_typer(silence, name="silence")
app.command(epilog="Example: lastseen ack 20221025T063500Z-whatsapp config/monitor.yaml")(ack)
app.command(epilog="Example: lastseen report --month 2026-10 config/monitor.yaml > october.html")(report)
app.command(epilog="Example: lastseen replay tests/scenarios/*.yaml")(replay)
app.command(epilog="Example: lastseen demo")(demo)


def _configure_for(targets: list[str], config: Path | None) -> Configuration:
    """A configuration of just these targets: services of the file or the catalogue, or addresses as they are."""
    own = configuration_or_exit(config) if config else None
    known = {service.name for service in own.services} if own else set[str]()
    text = json.dumps({"services": as_services(target for target in targets if target not in known)})
    made = or_exit(partial(loads, text, KINDS, read_catalogue(), os.environ, name="command line"))
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


async def _watch(configuration: Configuration, reload: Callable[[], Configuration]) -> None:
    monitor = App(configuration, reload)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, monitor.stop)
    loop.add_signal_handler(signal.SIGHUP, monitor.request_reload)
    await monitor.run(partial(_announce, configuration))


def _announce(configuration: Configuration, url: str) -> None:
    typer.echo(
        f"lastseen {__version__} watches {len(configuration.services)} services with {len(configuration.checks)} checks"
        f" from {configuration.vantage.name}.\n  page     {url}/\n  metrics  {url}/metrics\nStop it with Ctrl-C.",
        err=True,
    )
