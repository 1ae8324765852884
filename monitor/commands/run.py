"""``lastseen run``: the monitor itself."""

import asyncio
import gc
import signal
from collections.abc import Callable
from functools import partial

import typer

from monitor import __version__
from monitor.app import App
from monitor.commands.common import (
    USUAL_CONFIG,
    ConfigArgument,
    configuration_or_exit,
    fail,
    read_configuration,
    run_loop,
)
from monitor.config import Configuration
from monitor.logs import set_up_logs
from monitor.store import StoreError


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
    except BaseExceptionGroup as group:  # a database that is no file is opened when all is under way
        refused, rest = group.split(StoreError)
        if refused is None or rest is not None:
            raise
        fail(f"store: {_first(refused)}")


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


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
