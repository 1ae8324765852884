"""The pagerduty channel: the event as the Events API v2 wants it."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from pydantic import ValidationError

from monitor.channels.pagerduty import PagerdutyChannel, PagerdutySettings
from monitor.domain.alert import ChannelFailed, Letter
from monitor.domain.words import Event, Severity
from tests.support.letters import LINK, TEXT, TITLE, a_letter
from tests.support.webhooks import Hook, hook

_TEXT = {"type": "string", "minLength": 1}
SCHEMA = {
    "type": "object",
    "required": ["routing_key", "event_action", "dedup_key", "payload"],
    "additionalProperties": False,
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        "client": _TEXT,
        "client_url": _TEXT,
        "links": {"type": "array", "items": {"required": ["href"], "properties": {"href": _TEXT, "text": _TEXT}}},
        "payload": {
            "type": "object",
            "required": ["summary", "source", "severity"],
            "additionalProperties": False,
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "source": _TEXT,
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": {"type": "string"},
                "component": {"type": "string"},
                "group": {"type": "string"},
                "class": {"type": "string"},
                "custom_details": {"type": "object"},
            },
        },
    },
}
"""After developer.pagerduty.com/docs/events-api-v2/trigger-events."""
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


@pytest.fixture
async def there() -> AsyncIterator[Hook]:
    async with hook() as found:
        found.status = 202
        yield found


def channel(session: aiohttp.ClientSession, port: int) -> PagerdutyChannel:
    values = {"url": f"http://127.0.0.1:{port}/v2/enqueue", "routing_key": KEY}
    return PagerdutyChannel(PagerdutySettings.model_validate(values), session)


async def sent(session: aiohttp.ClientSession, there: Hook, letter: Letter) -> dict[str, Any]:
    await channel(session, there.port).send(letter)
    event: dict[str, Any] = there.taken[-1].json()
    Draft202012Validator(SCHEMA).validate(event)
    return event


async def test_an_outage_triggers(session: aiohttp.ClientSession, there: Hook) -> None:
    letter = a_letter()
    event = await sent(session, there, letter)
    assert event["routing_key"] == KEY
    assert event["event_action"] == "trigger"
    assert event["dedup_key"] == letter.conversation
    assert event["client_url"] == LINK
    payload = event["payload"]
    assert payload["summary"] == TITLE
    assert payload["severity"] == "critical"
    assert payload["source"] == "whatsapp"
    assert payload["custom_details"]["text"] == TEXT
    assert datetime.fromisoformat(payload["timestamp"]).timestamp() == pytest.approx(letter.started, abs=0.001)


@pytest.mark.parametrize("event", list(Event))
async def test_only_the_end_resolves(session: aiohttp.ClientSession, there: Hook, event: Event) -> None:
    found = await sent(session, there, a_letter(event=event))
    assert found["event_action"] == ("resolve" if event is Event.CLOSED else "trigger")
    assert found["dedup_key"] == a_letter().conversation


@pytest.mark.parametrize(
    ("severity", "word"), [(Severity.CRITICAL, "critical"), (Severity.MAJOR, "error"), (Severity.MINOR, "warning")]
)
async def test_severities_are_theirs(
    session: aiohttp.ClientSession, there: Hook, severity: Severity, word: str
) -> None:
    assert (await sent(session, there, a_letter(severity=severity)))["payload"]["severity"] == word


async def test_what_is_too_long_is_cut(session: aiohttp.ClientSession, there: Hook) -> None:
    letter = a_letter(
        title="x" * 3000, text="y" * 1_000_000, conversation="z" * 300, labels={"service": "s" * 9000}, link=""
    )
    event = await sent(session, there, letter)
    assert len(there.taken[0].body) < 32_768
    assert event["dedup_key"] == (await sent(session, there, letter))["dedup_key"]
    other = a_letter(conversation="z" * 299 + "a")
    assert event["dedup_key"] != (await sent(session, there, other))["dedup_key"]


async def test_a_blind_vantage_has_a_source_too(session: aiohttp.ClientSession, there: Hook) -> None:
    event = await sent(session, there, a_letter(labels={"vantage": "fra-1"}))
    assert event["payload"]["source"] == "fra-1"
    assert (await sent(session, there, a_letter(labels={})))["payload"]["source"] == "lastseen"


@pytest.mark.parametrize(("status", "permanent"), [(400, True), (403, True), (429, False), (500, False)])
async def test_what_the_api_answers_decides(
    session: aiohttp.ClientSession, there: Hook, status: int, *, permanent: bool
) -> None:
    there.status, there.body = status, b'{"status":"invalid event","errors":["canary"]}'
    with pytest.raises(ChannelFailed) as caught:
        await channel(session, there.port).send(a_letter())
    assert caught.value.permanent is permanent
    assert "canary" not in caught.value.message


async def test_a_check_sees_whether_anything_answers(session: aiohttp.ClientSession, there: Hook) -> None:
    there.status = 405
    await channel(session, there.port).check()
    there.status = 503
    with pytest.raises(ChannelFailed):
        await channel(session, there.port).check()
    assert {taken.method for taken in there.taken} == {"GET"}


def test_the_address_is_pagerdutys_unless_another_is_given() -> None:
    assert PagerdutySettings.model_validate({"routing_key": KEY}).place == "events.pagerduty.com"
    with pytest.raises(ValidationError):
        PagerdutySettings.model_validate({})
