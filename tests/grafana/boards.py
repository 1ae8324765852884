"""The committed dashboards, and everything in them that asks Prometheus something."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "grafana/dashboards"
BOARDS: Mapping[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
WIDTH = 1600
"""Pixels of the window that dashboards are looked at in."""

_COLUMNS = 24
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}")
_TEXT = re.compile(r'"[^"]*"')
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One query of a panel or of an annotation."""

    board: str
    where: str
    """Title of the panel, or name of the annotation, and the query's letter."""
    expression: str
    is_instant: bool = False
    points: int = WIDTH
    """At most so many."""
    least: str = ""
    """The least step, as the dashboard has it; empty: the scrape interval."""
    legend: str = ""

    @property
    def name(self) -> str:
        return f"{self.board}: {self.where}"


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Without the headings of sections."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def questions() -> Iterator[Question]:
    """All, of all dashboards."""
    for name, board in BOARDS.items():
        for panel in panels(board):
            yield from _of_panel(name, panel)
        for one in board["annotations"]["list"]:
            formats = f"{one.get('titleFormat', '')}{one.get('textFormat', '')}"
            where = f"annotation {one['name']}"
            yield Question(board=name, where=where, expression=one["expr"], least=one["step"], legend=formats)


def _of_panel(board: str, panel: dict[str, Any]) -> Iterator[Question]:
    wide = WIDTH * panel["gridPos"]["w"] // _COLUMNS
    for target in panel["targets"]:
        yield Question(
            board=board,
            where=f"{panel['title']} {target['refId']}",
            expression=target["expr"],
            is_instant=bool(target.get("instant")) and not target.get("range"),
            points=int(panel.get("maxDataPoints", wide)),
            least=target.get("interval") or panel.get("interval") or "",
            legend=target.get("legendFormat", ""),
        )


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric that it names, with the labels that it is chosen by."""
    for name, matchers in _SELECTOR.findall(expression):
        yield name, set(_MATCHER.findall(matchers))


def other_words(expression: str) -> set[str]:
    """Everything in it that is neither a metric with braces, nor text, nor a number: functions, and labels."""
    left = _TEXT.sub(" ", _SELECTOR.sub(" ", expression))
    left = re.sub(r"\$\w+|\[[^\]]*\]|\b\d[\w.]*", " ", left)
    return set(re.findall(r"[a-zA-Z_]\w*", left))


def labels(question: Question) -> set[str]:
    """The labels that it groups and joins by, and that its legend shows."""
    lists = re.findall(r"\b(?:by|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", question.expression)
    named = {label.strip() for one in lists for label in one.split(",")} - {""}
    return named | set(re.findall(r"\{\{\s*(\w+)\s*\}\}", question.legend))
