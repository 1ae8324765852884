"""How results look on a terminal: the ladder of each target, what broke, and the verdict; outages."""

from collections import defaultdict
from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from monitor.config import Origin, ServiceInfo
from monitor.domain.text import milliseconds
from monitor.domain.words import Fact, Outcome, Phase, Status
from monitor.formats.account import account, note_line
from monitor.formats.edition import Edition
from monitor.formats.report import Report, title
from monitor.formats.text import NAME, SENTENCE, plain
from monitor.formats.times import lasting, utc
from monitor.oneshot import Look, Seen, Verdict

_MARKS = {Outcome.OK: ("✓", "green"), Outcome.FAILED: ("✗", "bold red"), Outcome.INCONCLUSIVE: ("?", "magenta")}
_VERDICT_STYLE = {Verdict.UP: "bold green", Verdict.DOWN: "bold red", Verdict.INCONCLUSIVE: "bold magenta"}
_INSTANT = 0.0005
"""A resolve step shorter than this looked nothing up: the target is an address."""


def show_look(console: Console, look: Look, verdict: tuple[Verdict, str]) -> None:
    """Print every ladder, grouped by service and component, then the witnesses, then the verdict."""
    groups: dict[str, dict[str, list[Seen]]] = defaultdict(lambda: defaultdict(list))
    for seen in look.targets:
        groups[seen.check.service][seen.check.component].append(seen)
    for service, components in groups.items():
        console.print(Text(service, "bold"))
        for component, members in components.items():
            _show_component(console, component, members)
    if look.witnesses:
        console.print(Text("witnesses", "bold") + Text("  asked because something did not answer", "dim"))
        _show_members(console, look.witnesses)
    console.print()
    console.print(Text(verdict[0].upper(), _VERDICT_STYLE[verdict[0]]) + Text("  ") + Text(verdict[1]))


def show_origins(console: Console, origins: Sequence[Origin]) -> None:
    """One setting a line, with its source."""
    width = max(len(origin.key) for origin in origins)
    for origin in origins:
        line = Text(f"{origin.key:<{width}}  ", "bold") + Text(origin.value) + Text(f"  {origin.source}", "dim")
        console.print(line, soft_wrap=True)


def show_catalogue(console: Console, services: Sequence[ServiceInfo]) -> None:
    """One service a line."""
    table = Table(box=None, pad_edge=False)
    for heading in ("use", "title", "provider", "components"):
        table.add_column(heading, style="bold" if heading == "use" else "")
    for service in services:
        names = [component.name if component.critical else f"({component.name})" for component in service.components]
        table.add_row(service.name, service.title, service.provider, " ".join(names))
    console.print(table)
    console.print(Text("Components in brackets are minor. `lastseen catalogue NAME` shows the targets.", "dim"))


def show_service(console: Console, service: ServiceInfo) -> None:
    """Every target, what it proves, and how sure its source is."""
    console.print(Text(service.title, "bold") + Text(f"  use: {service.name}, provider {service.provider}", "dim"))
    for component in service.components:
        console.print(Text(f"  {component.title}") + Text("" if component.critical else "  minor", "dim"))
        for target in component.targets:
            console.print(Text(f"    {target.name}", "bold") + Text(f"  {target.kind}", "dim"))
            console.print(Padding(Text(target.proves), (0, 0, 0, 6)))
            console.print(Padding(Text(target.source, "dim"), (0, 0, 0, 6)))


def show_outages(console: Console, reports: Sequence[Report], edition: Edition) -> None:
    """One outage a row, as the reports come."""
    if not reports:
        console.print(Text("No outage is known.", "dim"))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("when (UTC)", no_wrap=True)
    table.add_column("lasted", no_wrap=True)
    table.add_column("outage")
    for report in reports:
        table.add_row(_when(report), lasting(report.duration(edition.now)), _told(report, edition))
    console.print(table)


def show_outage(console: Console, report: Report, edition: Edition) -> None:
    """One outage with all that is known of it."""
    console.print(Text(title(report, edition), _status_style(report)), soft_wrap=True)
    for line in account(report):
        console.print(Text(line), soft_wrap=True)


def _when(report: Report) -> Text:
    window = report.window
    start, end = utc(window.start), None if window.end is None else utc(window.end)
    text = Text(f"{start:%Y-%m-%d %H:%M:%S}\n")
    if end is None:
        return text + Text(window.status, _status_style(report))
    same_day = end.date() == start.date()
    text += Text(f"{'         - ' if same_day else f'{end:%Y-%m-%d} '}{end:%H:%M:%S}")
    return text if not report.is_alive else text + Text(f"\n{window.status}", _status_style(report))


def _told(report: Report, edition: Edition) -> Text:
    window = report.window
    lines = [Text(title(report, edition), _status_style(report)), Text(plain(window.sentence, SENTENCE))]
    lines += [Text(note_line(note)) for note in report.notes]
    return Text("\n").join([*lines, Text(plain(window.id, NAME), "dim")])


def _status_style(report: Report) -> str:
    if not report.is_outage or report.is_planned:
        return "dim"
    return {Status.OPEN: "bold red", Status.RECOVERING: "bold blue"}.get(report.window.status, "bold")


def _show_component(console: Console, component: str, members: Sequence[Seen]) -> None:
    minor = "" if members[0].check.critical else "  minor"
    console.print(Text(f"  {component}") + Text(minor, "dim"))
    _show_members(console, members)


def _show_members(console: Console, members: Sequence[Seen]) -> None:
    width = min(48, max(len(seen.check.target) for seen in members))
    for seen in members:
        console.print(_line(seen, width), soft_wrap=True)
        failure = seen.attempt.failure
        if failure is not None:
            where = f"{failure.layer}/{failure.reason}" if failure.layer else str(failure.reason)
            console.print(Text(f"        {where}: {failure.message}", _MARKS[seen.attempt.outcome][1]), soft_wrap=True)


def _line(seen: Seen, width: int) -> Text:
    attempt = seen.attempt
    mark, style = _MARKS[attempt.outcome]
    line = Text("    ") + Text(mark, style) + Text(f" {seen.check.target:<{width}}  {seen.check.kind:<9} ")
    line += Text(f"{milliseconds(attempt.duration):>8}  ", "bold")
    return line + Text(" · ", "dim").join(_steps(seen))


def _steps(seen: Seen) -> list[Text]:
    attempt = seen.attempt
    last = list(attempt.phases)[-1]
    steps = []
    for phase, seconds in attempt.phases.items():
        if phase is Phase.RESOLVE and seconds < _INSTANT and phase is not last:
            continue
        broken = phase is last and attempt.outcome is not Outcome.OK
        mark, style = _MARKS[attempt.outcome] if broken else ("", "")
        steps.append(Text(f"{phase} {milliseconds(seconds)}{f' {mark}' if mark else ''}", style or "dim"))
    rtt = attempt.facts.get(Fact.KERNEL_RTT)
    if isinstance(rtt, float) and rtt:
        steps.append(Text(f"rtt {milliseconds(rtt)}", "dim"))
    return steps
