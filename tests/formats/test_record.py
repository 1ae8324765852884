"""Windows as JSON, and what notes change about them."""

import json
from typing import Any

from hypothesis import given

from monitor.domain.words import Cause, Kind, Reach
from monitor.formats.edition import Edition
from monitor.formats.record import report_as_json
from monitor.formats.report import Report, report
from tests.formats.examples import EDITION, EDITIONS, HOSTILE, realistic
from tests.support.windows import NOW, a_note, acme_planned, signal_open, whatsapp_2022


def texts(value: Any) -> list[str]:
    """Every text in a document."""
    if isinstance(value, dict):
        return [text for item in (*value, *value.values()) for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@given(HOSTILE, EDITIONS)
def test_whatever_servers_and_people_said_every_text_is_bounded_and_strict_json(
    reports: list[Report], edition: Edition
) -> None:
    for one in reports:
        document = report_as_json(one, edition)
        assert json.loads(json.dumps(document, allow_nan=False)) == document
        for text in texts({key: value for key, value in document.items() if key not in ("id", "permalink")}):
            assert len(text) <= 4000
            assert text.replace("\n", "").isprintable() or "\u200d" in text or "\u200c" in text


def test_every_window_has_the_same_fields() -> None:
    assert len({tuple(report_as_json(one, EDITION)) for one in realistic()}) == 1


def test_the_duration_of_what_lasts_is_so_far() -> None:
    assert report_as_json(report(signal_open()), EDITION)["duration"] == 200
    assert report_as_json(report(signal_open()), Edition(now=NOW + 100, site="x"))["duration"] == 300
    assert report_as_json(report(whatsapp_2022()), EDITION)["duration"] == 10500
    assert report_as_json(report(whatsapp_2022()), Edition(now=NOW, site="x"))["permalink"] is None


def test_the_latest_note_has_the_last_word_and_the_judged_word_is_kept() -> None:
    window = whatsapp_2022()
    first = a_note(window, at=NOW, changes=(("kind", "degraded"), ("cause", "dependency")))
    last = a_note(window, at=NOW + 1, changes=(("kind", "intermittent"), ("reach", "regional")))
    made = report(window, [last, first])
    assert (made.window.kind, made.window.reach, made.window.cause) == (
        Kind.INTERMITTENT,
        Reach.REGIONAL,
        Cause.DEPENDENCY,
    )
    document = report_as_json(made, EDITION)
    assert document["amended"]["kind"] == {"from": "total", "to": "intermittent"}
    assert [note["changes"] for note in document["notes"]] == [dict(first.changes), dict(last.changes)]


def test_planned_and_outage_can_be_said_and_taken_back() -> None:
    window = whatsapp_2022()
    planned = report(window, [a_note(window, changes=(("planned", "yes"), ("outage", "no")))])
    assert planned.is_planned
    assert not planned.is_outage
    taken_back = report(window, [*planned.notes, a_note(window, at=NOW + 1e6, changes=(("outage", "yes"),))])
    assert taken_back.is_outage
    assert dict(taken_back.amended) == {"planned": ("no", "yes")}
    unplanned = report(acme_planned(), [a_note(acme_planned(), changes=(("planned", "no"),))])
    assert not unplanned.is_planned


def test_what_another_version_wrote_changes_nothing() -> None:
    window = whatsapp_2022()
    odd = a_note(window, changes=(("colour", "red"), ("kind", "apocalyptic"), ("planned", "perhaps")))
    assert report(window, [odd]).window == window
    assert not report(window, [odd]).amended
