"""The demo on a terminal: what happened at this moment of the day, and what the monitor says."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from monitor.demo.day import Day
from monitor.demo.outages import Told
from monitor.demo.story import Story
from monitor.domain.words import Status
from monitor.formats.times import utc
from monitor.replay.format import WindowPart
from monitor.replay.found import FoundWindow
from monitor.replay.score import Answer, Verdict

_STYLES = {Status.OPEN: "bold red", Status.RECOVERING: "bold blue", Status.CLOSED: "bold green"}


class Teller:
    """Tells each thing once, as soon as it is there."""

    def __init__(self, console: Console, story: Story, day: Day) -> None:
        self._console, self._story, self._day = console, story, day
        self._untold = list(story.lines)
        self._said: dict[str, Told] = {}
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            auto_refresh=False,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=story.end - story.start, left="")

    def begin(self, url: str) -> None:
        """Where to look, and how to read what follows."""
        story, day = self._story, self._day
        lines = (
            f"[bold]{story.title(story.scenario.expected.windows[0].target[0])}, {utc(story.scenario.t0):%-d %B %Y}[/]"
            f", {self._time(story.start)} to {self._time(story.end)} UTC, {day.speed:g} times as fast as it was.",
            f"  page     {url}/",
            f"  metrics  {url}/metrics",
            "Stand-ins on this machine fail as the services failed that day; lastseen asks them over real sockets, and",
            "knows nothing of it. On the left is the time of that day; its sentences have that of your clock, in UTC.",
            "Ctrl-C stops it.",
        )
        self._console.print("\n".join(lines), highlight=False, soft_wrap=True)
        self._console.print()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """With the time of the day and what is left of it in the last line, on a terminal."""
        with self._bar:
            yield

    def tell(self, outages: Sequence[Told]) -> None:
        """What is new, of that day and of the monitor."""
        second = self._day.second
        while self._untold and self._untold[0].at <= second:
            line = self._untold.pop(0)
            self._line(line.at, Text("that day", "dim"), Text(line.says))
        for told in outages:
            said = self._said.get(told.id)
            if said is None or (said.status, said.window.sentence) != (told.status, told.window.sentence):
                self._say(second, told.status, told.window.sentence)
        known = {told.id: told for told in outages}
        for told in [told for name, told in self._said.items() if name not in known]:
            self._say(second, Status.ABSORBED, f"{told.window.target} is part of the wider outage")
        self._said = known
        left = round(self._day.left)
        self._bar.update(
            self._task,
            description=f"{self._time(second)} UTC on that day",
            completed=second - self._story.start,
            left=f"{left // 60}:{left % 60:02} to go" if left else "waiting until nothing has failed for a while",
            refresh=True,
        )

    def judge(self, verdict: Verdict) -> None:
        """What happened beside what was found, and whether that was right."""
        self._console.print()
        for answer in verdict.answers:
            self._compare(answer)
        for window in verdict.false:
            self._console.print(Text(f"False alarm: {window.sentence}", "bold red"))
        if verdict.is_right:
            self._console.print(Text("It found the outage, and nothing else.", "bold green"))
        else:
            self._console.print(Text("That is not what happened.", "bold red"))

    def _compare(self, answer: Answer) -> None:
        wanted, found = answer.expected, answer.found
        table = Table(box=None, pad_edge=False)
        for heading in ("", "what happened", "what lastseen found", ""):
            table.add_column(heading)
        for name, happened, told in self._rows(wanted, found):
            mark = Text("✗", "red") if name in answer.lost else Text("✓", "green")
            table.add_row(Text(name, "bold"), happened, told, mark)
        self._console.print(table)

    def _rows(self, wanted: WindowPart, found: FoundWindow | None) -> Iterator[tuple[str, str, str]]:
        if found is None:
            yield "found", ", ".join(wanted.target), "nothing"
            return
        yield "found", ", ".join(wanted.target), f"{found.target}, told at {self._time(found.decided_open)}"
        yield "start", self._time(wanted.start), self._time(found.start)
        yield "end", self._time(wanted.end), f"{self._time(found.end)}, closed at {self._time(found.decided_closed)}"
        for name in ("breadth", "kind"):
            yield name, getattr(wanted, name), getattr(found, name)
        yield "layer", " or ".join(wanted.layer), found.layer or "-"

    def _say(self, second: float, status: str, sentence: str) -> None:
        style = _STYLES.get(Status(status), "bold")
        self._line(second, Text("lastseen", "bold"), Text.assemble((f"{status}: ", style), sentence))

    def _line(self, second: float, who: Text, text: Text) -> None:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_row(Text(self._time(second), "cyan"), who, text)
        self._console.print(grid)

    def _time(self, second: float | None) -> str:
        return "-" if second is None else f"{utc(self._story.scenario.t0 + second):%H:%M}"
