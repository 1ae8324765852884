"""``lastseen alert``, ``ack`` and ``silence``: what would be sent, and who need not be told."""

import json
import secrets
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor import __version__
from monitor.alerting.desk import matches
from monitor.clock import SystemClock
from monitor.commands.common import (
    USUAL_CONFIG,
    ConfigArgument,
    JsonOption,
    author_or_exit,
    configuration_or_exit,
    fail,
    moment_or_exit,
    run_loop,
    visit,
)
from monitor.config import Configuration
from monitor.config.problems import closest
from monitor.dispatch import ACK_KEY, Dispatch, Standing, make_session
from monitor.domain.alert import Acknowledgement, Letter, Message, Post, PostState, Route, Silence, Way
from monitor.domain.outage import OutageQuery, Window
from monitor.domain.settings import parse_duration
from monitor.domain.words import Event, Severity, State, Status
from monitor.formats.text import NAME, SENTENCE, plain
from monitor.formats.times import clock
from monitor.logs import set_up_logs
from monitor.store import Archive, Store

_NOT_SENT = 1
_USER_AGENT = f"lastseen/{__version__}"
_EVENTS = {Status.RECOVERING: Event.RECOVERING, Status.CLOSED: Event.CLOSED, Status.ABSORBED: Event.CLOSED}

alert = typer.Typer(no_args_is_help=True, help="Try a route, or see what would be sent.")
silence = typer.Typer(no_args_is_help=True, help="Who need not be told of what for a while.")


@alert.command("test", epilog="Example: lastseen alert test oncall config/monitor.yaml")
def try_route(
    route: Annotated[str, typer.Argument(metavar="ROUTE", help="Its name in the configuration.")],
    config: ConfigArgument = USUAL_CONFIG,
) -> None:
    """Send a test letter by a route, as an alert would go: over its first channel that takes it. Exit 0 sent, 1 not."""
    set_up_logs("error", "console")  # why a channel did not take it is said below
    configuration = configuration_or_exit(config)
    post = run_loop(_send_test(configuration, _route(configuration, route)))
    for detour in post.detours:
        typer.echo(f"{detour.channel}: passed over, {detour.why}")
    if post.state is not PostState.SENT:
        fail_unsent(route)
    typer.echo(f"{post.channel}: sent")


def fail_unsent(route: str) -> NoReturn:
    """The end of a test that reached nobody."""
    typer.echo(f"no channel of the route {route} took it", err=True)
    raise typer.Exit(_NOT_SENT)


async def _send_test(configuration: Configuration, route: Route) -> Post:
    now = SystemClock().now()
    message = Message(
        route=route.name,
        conversation=f"test:{secrets.token_hex(4)}",
        number=1,
        event=Event.TEST,
        severity=Severity.MINOR,
        decided=now,
    )
    dispatch = _dispatch(configuration, ())
    async with make_session(_USER_AGENT) as session:
        dispatch.open_lines(session)
        return await dispatch.office.once(Post(message=message), route)


@alert.command(epilog="Example: lastseen alert preview 20221025T063500Z-whatsapp config/monitor.yaml")
def preview(
    window_id: Annotated[str, typer.Argument(metavar="OUTAGE", help="Its id, as `lastseen outages` shows it.")],
    config: ConfigArgument = USUAL_CONFIG,
    as_json: JsonOption = False,  # noqa: FBT002  # a flag is a bool
) -> None:
    """Show what would be sent of an outage as it is now: by which routes, over which channel, and why that one."""
    configuration = configuration_or_exit(config)
    window, others, key = visit(configuration, lambda archive: _look_up(archive, window_id))
    if window is None:
        fail(f"there is no outage {window_id} in the store")
    dispatch = _dispatch(configuration, others)
    dispatch.use_key(key)
    shown = run_loop(_letters(dispatch, configuration, window))
    if as_json:
        typer.echo(json.dumps([letter.document for _, _, letter in shown], indent=2, ensure_ascii=False))
        return
    for route, way, letter in shown:
        head = f"route {route.name}, over {way.name} ({way.kind}, {way.settings.place}), {letter.severity}"
        typer.echo(f"--- {head}\n{letter.text}")
    told = {route.name for route, _, _ in shown}
    for name in dispatch.routes:
        if name not in told:
            typer.echo(f"--- route {name}: is not for this outage")


async def _look_up(archive: Archive, window_id: str) -> tuple[Window | None, tuple[Window, ...], str]:
    noted = await archive.window(window_id)
    alive = tuple(found.window for found in await archive.windows(OutageQuery(is_open=True, limit=1000)))
    return (noted.window if noted else None), alive, await archive.remembered(ACK_KEY)


