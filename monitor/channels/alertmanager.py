"""alertmanager: a letter as an alert of Prometheus's Alertmanager.

For those whose routes, silences and receivers are there already::

    name: alertmanager
    channel: alertmanager
    url: ["http://alertmanager-1.example.org:9093", "http://alertmanager-2.example.org:9093"]
    headers: {Authorization: "Bearer ${ALERTMANAGER_TOKEN}"}

``url`` is one address or those of all members of a cluster: the alert goes to
each, and is taken when one of them took it, as Prometheus does it. A path in
front of the API is part of it. ``ca_file`` trusts servers of one's own;
``timeout`` (10 s) holds for each exchange.

The alert is called ``LastseenOutage``. Its further labels are ``conversation``,
``severity``, and the letter's own (service, provider, breadth, reach, kind,
cause, vantage), as far as they are known. Annotations are
``summary`` (the title) and ``description`` (the text); ``generatorURL`` is the
outage's page. It starts when the outage did. Once it is over the alert ends
when the outage did; until then its end is ``hold`` (24h) after the letter, so
that it neither vanishes after Alertmanager's ``resolve_timeout`` nor stays for
ever when nobody is left to close it. ``hold`` must be longer than the time
between two reminders.

The same labels are the same alert: a letter that comes twice is one alert, and
a reminder renews it. Where an outage becomes wider, its labels change: the
alert with the old ones is ended in the same call. Group by ``conversation`` to
have one notification of both.

Failures: as of any HTTP API. 400 and other 4xx are for good, but 408, 425 and
429; 5xx and everything else may pass. The check asks ``/-/ready``; one member
that is ready will do.

Sources: Alertmanager's api/v2/openapi.yaml (postAlerts), its configuration
(resolve_timeout) and management API; prometheus/notifier (sends to all).
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

import aiohttp
from pydantic import AfterValidator, BeforeValidator, Field
from typing_extensions import override

from monitor.domain.alert import ChannelFailed, ChannelSettings, Letter
from monitor.domain.settings import Duration, as_tuple
from monitor.domain.words import Event
from monitor.net.api import ApiSettings, Call, Reply, SecretUrl, deliver, host_of
from monitor.net.http import Headers

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRIAL = 300.0
"""Seconds after which the alert of a test ends by itself."""


def _check_urls(urls: tuple[SecretUrl, ...]) -> tuple[SecretUrl, ...]:
    if not urls:
        raise ValueError("no URL")
    return urls


class AlertmanagerSettings(ApiSettings):
    """Settings of the alertmanager channel."""

    url: Annotated[tuple[SecretUrl, ...], BeforeValidator(as_tuple), AfterValidator(_check_urls)]
    headers: Headers = Field(default={})
    hold: Annotated[Duration, Field(ge=300)] = 86400.0

    @property
    @override
    def urls(self) -> tuple[str, ...]:
        return tuple(url.get_secret_value() for url in self.url)

    @property
    @override
    def place(self) -> str:
        return ", ".join(dict.fromkeys(host_of(url) for url in self.url))


class AlertmanagerChannel:
    """See the module's docstring."""

    settings_type: ClassVar[type[ChannelSettings]] = AlertmanagerSettings

    def __init__(self, settings: AlertmanagerSettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session

    async def send(self, letter: Letter) -> str:
        """Post the alert, and the end of the one before when its labels were others. Returns the labels."""
        labels, before = _labels(letter), _read(letter.thread)
        alerts = [_alert(letter, labels, self._end(letter))]
        if before and before != labels:
            alerts.append(_alert(letter, before, letter.decided))
        body = json.dumps(alerts).encode()
        await self._any([self._ask("POST", url, "/api/v2/alerts", body) for url in self._settings.urls])
        return json.dumps(labels, sort_keys=True)

    async def check(self) -> None:
        """Whether one of them is ready."""
        await self._any([self._ask("GET", url, "/-/ready") for url in self._settings.urls])

    def _end(self, letter: Letter) -> float:
        if letter.event is Event.CLOSED:
            return letter.decided if letter.ended is None else letter.ended
        return letter.decided + (_TRIAL if letter.event is Event.TEST else self._settings.hold)

    async def _ask(self, method: str, url: str, path: str, body: bytes = b"") -> Reply:
        headers = {name: value.get_secret_value() for name, value in self._settings.headers.items()}
        if body:
            headers["Content-Type"] = "application/json"
        call = Call(url=url.rstrip("/") + path, method=method, headers=headers, body=body, settings=self._settings)
        return await deliver(self._session, call)

    async def _any(self, attempts: Sequence[Awaitable[Reply]]) -> None:
        """Return when one of them succeeded; else raise the failure that leaves most hope."""
        results = await asyncio.gather(*attempts, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        for failure in failures:
            if not isinstance(failure, ChannelFailed):
                raise failure
        if len(failures) == len(results):
            raise min(failures, key=lambda failure: isinstance(failure, ChannelFailed) and failure.permanent)


def _labels(letter: Letter) -> dict[str, str]:
    own = {"alertname": "LastseenOutage", "conversation": letter.conversation, "severity": str(letter.severity)}
    named = {name: str(value) for name, value in letter.labels.items() if _NAME.fullmatch(name) and value}
    return {**named, **own}


def _alert(letter: Letter, labels: Mapping[str, str], end: float) -> dict[str, Any]:
    alert = {
        "labels": labels,
        "annotations": {"summary": letter.title, "description": letter.text},
        "startsAt": _stamp(letter.started),
        "endsAt": _stamp(max(end, letter.started)),
    }
    return {**alert, "generatorURL": letter.link} if letter.link else alert


def _read(thread: str) -> dict[str, str]:
    """The labels of the letter before; none where there was none."""
    try:
        found = json.loads(thread)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _stamp(seconds: float) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
