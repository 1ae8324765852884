"""A report as Markdown, for a mail or a wiki."""

import re
from collections.abc import Iterable, Iterator

from monitor.formats.markdown import escaped
from monitor.formats.text import NOTE, SENTENCE
from monitor.languages.words import Words
from monitor.reports.findings import Findings
from monitor.reports.paper import Chapter, Entry, Numbers, Paper, Story, paper

_AT_BEGIN = re.compile(r"^([0-9]+(?=[.)])|(?=[-+=]))")
"""Where a line begins that is a list, or makes a heading of the line above: a backslash belongs there."""
_NUMBERS = ("availability", "coverage", "down", "outages", "in_outages", "longest", "mttr", "mtbf")
_BUDGET = ("allowed", "used", "share", "left", "objective")


def as_markdown(findings: Findings, words: Words) -> str:
    """The whole of it, with tables as GitHub's Markdown has them; without the pictures."""
    return "\n".join(_lines(paper(findings, words), words))


def _lines(made: Paper, words: Words) -> Iterator[str]:
    service, numbers = words("fact.service"), _heads(words)
    yield from (f"# {_text(made.title)}", "", _text(made.imprint), "", f"**{_text(' '.join(made.summary))}**", "")
    yield from _table(
        words("report.compared"), (service, *numbers), (_numbers(entry.numbers) for entry in made.entries)
    )
    bad = [(_text(entry.numbers.title), _text(entry.bad_days)) for entry in made.entries if entry.bad_days]
    yield from (*_items(bad, words), "") if bad else ()
    yield from _table(
        words("report.budget.title", objective=made.objective),
        (service, *(words(f"report.budget.{name}") for name in _BUDGET)),
        (_budget(entry, words) for entry in made.entries),
    )
    for chapter in made.chapters:
        yield from _chapter(chapter)
    yield from _table(
        words("section.components"),
        (service, words("report.component"), *numbers),
        ((_text(entry.numbers.title), *_numbers(one)) for entry in made.entries for one in entry.components),
    )
    yield from (f"## {words('report.unseen.title')}", "")
    yield from [f"- {_text(line)}" for line in made.unseen] or [words("report.unseen.nothing")]
    yield from ("", f"## {words('report.meanings')}", "")
    yield from _items(((f"**{term}**", meaning) for term, meaning in made.terms), words)
    yield ""


def _items(pairs: Iterable[tuple[str, str]], words: Words) -> Iterator[str]:
    for name, value in pairs:
        yield f"- {words('report.pair', name=name, value=value)}"


def _heads(words: Words) -> tuple[str, ...]:
    return (*(words(f"report.term.{name}") for name in _NUMBERS), words("report.remarks"))


def _numbers(one: Numbers) -> tuple[str, ...]:
    values = (one.availability, one.coverage, one.down, one.outages, one.in_outages, one.longest)
    return (_text(one.title), *values, one.to_recover, one.between, _text(one.remark))


def _budget(one: Entry, words: Words) -> tuple[str, ...]:
    return (_text(one.numbers.title), one.allowed, one.used, one.share, one.left, _verdict(one, words))


def _verdict(one: Entry, words: Words) -> str:
    if one.is_met is None:
        return words("report.budget.unseen")
    return words("report.budget.met") if one.is_met else f"**{words('report.budget.missed')}**"


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
        yield from (_text(story.corrected), "")
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
