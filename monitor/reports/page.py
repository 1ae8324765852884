"""A report as one HTML file that needs nothing else: its own style, its own pictures, no script."""

from importlib.resources import files

import jinja2

from monitor.languages.words import Words
from monitor.reports.findings import Findings
from monitor.reports.paper import Paper, paper
from monitor.reports.pictures import HEIGHT, LANE, axis, pictures

_ROUND = 2


def as_page(findings: Findings, words: Words) -> str:
    """The whole document. All that is put in is escaped; a policy forbids scripts and anything from elsewhere."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("monitor.reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["n"] = lambda number: f"{round(number, _ROUND):g}"
    made, reader, period = paper(findings, words), findings.reader(words), findings.period
    drawn = {entry.service.name: pictures(entry.service, findings.parts, period, reader) for entry in made.entries}
    style = files("monitor.reports").joinpath("templates", "style.css").read_text(encoding="utf-8")
    return environment.get_template("report.html").render(
        t=words,
        paper=made,
        style=style,
        tone=_tone(made),
        drawn=drawn,
        burning=[entry for entry in made.entries if drawn[entry.service.name].burn],
        axis=axis(period),
        height=HEIGHT,
        lane=LANE,
    )


def _tone(made: Paper) -> str:
    """The colour of the summary."""
    met = [entry.is_met for entry in made.entries if entry.is_met is not None]
    return "" if not met else "good" if all(met) else "bad"
