"""The CSV as RFC 4180 has it, and as spreadsheets take it."""

import csv
import io
import re

import pytest
from hypothesis import given, settings

from monitor.reports.findings import Findings
from monitor.reports.spreadsheet import COLUMNS, as_csv
from tests.formats.test_spreadsheet import parse
from tests.reports.months import booked, october, running
from tests.reports.papers import EVIL, HOSTILE_FINDINGS, eventful, findings
from tests.reports.test_paper import S


def rows(made: Findings) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(made))))


@given(HOSTILE_FINDINGS)
@settings(max_examples=40)
def test_whatever_services_are_called_no_cell_is_a_formula_and_no_line_is_torn(made: Findings) -> None:
    text = as_csv(made)
    text.encode()
    header, *records = parse(text)
    assert header == list(COLUMNS)
    assert len(records) == sum(1 + len(service.components) for service in made.services)
    for record in records:
        assert len(record) == len(COLUMNS)
        for column, cell in zip(header, record, strict=True):
            number = column.endswith("_seconds") and re.fullmatch(r"-?[\d.]+", cell)
            assert number or not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))  # noqa: RUF001  # meant
            assert not re.search(r"[\x00-\x1f\x7f]", cell)


def test_a_service_has_a_line_and_so_has_each_component() -> None:
    bad, c, fine, x = rows(eventful())
    assert [(row["service"], row["component"]) for row in (bad, c, fine, x)] == [
        *(("s", ""), ("s", "c"), ("t", ""), ("t", "x")),
    ]
    assert (bad["first_day"], bad["last_day"], bad["is_over"]) == ("2026-10-01", "2026-10-31", "yes")
    assert bad["title"] == f"S {EVIL}"
    down, counted = 14_100.0, 31 * 86_400 - 10_800 - 6300
    assert float(bad["availability"]) == pytest.approx(1 - down / counted, abs=1e-6)
    assert float(bad["coverage"]) == pytest.approx(1 - 6300 / (31 * 86_400), abs=1e-6)
    assert [float(bad[f"{name}_seconds"]) for name in ("down", "planned", "unknown", "unrecorded", "degraded")] == [
        *(down, 10_800, 6300, 0, 2100),
    ]
    assert (bad["outages"], bad["slow"], bad["outage_seconds"]) == ("3", "1", "14100.0")
    assert float(bad["mttr_seconds"]) == (1800 + 10_500) / 2
    assert float(bad["mtbf_seconds"]) == (counted - down) / 3
    assert float(bad["budget_seconds"]) == pytest.approx(counted / 1000)
    assert float(bad["budget_left_seconds"]) == pytest.approx(counted / 1000 - down)
    assert (bad["objective"], bad["objective_met"], fine["objective_met"]) == ("0.999", "no", "yes")
    assert (fine["availability"], fine["mttr_seconds"], c["objective"]) == ("1.0", "", "")


def test_a_share_is_never_rounded_up_to_one() -> None:
    (row,) = rows(findings([(S, [booked(1, down=0.001)])], [], running(october("02T00:00:00"))))
    assert row["availability"] == "0.999999"


def test_what_nobody_saw_is_empty() -> None:
    (row,) = rows(findings([(S, [])], []))
    assert (row["availability"], row["coverage"], row["objective_met"], row["budget_seconds"]) == ("", "0.0", "", "")
    assert float(row["unrecorded_seconds"]) == 31 * 86_400
