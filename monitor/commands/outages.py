"""``lastseen outages``: what the store of a monitor knows of outages, in every format; and notes on them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup
from typing_extensions import override

from monitor.clock import SystemClock
from monitor.commands.common import (
    USUAL_CONFIG,
    ConfigArgument,
    author_or_exit,
    configuration_or_exit,
    edition_of,
    fail,
    moment_or_exit,
    visit,
)
from monitor.domain.amendment import Amend
from monitor.domain.outage import Note, OutageQuery
from monitor.domain.words import Cause, Kind, Reach
from monitor.formats.edition import Edition
from monitor.formats.ical import as_calendar
from monitor.formats.markdown import as_markdown
from monitor.formats.record import report_as_json
from monitor.formats.report import Report, report
from monitor.formats.spreadsheet import as_csv
from monitor.formats.text import NOTE
from monitor.store import Archive, StoreError
from monitor.terminal import show_outage, show_outages

_AT_ONCE = 1000


class Format(StrEnum):
    """How outages are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    ICAL = "ical"
    MD = "md"


class _Group(TyperGroup):
    """Takes a first word that is no command for CONFIG: the group lists outages when no command is named."""

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, rest, _ = self.make_parser(ctx).parse_args(list(args))
        if rest and rest[0] not in self.commands:
            args = [*args[: len(args) - len(rest)], "--config", *rest]
        return super().parse_args(ctx, args)


outages = typer.Typer(
    cls=_Group,
    invoke_without_command=True,
    subcommand_metavar="[CONFIG]|[COMMAND ...]",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changes:
    """What a note corrects."""

    kind: Kind | None
    reach: Reach | None
    cause: Cause | None
    planned: bool | None
    outage: bool | None

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """As the note keeps them."""
        answers = {True: "yes", False: "no", None: None}
        values = {
            Amend.KIND: self.kind,
            Amend.REACH: self.reach,
            Amend.CAUSE: self.cause,
            Amend.PLANNED: answers[self.planned],
            Amend.OUTAGE: answers[self.outage],
        }
        return tuple((str(field), str(value)) for field, value in values.items() if value is not None)


@outages.callback(epilog="Example: lastseen outages --since 7d --format csv config/monitor.yaml")
def list_outages(  # noqa: PLR0913  # one argument an option
    context: typer.Context,
    *,
    since: Annotated[str, typer.Option(metavar="TIME", help="Not over before: 7d, 2022-10-25 or RFC 3339.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Begun before, written likewise.")] = "",
    service: Annotated[str, typer.Option(metavar="NAME", help="Only those that affect this service.")] = "",
    provider: Annotated[str, typer.Option(metavar="NAME", help="Only those of this provider.")] = "",
    is_open: Annotated[bool, typer.Option("--open", help="Only those that are not over.")] = False,  # a flag is a bool
    form: Annotated[Format, typer.Option("--format", help="How to write them.")] = Format.TABLE,
    config: Annotated[Path, typer.Option(metavar="CONFIG", help="The configuration file.")] = USUAL_CONFIG,
) -> None:
    """List outages, newest first, from the store that CONFIG names. The monitor may run meanwhile.

    `lastseen outages annotate` adds a note to one, and may correct what was judged.
    """
    if context.invoked_subcommand is not None:
        return
    now = SystemClock().now()
    query = OutageQuery(
        since=moment_or_exit("--since", since, now),
        until=moment_or_exit("--until", until, now),
        service=service,
        provider=provider,
        is_open=is_open or None,
    )
    configuration = configuration_or_exit(config)
    found = visit(configuration, lambda archive: _all(archive, query))
    _write(found, edition_of(configuration, now), form)


@outages.command(
    epilog='Example: lastseen outages annotate 20221025T063500Z-whatsapp "Meta says: our fault" --cause provider'
)
def annotate(  # noqa: PLR0913  # one argument an option
    window_id: Annotated[str, typer.Argument(metavar="ID", help="Which outage: its id in the list.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What there is to say.")],
    *,
    config: ConfigArgument = USUAL_CONFIG,
    author: Annotated[str, typer.Option(metavar="NAME", help="Who says it; else the login name.")] = "",
    kind: Annotated[Kind | None, typer.Option(help="Correct how much failed.")] = None,
    reach: Annotated[Reach | None, typer.Option(help="Correct from where it was seen.")] = None,
    cause: Annotated[Cause | None, typer.Option(help="Correct why.")] = None,
    planned: Annotated[
        bool | None, typer.Option("--planned/--unplanned", help="It was meant to be down, or was not.")
    ] = None,
    outage: Annotated[
        bool | None, typer.Option("--an-outage/--not-an-outage", help="It was one after all, or none.")
    ] = None,
) -> None:
    """Add a note to an outage, kept with who and when; and correct what was judged, if need be.

    Notes are never changed or deleted; the latest correction holds. The monitor may run meanwhile.
    """
    if not text.strip() or len(text) > NOTE:
        fail(f"a note has 1 to {NOTE} characters")
    configuration = configuration_or_exit(config)
    changes = _Changes(kind=kind, reach=reach, cause=cause, planned=planned, outage=outage)
    now = SystemClock().now()
    note = Note(window_id=window_id, at=now, author=author_or_exit(author), text=text, changes=changes.pairs())
    made = visit(configuration, lambda archive: _annotate(archive, note))
    show_outage(Console(), made, edition_of(configuration, now))


async def _all(archive: Archive, query: OutageQuery) -> list[Report]:
    found: list[Report] = []
    while True:
        page = await archive.windows(replace(query, limit=_AT_ONCE, offset=len(found)))
        found += [report(*noted) for noted in page]
        if len(page) < _AT_ONCE:
            return found


async def _annotate(archive: Archive, note: Note) -> Report:
    await archive.annotate(note)
    noted = await archive.window(note.window_id)
    if noted is None:
        raise StoreError(f"there is no window {note.window_id} any more")
    return report(*noted)


def _write(found: Sequence[Report], made: Edition, form: Format) -> None:
    if form is Format.TABLE:
        show_outages(Console(), found, made)
        return
    written: str | bytes
    match form:
        case Format.JSON:
            written = json.dumps({"outages": [report_as_json(one, made) for one in found]}, indent=2) + "\n"
        case Format.CSV:
            written = as_csv(found, made)
        case Format.ICAL:
            written = as_calendar(found, made)
        case Format.MD:
            written = as_markdown(found, made)
    # As bytes: these formats are UTF-8 with line ends of their own, whatever the locale says.
    typer.echo(written.encode() if isinstance(written, str) else written, nl=False)
