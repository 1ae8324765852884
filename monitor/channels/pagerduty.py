"""pagerduty: a letter as an event of the Events API v2.

For PagerDuty, and for what speaks its API::

    name: pagerduty
    channel: pagerduty
    routing_key: ${PAGERDUTY_KEY}

``routing_key`` is the integration key of a service with the integration "Events
API v2". ``url`` (https://events.pagerduty.com/v2/enqueue) is another address of
the same API, such as https://events.eu.pagerduty.com/v2/enqueue; it counts as a
secret. ``ca_file`` trusts a server of one's own; ``timeout`` (10 s) holds for
the whole exchange.

The ``dedup_key`` is the conversation's: every letter of an incident but the last
is a ``trigger`` of the same alert, the last one its ``resolve``. A letter that
comes twice is noted twice in one alert. ``severity``: critical is critical,
major is error, minor is warning, a test is info. A test must be resolved by
hand. Summary, text and labels are cut to what the API takes.

Failures: 400 (an invalid key or event) and other 4xx are for good, but 408, 425
and 429; these, 5xx and everything else may pass. The API takes no question that
would prove a key without an event: the check asks the address with ``GET``, and
sees whether anything answers there.

Sources: developer.pagerduty.com/docs/events-api-v2 (overview, trigger-events).
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import aiohttp
from pydantic import SecretStr
from typing_extensions import override

from monitor.domain.alert import ChannelSettings, Letter
from monitor.domain.settings import Secret
from monitor.domain.words import Event, Severity
from monitor.net.api import ApiSettings, Call, SecretUrl, call, deliver, host_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = 255
_SUMMARY = 1024
_DETAIL = 8192
_SEVERITIES: Mapping[Severity, str] = {
    Severity.CRITICAL: "critical",
    Severity.MAJOR: "error",
    Severity.MINOR: "warning",
}


class PagerdutySettings(ApiSettings):
    """Settings of the pagerduty channel."""

    routing_key: Secret
    url: SecretUrl = SecretStr("https://events.pagerduty.com/v2/enqueue")

    @property
    @override
    def urls(self) -> tuple[str, ...]:
        return (self.url.get_secret_value(),)

    @property
    @override
    def place(self) -> str:
        return host_of(self.url)


class PagerdutyChannel:
    """See the module's docstring."""

    settings_type: ClassVar[type[ChannelSettings]] = PagerdutySettings

    def __init__(self, settings: PagerdutySettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session

    async def send(self, letter: Letter) -> str:
        """Post the event."""
        settings = self._settings
        event: dict[str, Any] = {
            "routing_key": settings.routing_key.get_secret_value(),
            "event_action": "resolve" if letter.event is Event.CLOSED else "trigger",
            "dedup_key": _key(letter.conversation),
            "payload": _payload(letter),
            "client": "lastseen",
        }
        if letter.link:
            event["client_url"] = letter.link
            event["links"] = [{"href": letter.link, "text": letter.title}]
        headers = {"Content-Type": "application/json"}
        body = json.dumps(event).encode()
        await deliver(
            self._session, Call(url=settings.url.get_secret_value(), headers=headers, body=body, settings=settings)
        )
        return ""

    async def check(self) -> None:
        """Whether anything answers there."""
        settings = self._settings
        reply = await call(self._session, Call(url=settings.url.get_secret_value(), method="GET", settings=settings))
        if reply.status >= 500:
            raise reply.refusal()


def _key(conversation: str) -> str:
    return conversation if len(conversation) <= _KEY else hashlib.sha256(conversation.encode()).hexdigest()


def _payload(letter: Letter) -> dict[str, Any]:
    labels = letter.labels
    return {
        "summary": letter.title[:_SUMMARY],
        "source": (labels.get("service") or labels.get("provider") or labels.get("vantage") or "lastseen")[:_SUMMARY],
        "severity": "info" if letter.event is Event.TEST else _SEVERITIES[letter.severity],
        "timestamp": (_EPOCH + timedelta(seconds=letter.started)).isoformat(timespec="milliseconds"),
        "group": labels.get("provider", ""),
        "class": str(letter.event),
        "custom_details": {
            **{name: value[:_SUMMARY] for name, value in labels.items()},
            "event": str(letter.event),
            "text": letter.text[:_DETAIL],
        },
    }
