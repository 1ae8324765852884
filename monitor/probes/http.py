r"""http, https: does a URL answer, and with what it should?

One HTTP/1.1 request on a fresh connection. The scheme of ``url`` says whether
TLS is spoken; the kinds ``http`` and ``https`` are the same probe. Without
``expect`` any status from 200 to 299 is right::

    probe: https
    url: "https://matrix.example.org/_matrix/client/versions"
    expect:
      status: 200
      header: {content-type: "^application/json"}
      json:
        versions: present
        "versions[0]": {regex: "^[rv]"}

The request: ``method`` (GET), ``headers``, ``body``, and ``auth`` with
``username`` and ``password``, or with ``token`` for a bearer token. The
User-Agent names this monitor and the operator's contact unless ``headers``
sets another. ``compression: gzip`` (or ``deflate``) asks for that coding and
undoes it; nothing is asked for by default::

    probe: https
    url: "https://api.example.org/v1/messages?to=probe"
    method: POST
    headers: {Content-Type: application/json, Accept: application/json}
    body: '{"text": "hello"}'
    auth: {username: monitor, password: not-a-real-one}
    compression: gzip
    expect:
      status: [200, 202, "3xx", "400-403"]
      not_header: {warning: "."}
      body: ["queued", '"id":\s*\d+']
      not_body: "error"
      http_version: ["1.1"]
      max_bytes: 100000

``header`` and ``not_header`` map names to regular expressions, of which each
must (must not) be found in one of the fields of that name; ``body`` and
``not_body`` are one expression or a list of them. Expressions are searched in
bytes, multi-line; nested repeats, as in ``(a+)+``, can take for ever on an
unlucky body, and hold up the whole monitor: do not write them.

``json`` maps paths to conditions: keys with dots between them, indexes in
brackets, a key that holds a dot in brackets and quotes. A condition is
``present``, ``absent``, a plain value to equal, or any of ``equals``,
``regex``, ``min``, ``max``, ``min_length``, ``max_length``::

    probe: https
    url: "https://status.example.org/summary.json"
    follow_redirects: 2
    expect:
      json:
        status.indicator: none
        "components[0].status": {regex: "^(operational|degraded)$"}
        '["m.homeserver"].base_url': present
        "incidents": {max_length: 0}
        "page.age": {min: 0, max: 300}

``genuine`` is what every answer of the provider has: ``header`` and ``body`` as
above. An answer of the URL's own origin without it is http/injected: a block
page, a captive portal's redirection, whatever its status. 5xx are left out,
they may come from any proxy of the provider's::

    probe: http
    url: "http://captive.example.com/probe.txt"
    expect:
      genuine: {header: {x-served-by: "^edge-"}}

At most ``limit`` bytes of the body (1 MiB) are read and searched, the rest is
left; with ``max_bytes`` a longer body is a failure. Redirects are followed only
when ``follow_redirects`` (0 to 10) says how many; each is a new connection.
Credentials (``auth``, and the headers Authorization, Cookie and Host) are never
sent to another origin than the URL's, and a redirect from https to http is
refused unless ``redirect_to_http`` is true. ``url`` may be a list of equal
URLs: each round asks one, in turn. ``tls`` is explained with the tls probe;
server_name and pin hold for the URL's own origin only.

Phases: resolve, connect, tls (https), request (until the first byte of the
answer), response; with redirects each adds up over the hops.
Failures: dns/*, route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*,
http/status (the HTTP version too), http/denied (an unexpected 400, 401 or 403:
the server does not want this client), http/header, http/body, http/json,
http/size (``max_bytes``, or a head beyond 64 KiB), http/redirects, http/injected,
http/malformed, http/closed, http/reset, http/timeout. An unexpected 429 or
421, or 503 with Retry-After, asks us to come back later, and says when.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.settings import ProbeSettings, Secret, Settings, Tls
from monitor.domain.text import shown
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.expect import Expect, Judge
from monitor.net.http import Headers, Response, decoded, encode_request, exchange, http_date
from monitor.net.network import Network
from monitor.net.url import HttpUrls, Url

_REDIRECTS = (301, 302, 303, 307, 308)
_PRIVATE = ("authorization", "cookie", "host")


class Auth(Settings):
    """Basic (RFC 7617) or bearer (RFC 6750) credentials."""

    username: str = ""
    password: Secret | None = None
    token: Secret | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.token is None) == (self.password is None) or (self.token is not None and self.username):
            raise ValueError("auth takes either username and password, or token")
        return self

    def header(self) -> str:
        """The value of the Authorization header."""
        if self.token is not None:
            return f"Bearer {self.token.get_secret_value()}"
        password = self.password.get_secret_value() if self.password else ""
        return f"Basic {base64.b64encode(f'{self.username}:{password}'.encode()).decode()}"


class HttpSettings(ProbeSettings):
    """Settings of the http and https probes."""

    url: HttpUrls
    method: Annotated[str, Field(pattern="^[A-Z]{1,20}$")] = "GET"
    headers: Headers = Field(default={})
    body: str = ""
    auth: Auth | None = None
    compression: Literal["none", "gzip", "deflate"] = "none"
    follow_redirects: int = Field(default=0, ge=0, le=10)
    redirect_to_http: bool = False
    limit: int = Field(default=1 << 20, ge=0)
    expect: Expect = Expect()
    tls: Tls = Tls()

    @model_validator(mode="after")
    def _check_auth(self) -> Self:
        if self.auth and any(name.lower() == "authorization" for name in self.headers):
            raise ValueError("auth and an Authorization header exclude each other")
        return self

    @property
    @override
    def endpoint(self) -> str:
        return self.url[0].partition("?")[0]


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request, ready to be sent."""

    url: Url
    method: str
    home: bool
    """Still at the origin that the user named, so that credentials may go there."""
    tls: Tls
    wire: bytes


class HttpProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = HttpSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: HttpSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._limit = max(settings.limit, settings.expect.max_bytes or 0)
        self._judge = Judge(settings.expect)
        self._headers = self._all_headers()
        self._hops = [self._hop(Url.parse(text), settings.method) for text in settings.url]

    async def attempt(self, run: Run) -> None:
        """Send the request, follow redirects as far as is allowed, and judge the final response."""
        hop = self._hops[(run.round + run.retry) % len(self._hops)]
        if len(self._hops) > 1:
            run.facts[Fact.HOST] = str(hop.url.endpoint)
        response = await self._ask(run, hop)
        redirects = 0
        while self._settings.follow_redirects and (following := self._next(run, hop, response)):
            redirects += 1
            run.facts[Fact.HTTP_REDIRECTS] = redirects
            if redirects > self._settings.follow_redirects:
                raise run.failed(Reason.REDIRECTS, f"more than {self._settings.follow_redirects} redirects")
            hop = following
            response = await self._ask(run, hop)
        run.facts[Fact.HTTP_REDIRECTS] = redirects
        self._judge.check(run, response, self._network.now)

    async def _ask(self, run: Run, hop: _Hop) -> Response:
        run.answer = None
        async with await self._network.connect(run, hop.url.endpoint, self._settings.route) as stream:
            if hop.url.secure:
                await stream.start_tls(hop.tls, hop.url.endpoint.host)
            response = await exchange(run, stream, hop.wire, limit=self._limit)
        _note(run, hop.url, response)
        if self._settings.compression != "none":
            response = decoded(run, response, self._limit)
        if hop.home:
            self._judge.check_genuine(run, response)
        return response

    def _next(self, run: Run, hop: _Hop, response: Response) -> _Hop | None:
        """The hop that a redirect leads to; None for a response that is none (RFC 9110 section 15.4)."""
        location = response.header(b"location")
        if response.status not in _REDIRECTS or location is None:
            return None
        url = self._destination(run, hop.url, location)
        rewritten = response.status == 303 or (response.status in (301, 302) and hop.method == "POST")
        method = "GET" if rewritten and hop.method != "HEAD" else hop.method
        return self._hop(url, method, home=hop.home and url.origin == hop.url.origin)

    def _destination(self, run: Run, url: Url, location: bytes) -> Url:
        """Where ``location`` leads from ``url``, if we may go there."""
        try:
            destination = url.join(location.decode("latin-1"))
        except ValueError as error:
            raise run.failed(Reason.REDIRECTS, f"a redirect that leads nowhere: {shown(location)}") from error
        if destination.scheme not in ("http", "https"):
            raise run.failed(Reason.REDIRECTS, f"a redirect away from the web: {shown(location)}")
        if url.secure and not destination.secure and not self._settings.redirect_to_http:
            raise run.failed(Reason.REDIRECTS, f"a redirect from https to http: {shown(location)}")
        if not self._network.permits(destination):
            raise run.failed(Reason.REDIRECTS, f"a redirect to where we may not go: {shown(location)}")
        return destination

    def _hop(self, url: Url, method: str, *, home: bool = True) -> _Hop:
        settings = self._settings
        if home:
            headers, tls = self._headers, settings.tls
        else:
            headers = {name: value for name, value in self._headers.items() if name.lower() not in _PRIVATE}
            tls = settings.tls.model_copy(update={"server_name": None, "pin": ()})
        body = settings.body.encode() if method == settings.method else b""
        return _Hop(url=url, method=method, home=home, tls=tls, wire=encode_request(method, url, headers, body))

    def _all_headers(self) -> dict[str, str]:
        settings = self._settings
        headers = {"User-Agent": self._network.user_agent, "Accept": "*/*"}
        if settings.compression != "none":
            headers["Accept-Encoding"] = settings.compression
        if settings.auth:
            headers["Authorization"] = settings.auth.header()
        own = {name.lower() for name in settings.headers}
        headers = {name: value for name, value in headers.items() if name.lower() not in own}
        return headers | {name: value.get_secret_value() for name, value in settings.headers.items()}


def _note(run: Run, url: Url, response: Response) -> None:
    facts = run.facts
    run.answer = response
    facts[Fact.HTTP_STATUS] = response.status
    facts[Fact.HTTP_VERSION] = response.version
    facts[Fact.HTTP_SSL] = url.secure
    facts[Fact.HTTP_BODY_BYTES] = len(response.body)
    length = response.header(b"content-length")
    facts[Fact.HTTP_CONTENT_LENGTH] = int(length) if length else -1
    modified = response.header(b"last-modified")
    if modified and (moment := http_date(modified)) is not None:
        facts[Fact.HTTP_LAST_MODIFIED] = moment
