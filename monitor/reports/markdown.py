"""A report as Markdown, for a mail or a wiki."""

import re
from collections.abc import Iterable, Iterator

from monitor.formats.markdown import escaped
from monitor.formats.text import NOTE, SENTENCE
from monitor.reports.findings import Findings
from monitor.reports.paper import Chapter, Numbers, Paper, Story, paper

_AT_BEGIN = re.compile(r"^([0-9]+(?=[.)])|(?=[-+=]))")
"""Where a line begins that is a list, or makes a heading of the line above: a backslash belongs there."""
_NUMBERS = ("Availability", "Coverage", "Down", "Outages", "In outages", "Longest", "MTTR", "MTBF", "Remarks")


def as_markdown(findings: Findings) -> str:
    """The whole of it, with tables as GitHub's Markdown has them; without the pictures."""
    return "\n".join(_lines(paper(findings)))


def _lines(made: Paper) -> Iterator[str]:
    yield from (f"# {_text(made.title)}", "", _text(made.imprint), "", f"**{_text(' '.join(made.summary))}**", "")
    yield from _table("Services compared", ("Service", *_NUMBERS), (_numbers(entry.numbers) for entry in made.entries))
    days = [f"- {_text(entry.numbers.title)}: {_text(entry.bad_days)}" for entry in made.entries if entry.bad_days]
    yield from (*days, "") if days else ()
    yield from _table(
        f"Error budget for {made.objective}",
        ("Service", "Allowed", "Used", "Of the budget", "Left", "Objective"),
        (
            (_text(one.numbers.title), one.allowed, one.used, one.share, one.left, _verdict(one.is_met))
            for one in made.entries
        ),
    )
    for chapter in made.chapters:
        yield from _chapter(chapter)
    yield from _table(
        "Components",
        ("Service", "Component", *_NUMBERS),
        ((_text(entry.numbers.title), *_numbers(one)) for entry in made.entries for one in entry.components),
    )
    yield from ("## Not observed", "")
    yield from [f"- {_text(line)}" for line in made.unseen] or ["Everything was observed."]
    yield from ("", "## What the words mean", "")
    yield from (f"- **{term}**: {meaning}" for term, meaning in made.terms)
    yield ""


def _numbers(one: Numbers) -> tuple[str, ...]:
    values = (one.availability, one.coverage, one.down, one.outages, one.in_outages, one.longest)
    return (_text(one.title), *values, one.to_recover, one.between, _text(one.remark))


def _verdict(is_met: bool | None) -> str:  # noqa: FBT001  # three answers, spelt out
    return {True: "met", False: "**missed**", None: "nothing seen"}[is_met]


def _chapter(chapter: Chapter) -> Iterator[str]:
    yield from (f"## {_text(chapter.heading)}", "")
    if chapter.intro:
        yield from (_text(chapter.intro), "")
    for story in chapter.stories:
        yield from _story(story)


def _story(story: Story) -> Iterator[str]:
    yield from (f"### {_text(story.title)}", "", f"{_text(story.when)}", "", _text(story.sentence), "")
    if story.counts:
        yield from (f"**{_text(story.counts)}**", "")
    if story.corrected:
        yield from (f"Corrected by people: {_text(story.corrected)}.", "")
    for note in story.notes:
        said = f"{note.by}{f' ({note.changes})' if note.changes else ''}"
        yield from (*(f"> {_text(line)}  " for line in note.text.split("\n")), ">", f"> {_text(said)}", "")
    yield from (f"{_text(story.facts)}; {_text(story.id)}", "")


def _table(heading: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    named = list(columns)
    yield from (f"## {heading}", "", _row(named), _row("---" for _ in named))
    yield from (_row(row) for row in rows)
    yield ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Foreign text for anywhere in a line: at its begin more signs mean something than within a cell."""
    return _AT_BEGIN.sub(r"\1\\", escaped(text, max(SENTENCE, NOTE)))
