"""docs/reports.md names every option and every column there is."""

import re
from pathlib import Path

from typer.testing import CliRunner

from monitor.cli import app
from monitor.reports.spreadsheet import COLUMNS

_PAGE = (Path(__file__).parents[2] / "docs/reports.md").read_text()


def test_every_column_is_explained_and_none_that_is_not_there() -> None:
    section = _PAGE.partition("## Columns of the CSV")[2]
    assert {*re.findall(r"`(\w+)`", section)} - {"unknown", "unrecorded"} == {*COLUMNS}


def test_every_option_is_explained_and_none_that_is_not_there() -> None:
    shown = CliRunner().invoke(app, ["report", "--help"], env={"COLUMNS": "120"}).stdout
    table = _PAGE.partition("| option |")[2].partition("\n\n")[0]
    assert {*re.findall(r"--[a-z]+", table)} == {*re.findall(r"--[a-z]+", shown.partition("Options")[2])} - {"--help"}
