"""docs/alert.schema.json describes the documents that channels hand over: every one of them, and every field."""

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types

from monitor.alerting.scribe import Knowledge, Scribe
from monitor.channels.webhook import WebhookSettings
from monitor.domain.alert import Blindness, Detour, Message, Post, Way
from monitor.domain.outage import Window
from monitor.domain.words import Breadth, Cause, Event, Kind, Layer, Reach, Reason, Severity, Status, VantageState
from monitor.formats.record import report_as_json
from tests.formats.examples import EDITION, EDITIONS, HOSTILE, realistic
from tests.support.letters import a_letter
from tests.support.monitor import ROOT
from tests.support.windows import NOW

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs/alert.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
OUTAGE = Draft202012Validator({**SCHEMA["$defs"]["outage"], "$defs": SCHEMA["$defs"]})
_OUTAGE = SCHEMA["$defs"]["outage"]["properties"]
WAY = Way(name="hook", kind="webhook", settings=WebhookSettings.model_validate({"url": "https://h.example/"}))


def scribe() -> Scribe:
    return Scribe(
        Knowledge(
            edition=lambda: EDITION,
            quiet=lambda: 900.0,
            instead=lambda window: ("Signal",),
            acknowledge=lambda window_id: "",
            routes=dict,
        )
    )


def messages() -> Iterator[Message]:
    common = {"route": "oncall", "severity": Severity.MAJOR, "decided": NOW}
    windows = [found.window for found in realistic()]
    for number, window in enumerate(windows, start=1):
        for event in Event:
            yield _message(common, conversation=window.id, number=number, event=event, windows=(window,))
    yield _message(common, conversation="more:1", number=1, event=Event.OPENED, windows=tuple(windows))
    for end, event in ((None, Event.OPENED), (NOW, Event.CLOSED)):
        blind = Blindness(vantage="fra-1", state=VantageState.OFFLINE, start=NOW - 60, end=end)
        yield _message(common, conversation="blind:fra-1", number=1, event=event, blind=blind)
    yield _message(common, conversation="test", number=1, event=Event.TEST)


def _message(common: dict[str, Any], **values: Any) -> Message:
    return Message(**common, **values)


def described(value: Any, schema: dict[str, Any]) -> bool:
    """Whether every field of an object, however deep, has a place in the schema."""
    schema = _resolved(schema)
    if isinstance(value, list):
        return all(described(item, schema["items"]) for item in value)
    if not isinstance(value, dict):
        return True
    if "properties" not in schema:
        return all(described(item, schema["additionalProperties"]) for item in value.values())
    return all(
        name in schema["properties"] and described(item, schema["properties"][name]) for name, item in value.items()
    )


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in schema:
        schema = schema["anyOf"][0]
    if "$ref" in schema:
        found: dict[str, Any] = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("message", list(messages()), ids=lambda message: f"{message.conversation}-{message.event}")
def test_every_letter_that_is_written_fits(message: Message) -> None:
    post = Post(message=message, detours=(Detour(channel="tg", why="telegram is down", at=NOW),))
    document = json.loads(json.dumps(dict(scribe().letter(post, WAY, "fr", NOW + 240).document)))
    VALIDATOR.validate(document)
    assert described(document, SCHEMA)


def test_the_letters_of_these_tests_are_like_those_that_are_written() -> None:
    message = next(messages())
    written = dict(scribe().letter(Post(message=message), WAY, "en", NOW).document)
    assert sorted(a_letter().document) == sorted(written)
    VALIDATOR.validate(json.loads(json.dumps(dict(a_letter().document))))


@pytest.mark.parametrize(
    ("place", "vocabulary"),
    [
        (SCHEMA["properties"]["event"], Event),
        (SCHEMA["properties"]["severity"], Severity),
        (SCHEMA["$defs"]["blind"]["properties"]["state"], VantageState),
        (_OUTAGE["status"], Status),
        (_OUTAGE["breadth"], Breadth),
        (_OUTAGE["reach"], Reach),
        (_OUTAGE["kind"], Kind),
        (_OUTAGE["cause"], Cause),
        (_OUTAGE["layer"], Layer),
        (_OUTAGE["reason"], Reason),
    ],
)
def test_the_words_are_those_of_the_closed_lists(place: dict[str, Any], vocabulary: type[StrEnum]) -> None:
    assert {word for word in place["enum"] if word is not None} == {str(word) for word in vocabulary}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(reports=HOSTILE, edition=EDITIONS)
def test_whatever_servers_and_people_wrote_an_outage_fits(reports: list[Any], edition: Any) -> None:
    for found in reports:
        OUTAGE.validate(json.loads(json.dumps(report_as_json(found, edition))))


def test_what_an_outage_has_the_schema_requires() -> None:
    windows: list[Window] = [found.window for found in realistic()]
    assert windows
    for found in realistic():
        record = report_as_json(found, EDITION)
        assert sorted(SCHEMA["$defs"]["outage"]["required"]) == sorted(record)
        assert described(json.loads(json.dumps(record)), SCHEMA["$defs"]["outage"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2},
        {"event": "burning"},
        {"link": 5},
        {"decided": "2022-10-25"},
        {"outages": [{}]},
        {"labels": {"a": 1}},
    ],
)
def test_what_is_no_alert_does_not_fit(wrong: dict[str, Any]) -> None:
    document = json.loads(json.dumps(dict(a_letter().document)))
    assert not VALIDATOR.is_valid({**document, **wrong})
    assert not VALIDATOR.is_valid({name: value for name, value in document.items() if name != "key"})
