"""CSV by the grammar of RFC 4180, written down here once more, and by what spreadsheets do with cells."""

import re

from hypothesis import given

from monitor.formats.edition import Edition
from monitor.formats.report import Report, report
from monitor.formats.spreadsheet import COLUMNS, as_csv
from tests.formats.examples import EDITION, EDITIONS, HOSTILE, realistic
from tests.support.windows import a_note, whatsapp_2022

_FIELD = re.compile(r'"((?:[^"]|"")*)"|([^",\r\n]*)')


def parse(text: str) -> list[list[str]]:
    """RFC 4180, section 2: records end with CRLF, fields may be in quotes, a quote within is doubled."""
    records: list[list[str]] = [[]]
    place = 0
    while place < len(text):
        field = _FIELD.match(text, place)
        assert field is not None
        records[-1].append(field[2] if field[1] is None else field[1].replace('""', '"'))
        place = field.end()
        if text.startswith(",", place):
            place += 1
        else:
            assert text.startswith("\r\n", place), text[place : place + 20]
            place += 2
            records.append([])
    return records[:-1]


@given(HOSTILE, EDITIONS)
def test_whatever_servers_and_people_said_no_cell_is_a_formula_and_no_line_is_torn(
    reports: list[Report], edition: Edition
) -> None:
    text = as_csv(reports, edition)
    text.encode()
    header, *records = parse(text)
    assert header == list(COLUMNS)
    assert len(records) == len(reports)
    for record in records:
        assert len(record) == len(COLUMNS)
        for cell in record:
            assert not cell.lstrip(" \t\r\n").startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))  # noqa: RUF001  # meant
            assert not re.search(r"[\x00-\x1f\x7f]", cell)


def test_times_lists_and_numbers_are_what_programs_expect() -> None:
    header, *records = parse(as_csv(realistic(), EDITION))
    over = dict(zip(header, records[3], strict=True))
    assert over["start"] == "2022-10-25T06:35:00.000Z"
    assert over["start_after"] == "2022-10-25T06:34:30.000Z"
    assert float(over["duration_seconds"]) == 10500
    assert over["components"] == "whatsapp.groups whatsapp.chat whatsapp.web"
    assert over["kind"] == "intermittent"
    assert over["notes"].startswith("2022-10-26T08:00:00.000Z ines: Meta says")
    still = dict(zip(header, records[1], strict=True))
    assert (still["end"], still["closed"], still["status"]) == ("", "", "open")


def test_a_formula_that_a_server_sent_is_text() -> None:
    window = whatsapp_2022(sentence='=HYPERLINK("http://evil.example","x")')
    (_, record) = parse(as_csv([report(window, [a_note(window, author="@x")])], EDITION))
    assert record[COLUMNS.index("sentence")] == '\'=HYPERLINK("http://evil.example","x")'
