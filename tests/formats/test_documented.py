"""docs/outages.md names every field there is."""

import re
from pathlib import Path

from monitor.formats.record import report_as_json
from monitor.formats.spreadsheet import COLUMNS
from tests.formats.examples import EDITION, realistic

_OF_ONE_ALONE = ("acknowledged", "claims")
_PAGE = (Path(__file__).parents[2] / "docs/outages.md").read_text()


def test_every_field_of_a_window_is_explained_and_none_that_is_not_there() -> None:
    table = _PAGE.partition("## One window")[2].partition("##")[0]
    explained = [
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    ]
    assert sorted(explained) == sorted([*report_as_json(realistic()[0], EDITION), *_OF_ONE_ALONE])


def test_a_line_of_csv_has_no_field_that_json_has_not() -> None:
    assert set(COLUMNS) - {"duration_seconds"} <= set(report_as_json(realistic()[0], EDITION))
