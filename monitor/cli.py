"""The command line: argv in, exit code out."""

from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_group
from typing_extensions import override

from monitor import __version__


class _Place(NamedTuple):
    """A function, or a Typer with functions of its own, in a module of `monitor.commands`."""

    module: str
    name: str
    example: str | None = None


_COMMANDS = {
    "run": _Place("run", "run", "lastseen run config/monitor.yaml"),
    "check": _Place(
        "check", "check", "lastseen check whatsapp    lastseen check https://matrix.org/_matrix/client/versions"
    ),
    "demo": _Place("demo", "demo", "lastseen demo"),
    "validate": _Place("settings", "validate", "lastseen validate config/monitor.yaml"),
    "explain": _Place(
        "settings", "explain", "lastseen explain whatsapp/chat/g.whatsapp.net:443/tcp config/monitor.yaml"
    ),
    "catalogue": _Place("settings", "catalogue", "lastseen catalogue whatsapp"),
    "schema": _Place("settings", "schema", "lastseen schema > lastseen.schema.json"),
    "outages": _Place("outages", "outages"),
    "ack": _Place("alerts", "ack", "lastseen ack 20221025T063500Z-whatsapp config/monitor.yaml"),
    "alert": _Place("alerts", "alert"),
    "silence": _Place("alerts", "silence"),
    "report": _Place("report", "report", "lastseen report --month 2026-10 config/monitor.yaml > october.html"),
    "replay": _Place("replay", "replay", "lastseen replay tests/scenarios/*.yaml"),
}


class _Commands(TyperGroup):
    """Imports a command when it is asked for: the monitor need not wait for demo, replay and reports."""

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        return list(_COMMANDS)

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        wanted = [cmd_name] if cmd_name in _COMMANDS else list(_COMMANDS)  # all: typer suggests one that looks alike
        for name in wanted:
            if name not in self.commands:
                self.commands[name] = _read(name, _COMMANDS[name])
        return self.commands.get(cmd_name)


app = typer.Typer(
    name="lastseen",
    cls=_Commands,
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


def _read(command: str, place: _Place) -> Any:
    found = getattr(import_module(f"monitor.commands.{place.module}"), place.name)
    alone = typer.Typer(rich_markup_mode="rich")
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=command)
    else:
        alone.command(command, epilog=f"Example: {place.example}")(found)
    return get_group(alone).commands[command]
