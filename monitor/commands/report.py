"""``lastseen report``: a month on paper, from the store of a monitor."""

from enum import StrEnum
from typing import Annotated

import typer

from monitor.clock import SystemClock
from monitor.commands.common import USUAL_CONFIG, ConfigArgument, configuration_or_exit, fail, run_loop
from monitor.config import Configuration
from monitor.languages.words import DEFAULT, LANGUAGES, Words, words_in
from monitor.reports.findings import Findings, NothingKnown, Order, find
from monitor.reports.markdown import as_markdown
from monitor.reports.page import as_page
from monitor.reports.period import Period, between, month
from monitor.reports.spreadsheet import as_csv
from monitor.store import Archive, StoreError


class Format(StrEnum):
    """How a report is written."""

    HTML = "html"
    MD = "md"
    CSV = "csv"


def report(  # noqa: PLR0913  # one argument an option
    config: ConfigArgument = USUAL_CONFIG,
    *,
    of_month: Annotated[
        str, typer.Option("--month", metavar="YYYY-MM", help="Which month (UTC). Default: the last one that is over.")
    ] = "",
    since: Annotated[str, typer.Option(metavar="DAY", help="Another period: its first day, such as 2026-10-05.")] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help="The day after its last one. Default: to today.")] = "",
    service: Annotated[str, typer.Option(metavar="NAME", help="Only this service.")] = "",
    provider: Annotated[str, typer.Option(metavar="NAME", help="Only services of this provider.")] = "",
    objective: Annotated[
        float, typer.Option(metavar="PERCENT", min=0, max=100, help="The availability that was promised.")
    ] = 99.9,
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.HTML,
    language: Annotated[
        str, typer.Option(metavar="|".join(LANGUAGES), help="What HTML and Markdown speak; CSV is for programs.")
    ] = DEFAULT,
) -> None:
    """Write a report of a month: availability and coverage, outages, repair times, error budgets, what was not seen.

    On stdout, from the store that CONFIG names; the monitor may run meanwhile. HTML is one file that needs nothing
    else; for a PDF, print it.
    """
    if language not in LANGUAGES:
        fail(f"--language {language}: give one of {', '.join(LANGUAGES)}")
    period = _period(of_month, since, until)
    order = Order(period=period, objective=objective / 100, service=service, provider=provider)
    findings = _read(configuration_or_exit(config), order)
    written = _written(findings, form, words_in(language))
    # As bytes: these formats are UTF-8 with line ends of their own, whatever the locale says.
    typer.echo(written.encode(), nl=False)


def _written(findings: Findings, form: Format, words: Words) -> str:
    match form:
        case Format.HTML:
            return as_page(findings, words)
        case Format.MD:
            return as_markdown(findings, words)
        case Format.CSV:
            return as_csv(findings)


def _period(of_month: str, since: str, until: str) -> Period:
    now = SystemClock().now()
    if of_month and (since or until):
        fail("give --month, or --since and --until")
    if until and not since:
        fail("--until needs --since")
    try:
        return between(since, until, now) if since else month(of_month, now)
    except ValueError as error:
        fail(f"{'--since' if since else '--month'} {since or of_month}: {error}")


def _read(configuration: Configuration, order: Order) -> Findings:
    async def visit() -> Findings:
        archive = Archive.visit(configuration.store)
        try:
            return await find(archive, configuration, order)
        finally:
            await archive.close()

    try:
        return run_loop(visit())
    except (StoreError, NothingKnown) as error:
        fail(f"store: {error}")
