"""``lastseen validate``, ``explain``, ``catalogue`` and ``schema``: what a configuration says, and may say."""

import json
import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from monitor import config as reading
from monitor.commands.common import (
    ConfigArgument,
    JsonOption,
    configuration_or_exit,
    fail,
    or_exit,
    read_catalogue,
)
from monitor.registry import CHANNEL_SETTINGS, PROBE_SETTINGS
from monitor.terminal import show_catalogue, show_origins, show_service


def validate(config: ConfigArgument) -> None:
    """Say everything that is wrong with a configuration, with line and column. Exit 0 fine, 2 not."""
    configuration = configuration_or_exit(config)
    rate = sum(1 / check.interval for check in configuration.checks)
    typer.echo(
        f"{config}: fine. {len(configuration.services)} services, {len(configuration.checks)} checks "
        f"({rate:.2f} attempts a second), {len(configuration.witnesses)} witnesses."
    )


def explain(
    check_id: Annotated[str, typer.Argument(metavar="CHECK", help="Its id: service/component/target/probe.")],
    config: ConfigArgument = Path("config/monitor.yaml"),
    as_json: JsonOption = False,  # noqa: FBT002  # a flag is a bool
) -> None:
    """Show the effective settings of a check, and where each came from. Secrets are masked."""
    try:
        origins = reading.explain(configuration_or_exit(config), check_id)
    except reading.UnknownCheckError as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps([{"key": o.key, "value": o.value, "source": o.source} for o in origins], indent=2))
    else:
        show_origins(Console(), origins)


def catalogue(
    service: Annotated[str | None, typer.Argument(help="Show all targets of this one and what each proves.")] = None,
) -> None:
    """List the services that `use:` knows."""
    names = [service] if service else read_catalogue().names
    text = json.dumps({"services": [{"use": list(names)}], "witnesses": []})
    configuration = or_exit(
        partial(reading.loads, text, PROBE_SETTINGS, read_catalogue(), os.environ, name="command line")
    )
    console = Console()
    if service:
        show_service(console, configuration.services[0])
    else:
        show_catalogue(console, configuration.services)


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    typer.echo(json.dumps(reading.json_schema(PROBE_SETTINGS, CHANNEL_SETTINGS), indent=2))