async def _letters(dispatch: Dispatch, configuration: Configuration, window: Window) -> list[tuple[Route, Way, Letter]]:
    found: list[tuple[Route, Way, Letter]] = []
    severity, now = dispatch.desk.severity(window), SystemClock().now()
    async with make_session(_USER_AGENT) as session:
        dispatch.open_lines(session)
        for route in configuration.alerts.routes:
            if not matches(route, window, severity):
                continue
            message = Message(
                route=route.name,
                conversation=window.id,
                number=1,
                event=_EVENTS.get(window.status, Event.OPENED),
                severity=severity,
                decided=now,
                windows=(window,),
            )
            post, way = dispatch.office.preview(Post(message=message), route)
            if way is not None:
                found.append((route, way, dispatch.scribe.letter(post, way, route.language, now)))
    return found


def ack(
    window_id: Annotated[str, typer.Argument(metavar="OUTAGE", help="Its id, as `lastseen outages` shows it.")],
    config: ConfigArgument = USUAL_CONFIG,
    author: Annotated[str, typer.Option(metavar="NAME", help="Who looks after it; else the login name.")] = "",
) -> None:
    """Say that you look after an outage: reminders end, and nobody else is called. The monitor knows in 5 s."""
    note = Acknowledgement(window_id=window_id, at=SystemClock().now(), author=author_or_exit(author))
    visit(configuration_or_exit(config), lambda archive: archive.acknowledge(note))
    typer.echo(f"{window_id}: {note.author} looks after it")


@silence.command("add", epilog="Example: lastseen silence add 'whatsapp' 2h config/monitor.yaml --comment 'we know'")
def add_silence(  # noqa: PLR0913  # one argument an option
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="Its name, or a pattern with *.")],
    lasting: Annotated[str, typer.Argument(metavar="DURATION", help="30m, 2h, 1d")],
    config: ConfigArgument = USUAL_CONFIG,
    *,
    since: Annotated[str, typer.Option(metavar="TIME", help="From then on; else from now on.")] = "",
    comment: Annotated[str, typer.Option(metavar="TEXT", help="Why.")] = "",
    author: Annotated[str, typer.Option(metavar="NAME", help="Who says so; else the login name.")] = "",
) -> None:
    """Tell nobody of a service for a while. Outages are recorded; one that is still open afterwards is told then."""
    configuration = configuration_or_exit(config)
    begin = moment_or_exit("--since", since, SystemClock().now()) or SystemClock().now()
    try:
        seconds = parse_duration(lasting)
    except ValueError as error:
        fail(str(error))
    made = Silence(
        id=secrets.token_hex(4),
        service=plain(service, NAME),
        since=begin,
        until=begin + seconds,
        author=author_or_exit(author),
        comment=plain(comment, SENTENCE),
    )
    visit(configuration, lambda archive: archive.silence(made))
    typer.echo(f"{made.id}: nobody is told of {made.service} until {clock(made.until)}")


@silence.command("list", epilog="Example: lastseen silence list config/monitor.yaml")
def list_silences(config: ConfigArgument = USUAL_CONFIG) -> None:
    """Show the silences that are not over."""
    found = visit(configuration_or_exit(config), lambda archive: archive.silences(SystemClock().now()))
    if not found:
        typer.echo("Nothing is silenced.")
        return
    table = Table("id", "service", "from", "until", "by", "why", box=None, pad_edge=False)
    for one in found:
        cells = (one.id, one.service, clock(one.since), clock(one.until), one.author, one.comment)
        table.add_row(*map(Text, cells))
    Console().print(table)


@silence.command("end", epilog="Example: lastseen silence end 1a2b3c4d config/monitor.yaml")
def end_silence(
    silence_id: Annotated[str, typer.Argument(metavar="ID", help="As `lastseen silence list` shows it.")],
    config: ConfigArgument = USUAL_CONFIG,
) -> None:
    """End a silence now."""
    now = SystemClock().now()
    if not visit(configuration_or_exit(config), lambda archive: archive.end_silence(silence_id, now)):
        fail(f"there is no silence {silence_id}")
    typer.echo(f"{silence_id}: ended")


def _route(configuration: Configuration, name: str) -> Route:
    routes = {route.name: route for route in configuration.alerts.routes}
    if name not in routes:
        hint = closest(name, routes)
        fail(f"no route {name!r} in this file" + (f" (did you mean {hint!r}?)" if hint else ""))
    return routes[name]


def _dispatch(configuration: Configuration, alive: Sequence[Window]) -> Dispatch:
    """One that knows how services stand by the windows that are open."""
    down = {service for window in alive if window.status is Status.OPEN for service in window.services}

    def state_of(service: str) -> State:
        return State.DOWN if service in down else State.UNKNOWN

    store = Store(configuration.store)  # is not opened: nothing is asked of it
    dispatch = Dispatch(SystemClock(), store, Standing(state_of=state_of, windows=lambda: alive), _USER_AGENT)
    dispatch.follow(configuration)
    return dispatch
