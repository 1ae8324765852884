"""webhook: a letter as one JSON document, posted to a URL.

For a program of one's own, or for any service that takes a webhook::

    name: own-program
    channel: webhook
    url: https://alerts.example.org/hooks/4f2a9c
    secret: ${HOOK_SECRET}
    headers: {Authorization: "Bearer ${HOOK_TOKEN}"}

``url`` counts as a secret as a whole (``url_file`` reads it from a file): its
host is all that is ever shown. ``method`` is POST, or PUT. ``timeout`` (10 s)
holds for the whole exchange. ``ca_file`` trusts a server of one's own.
``rides_on`` names services and providers that the letter passes through; none
is known for an address of one's own.

The body is the document that docs/alert.schema.json describes. Its
``conversation`` is the same for every letter of an incident, its ``key`` for
every try of a letter: whoever ignores keys that it has seen takes each letter
once, also after a crash here between sending and noting that it was sent.
``Idempotency-Key`` holds the key, as a string in quotes
(draft-ietf-httpapi-idempotency-key-header).

With a ``secret`` there is ``X-Lastseen-Signature: t=1666681320,v1=5257...``.
To verify: take the digits of ``t``, a dot and the raw body; compute their
HMAC-SHA256 with the secret; compare it, in constant time and as lower-case
hexadecimal, with ``v1``; refuse what is older than five minutes.

Taken means 2xx. A redirect is not followed. 3xx and 4xx are for good, but 408,
425 and 429; these, 5xx and everything else may pass, and ``Retry-After``
(seconds or a date) is honoured. The check connects, with TLS where there is
any, and asks ``OPTIONS``, which many programs refuse: only 401, 410, 500, 502,
503 and 504 say that a letter would not be taken either.

Sources: RFC 9110 (statuses, Retry-After), RFC 2104 (HMAC).
"""

import json
import time
from typing import ClassVar, Literal

import aiohttp
from pydantic import Field
from typing_extensions import override

from monitor.domain.alert import ChannelSettings, Letter
from monitor.domain.settings import Secret
from monitor.net.api import ApiSettings, Call, SecretUrl, call, deliver, host_of
from monitor.net.http import Headers
from monitor.wire.signature import sign

_UNFIT = (401, 410, 500, 502, 503, 504)


class WebhookSettings(ApiSettings):
    """Settings of the webhook channel."""

    url: SecretUrl
    method: Literal["POST", "PUT"] = "POST"
    headers: Headers = Field(default={})
    secret: Secret | None = None

    @property
    @override
    def urls(self) -> tuple[str, ...]:
        return (self.url.get_secret_value(),)

    @property
    @override
    def place(self) -> str:
        return host_of(self.url)


class WebhookChannel:
    """See the module's docstring."""

    settings_type: ClassVar[type[ChannelSettings]] = WebhookSettings

    def __init__(self, settings: WebhookSettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session

    async def send(self, letter: Letter) -> str:
        """Post the letter's document."""
        body = json.dumps(dict(letter.document), separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": json.dumps(letter.key),
            **self._headers(),
        }
        secret = self._settings.secret
        if secret is not None:
            headers["X-Lastseen-Signature"] = sign(secret.get_secret_value().encode(), int(time.time()), body)
        await deliver(self._session, self._call(self._settings.method, headers, body))
        return ""

    async def check(self) -> None:
        """Ask what the address takes."""
        reply = await call(self._session, self._call("OPTIONS", self._headers()))
        if reply.status in _UNFIT:
            raise reply.refusal()

    def _headers(self) -> dict[str, str]:
        return {name: value.get_secret_value() for name, value in self._settings.headers.items()}

    def _call(self, method: str, headers: dict[str, str], body: bytes = b"") -> Call:
        settings = self._settings
        return Call(url=settings.url.get_secret_value(), method=method, headers=headers, body=body, settings=settings)
