"""matrix: does a Matrix homeserver serve its clients, or other servers, and is it the one that it should be?

What is asked for is a server name, the part of ``@user:example.org`` after the
colon; where the server is, is found as Matrix clients and servers find it. The
side of the clients is asked unless another is named::

    probe: matrix
    server: example.org

It follows ``.well-known/matrix/client`` (without one, the name itself is asked),
reads ``/versions``, and asks for ``/sync`` without a token: the application
behind all front ends must miss it (M_MISSING_TOKEN). ``homeserver`` is a URL (or
a list of equal ones, of which each round asks one) in place of the one that
would be found. With the token of an account, that must be known and ``/sync``
must succeed; no events are asked for, and nobody sees that the account was there::

    probe: matrix
    server: example.org
    homeserver: "https://matrix.example.org"
    access_token_file: /etc/lastseen/matrix

The side of the other servers::

    probe: matrix
    server: example.org
    side: federation

It finds the server by ``.well-known/matrix/server``, SRV records
(``_matrix-fed._tcp``, then ``_matrix._tcp``; of several hosts each round asks
one) or port 8448, in the order of the specification, reads the version, and
verifies the published keys: every Ed25519 key must have signed them, for this
server name, and be valid still. A .well-known that gives nothing is passed over,
as servers do; what went wrong there is told if nothing else succeeds.

Redirects of .well-known are followed, five at most, and nothing leads from https
to http. ``tls`` is explained with the tls probe; server_name and pin hold for
the homeserver, not for .well-known.

Phases: resolve, connect, tls, request, response, handshake (what an answer
says), login; they add up over the requests, of which those to the homeserver
share a connection.
Failures: dns/*, dns/answer (an SRV record says that it does not federate),
route/unreachable, tcp/refused, tcp/reset, tcp/timeout, tls/*; http/status,
http/denied, http/redirects (too many, or to where we may not go),
http/malformed, http/closed, http/size, http/reset, http/timeout;
handshake/malformed (not what Matrix says), handshake/size (more than 64 KiB, or
1 MiB of /sync), handshake/expect (/sync without a token is not refused as it
should be), handshake/host_unknown (the keys are of another server name),
handshake/key (no key, an unsigned one, or one out of date),
handshake/signature; login/rejected. A status 429 or 421, or 503 with
Retry-After, asks us to come back later, and says when.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Literal, Self, TypeVar
from urllib.parse import quote

from pydantic import AfterValidator, model_validator
from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.endpoints import is_by_address
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Endpoint, ProbeSettings, Secret, Tls
from monitor.domain.text import shown
from monitor.domain.words import LAYER_OF_PHASE, Fact, Layer, Phase, Reason
from monitor.net.http import Response, status_failure
from monitor.net.network import Network
from monitor.net.services import srv_records
from monitor.net.talk import Place, Talk
from monitor.net.url import HttpUrls, Url
from monitor.wire import matrix as wire

_REDIRECTS = 5
_MOVED = (301, 302, 303, 307, 308)
_PORT = 8448
_SYNC_LIMIT = 1 << 20
# No room, no presence, no account data: the answer is small whatever the account has joined.
_NOTHING = '{"presence":{"types":[]},"account_data":{"types":[]},"room":{"rooms":[]}}'
_T = TypeVar("_T")


def _check_server(text: str) -> str:
    Endpoint.parse(text, _PORT)
    if text.count(":") > 1 and not text.startswith("["):
        raise ValueError("an IPv6 address in a server name stands in brackets")
    return text


def _check_token(token: Secret) -> Secret:
    text = token.get_secret_value()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("not an access token")
    return token


class MatrixSettings(ProbeSettings):
    """Settings of the matrix probe."""

    server: Annotated[str, AfterValidator(_check_server)]
    side: Literal["client", "federation"] = "client"
    homeserver: HttpUrls = ()
    access_token: Annotated[Secret, AfterValidator(_check_token)] | None = None
    tls: Tls = Tls()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.side == "federation" and (self.homeserver or self.access_token):
            raise ValueError("homeserver and access_token are for the side of the clients")
        if self.access_token and not all(Url.parse(text).secure for text in self.homeserver):
            raise ValueError("an access token is sent through https only")
        return self

    @property
    @override
    def endpoint(self) -> str:
        return self.server if self.side == "client" else f"{self.server}/federation"


class MatrixProbe:
    """See the module's docstring."""

    settings_type: ClassVar[type[ProbeSettings]] = MatrixSettings
    layers: ClassVar[Mapping[Phase, Layer]] = LAYER_OF_PHASE

    def __init__(self, settings: MatrixSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._foreign_tls = settings.tls.model_copy(update={"server_name": None, "pin": ()})

    async def attempt(self, run: Run) -> None:
        """Find the server and ask it, from the side that the settings name."""
        await (self._serve_clients(run) if self._settings.side == "client" else self._federate(run))

    # -- the side of the clients -----------------------------------------------

    async def _serve_clients(self, run: Run) -> None:
        settings = self._settings
        base = await self._homeserver(run)
        run.facts[Fact.HOST] = str(base.endpoint)
        path = base.target.partition("?")[0].rstrip("/")
        async with self._talk(run, Place.of(base, settings.tls)) as talk:
            response = await talk.get(f"{path}/_matrix/client/versions")
            run.facts[Fact.OFFERED] = self._read(run, response, wire.read_versions)
            sync = f"{path}/_matrix/client/v3/sync"
            if settings.access_token is None:
                self._miss_token(run, await talk.get(sync, last=True))
                return
            token = {"Authorization": f"Bearer {settings.access_token.get_secret_value()}"}
            who = await talk.get(f"{path}/_matrix/client/v3/account/whoami", token)
            self._admit(run, who, "user_id")
            query = f"?timeout=0&set_presence=offline&filter={quote(_NOTHING)}"
            self._admit(run, await talk.get(sync + query, token, limit=_SYNC_LIMIT, last=True), "next_batch")

    async def _homeserver(self, run: Run) -> Url:
        """Client-Server API, "Well-known URI", unless the settings tell."""
        name, told = self._settings.server, self._settings.homeserver
        if told:
            return Url.parse(told[(run.round + run.retry) % len(told)])
        response = await self._well_known(run, "client")
        if response.status == 404:
            return Url.parse(f"https://{name}")
        try:
            base = Url.parse(self._read(run, response, wire.read_base_url))
        except ValueError as error:
            raise run.failed(Reason.MALFORMED, f".well-known of {name}: not the URL of a homeserver") from error
        self._permit(run, base)
        return base

    def _miss_token(self, run: Run, response: Response) -> None:
        if response.status != 401:
            raise status_failure(run, response, self._network.now())
        code = _parsed(run, response, wire.read_error)
        if code not in ("M_MISSING_TOKEN", "M_UNKNOWN_TOKEN"):
            raise run.failed(Reason.EXPECT, f"/sync without a token is refused by {shown(code)}, not M_MISSING_TOKEN")

    def _admit(self, run: Run, response: Response, key: str) -> None:
        """What is asked with a token must be answered, with ``key`` in it."""
        if response.status in (401, 403):
            run.enter(Phase.LOGIN)
            raise run.failed(Reason.REJECTED, f"the access token was refused: {response.status}")
        self._read(run, response, lambda body: wire.read_text(body, key))
        run.enter(Phase.LOGIN)

    # -- the side of the other servers -----------------------------------------

    async def _federate(self, run: Run) -> None:
        server = Endpoint.parse(self._settings.server, 0)
        if server.port or is_by_address(server.host):
            await self._ask_server(run, self._place(server))
            return
        try:
            name, trouble = self._delegated(run, await self._well_known(run, "server")), ""
        except ProbeFailed as failure:  # not fatal: "Resolving server names", step 3
            name, trouble = server, failure.message
        try:
            place = await self._resolved(run, name)
            self._permit(run, Url(scheme="https", endpoint=place.endpoint, target="/"))
            await self._ask_server(run, place)
        except ProbeFailed as failure:
            if trouble:
                failure.message += f"; its .well-known/matrix/server is of no use either: {trouble}"
            raise

    def _delegated(self, run: Run, response: Response) -> Endpoint:
        try:
            return Endpoint.parse(self._read(run, response, wire.read_delegation), 0)
        except ValueError as error:
            raise run.failed(Reason.MALFORMED, "not the name of a server") from error

    async def _resolved(self, run: Run, name: Endpoint) -> Place:
        """Steps 3.1 to 3.5 of a delegated name, 4 to 6 of the server's own."""
        if name.port or is_by_address(name.host):
            return self._place(name)
        for service in ("_matrix-fed._tcp", "_matrix._tcp"):
            found = await srv_records(self._network, run, f"{service}.{name.host}", self._settings.route)
            if found is None:
                continue
            if not found:
                raise run.failed(Reason.ANSWER, f"{name.host} does not federate: its SRV record says so")
            target = found[(run.round + run.retry) % len(found)]
            return Place(endpoint=target, name=name.host, authority=name.host, tls=self._settings.tls)
        return self._place(name)

    def _place(self, name: Endpoint) -> Place:
        """A server by its own name: with the port in it, else on 8448."""
        endpoint = Endpoint(host=name.host, port=name.port or _PORT)
        authority = str(name).removesuffix(":0")
        return Place(endpoint=endpoint, name=name.host, authority=authority, tls=self._settings.tls)

    async def _ask_server(self, run: Run, place: Place) -> None:
        run.facts[Fact.HOST] = str(place.endpoint)
        async with self._talk(run, place) as talk:
            version = await talk.get("/_matrix/federation/v1/version")
            run.facts[Fact.SOFTWARE] = shown(self._read(run, version, wire.read_software))
            self._prove(run, self._read(run, await talk.get("/_matrix/key/v2/server", last=True), wire.read_keys))

    def _prove(self, run: Run, keys: wire.ServerKeys) -> None:
        if keys.server_name != self._settings.server:
            raise run.failed(Reason.HOST_UNKNOWN, f"the keys are those of {shown(keys.server_name)}")
        if not keys.keys:
            raise run.failed(Reason.KEY, "the server publishes no Ed25519 key")
        for key in keys.keys:
            if key.signature is None:
                raise run.failed(Reason.KEY, f"the key {shown(key.id)} did not sign the published keys")
            if not wire.verifies(key, keys.signed):
                raise run.failed(Reason.SIGNATURE, f"the signature by the key {shown(key.id)} does not verify")
        late = self._network.now() - keys.valid_until
        if late >= 0:
            raise run.failed(Reason.KEY, f"the published keys are out of date since {late / 3600:.1f} hours")
        run.facts[Fact.GENUINE] = True

    # -- both -------------------------------------------------------------------

    def _talk(self, run: Run, place: Place) -> Talk:
        return Talk(run, self._network, self._settings.route, place)

    async def _well_known(self, run: Run, side: str) -> Response:
        """The answer for ``.well-known/matrix/SIDE`` of the server's host, after redirects."""
        home = Endpoint(host=Endpoint.parse(self._settings.server, 443).host, port=443)
        url = Url(scheme="https", endpoint=home, target=f"/.well-known/matrix/{side}")
        for _ in range(_REDIRECTS + 1):
            async with self._talk(run, Place.of(url, self._foreign_tls)) as talk:
                response = await talk.get(url.target, last=True)
            location = response.header(b"location")
            if response.status not in _MOVED or location is None:
                return response
            try:
                url = url.join(location.decode("latin-1"))
            except ValueError as error:
                raise run.failed(Reason.REDIRECTS, f"a redirect that leads nowhere: {shown(location)}") from error
            self._permit(run, url)
        raise run.failed(Reason.REDIRECTS, f"more than {_REDIRECTS} redirects")

    def _permit(self, run: Run, url: Url) -> None:
        if not url.secure or not self._network.permits(url):
            raise run.failed(Reason.REDIRECTS, f"it leads to where we may not go: {shown(url.origin)}")

    def _read(self, run: Run, response: Response, parse: Callable[[bytes], _T]) -> _T:
        """What a successful answer says."""
        if response.status != 200:
            raise status_failure(run, response, self._network.now())
        return _parsed(run, response, parse)


def _parsed(run: Run, response: Response, parse: Callable[[bytes], _T]) -> _T:
    run.enter(Phase.HANDSHAKE)
    if response.truncated:
        raise run.failed(Reason.SIZE, f"an answer of more than {len(response.body)} bytes")
    try:
        return parse(response.body)
    except ValueError as error:
        raise run.failed(Reason.MALFORMED, f"not an answer of Matrix: {error}") from error
