"""statuspage: what does a provider say of itself?

News, never evidence: providers often say nothing for half an hour, and sometimes
nothing at all. The feed of a status page is read, and what it claims is noted, so
that "the provider acknowledged it after 23 min" can be told. Whether the service
is up, other probes find out. An interval of 5 minutes is enough::

    probe: statuspage
    interval: 5m
    format: atlassian
    url: "https://status.example.org/api/v2/summary.json"
    component: Messaging

``format`` is one of

- ``atlassian``: Statuspage, ``PAGE/api/v2/summary.json``; ``component`` is one of
  its components. Minor, major and partial trouble is degraded, critical is down.
- ``slack``: ``https://slack-status.com/api/v2.0.0/current``; ``component`` is one
  of its services. An incident is degraded, an outage is down, a notice is neither.
- ``google``: ``https://www.google.com/appsstatus/dashboard/incidents.json``;
  ``product`` is one of the products. A service outage is down, any other incident
  that has not ended is degraded.
- ``meta``: ``https://metastatus.com/data/orgs.json`` (the products for
  businesses only); ``product`` is one of them, ``component`` one of its services.
  High and major disruptions are down, others degraded.
- ``apple``: ``https://www.apple.com/support/systemstatus/data/system_status_en_US.js``;
  ``product`` is one of the services. An outage is down, an issue degraded.
- ``microsoft``: ``https://status.cloud.microsoft/api/posts/m365Consumer``;
  ``product`` is one of the services. An interruption is down, any other word than
  those for good health is degraded.

``product`` and ``component`` are names or ids, in any case; without them the whole
feed counts, and of several claims the worst::

    probe: statuspage
    interval: 5m
    format: google
    url: "https://www.google.com/appsstatus/dashboard/incidents.json"
    product: Google Chat

At most ``limit`` bytes (2 MiB) are read; a longer feed is a failure. Redirects are
not followed. ``tls`` is explained with the tls probe.

Phases: resolve, connect, tls (https), request (until the first byte of the
answer), response.
Facts: claim (``fine``, ``maintenance``, ``degraded`` or ``down``), claim_text (at
most 500 characters), claim_since.
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*,
http/status, http/denied, http/size, http/json (not such a feed, or one that does
not know the product or component), http/malformed, http/closed, http/reset,
http/timeout: of the feed, not of the service. A status 429 or 421, or 503 with
Retry-After, asks us to come back later, and says when.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import ProbeSettings, Tls
from monitor.domain.words import LAYER_OF_PHASE, Claim, Fact, Layer, Phase, Reason
from monitor.net.http import Response, encode_request, exchange, status_failure
from monitor.net.network import Network
from monitor.net.pool import member
from monitor.net.url import HttpUrls, Url
from monitor.wire.claims import Wanted, read

_BY_PRODUCT = ("apple", "google", "meta", "microsoft")
_BY_COMPONENT = ("atlassian", "meta", "slack")


class StatuspageSettings(ProbeSettings):
    """Settings of the statuspage probe."""

    evidence: ClassVar[bool] = False

    url: HttpUrls
    format: Literal["apple", "atlassian", "google", "meta", "microsoft", "slack"]
    product: str | None = Field(default=None, min_length=1)
    component: str | None = Field(default=None, min_length=1)
    limit: int = Field(default=2 << 20, ge=1024, le=16 << 20)
    tls: Tls = Tls()

    @property
    @override
    def endpoint(self) -> str:
        return self.url[0].partition("?")[0]

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if self.product is not None and self.format not in _BY_PRODUCT:
            raise ValueError(f"format {self.format} knows no product; write component")
        if self.component is not None and self.format not in _BY_COMPONENT:
            raise ValueError(f"format {self.format} knows no component; write product")
        return self


class StatuspageProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = StatuspageSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: StatuspageSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._urls = [Url.parse(text) for text in settings.url]
        self._places = [url.endpoint for url in self._urls]
        self._wanted = Wanted(product=settings.product, component=settings.component)

    async def attempt(self, run: Run) -> None:
        """Fetch the feed, and note what it claims."""
        response = await self._fetch(run, self._urls[member(run, self._places)])
        if response.status != 200:
            raise status_failure(run, response, self._network.now())
        if response.truncated:
            raise run.failed(Reason.SIZE, f"a feed of more than {self._settings.limit} bytes")
        try:
            claim = read(self._settings.format, response.body, self._wanted)
        except ValueError as error:
            raise run.failed(Reason.JSON, str(error)) from error
        run.facts[Fact.CLAIM] = Claim(claim.level)
        if claim.text:
            run.facts[Fact.CLAIM_TEXT] = claim.text
        if claim.since is not None:
            run.facts[Fact.CLAIM_SINCE] = claim.since

    async def _fetch(self, run: Run, url: Url) -> Response:
        settings = self._settings
        headers = {"User-Agent": self._network.user_agent, "Accept": "application/json, */*;q=0.1"}
        async with await self._network.connect(run, url.endpoint, settings.route) as stream:
            if url.secure:
                await stream.start_tls(settings.tls, url.endpoint.host)
            response = await exchange(run, stream, encode_request("GET", url, headers), limit=settings.limit)
        run.answer = response
        run.facts[Fact.HTTP_STATUS] = response.status
        run.facts[Fact.HTTP_BODY_BYTES] = len(response.body)
        return response
