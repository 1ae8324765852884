"""WhatsApp's whole estate under its real names and ports, in a namespace; a home beside it, and what can happen to it.

Nothing leaves the machine: the two namespaces know of each other alone. Names
lead to addresses in networks of the provider, as they do outside: BIND is the
authority, unbound the resolver of the home. The chat servers are stand-ins with
a root of their own, certificates come from an authority of the test's own.
Needs root (CAP_NET_ADMIN), and says so when it is missing.
"""

import asyncio
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support.backstage import Backstage
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.internet import end
from tests.support.namespace import Namespace
from tests.support.scripted import scripted, silent
from tests.support.servers import program
from tests.support.whatsapp import Papers, WhatsApp

CHAT, WEB, MEDIA, REGISTER, GRAPH, STATUS = (
    "157.240.0.60",
    "157.240.0.53",
    "157.240.0.54",
    "157.240.0.55",
    "31.13.64.20",
    "31.13.64.21",
)
FALSE_CHAT, FALSE_WEB, NOBODY = "89.0.142.86", "89.0.142.87", "10.10.34.35"
"""Where a resolver that lies may lead: to machines that play WhatsApp, or to none."""
AUTHORITY, HOME, GATEWAY = "129.134.30.12", "192.168.77.2", "192.168.77.1"
_CHAT_NAMES = tuple(f"e{number}.whatsapp.net" for number in range(1, 17))
NAMES: Mapping[str, str] = {
    "chat.cdn.whatsapp.net": CHAT,
    **dict.fromkeys(_CHAT_NAMES, CHAT),
    "mmg.whatsapp.net": MEDIA,
    "v.whatsapp.net": REGISTER,
    "web.whatsapp.com": WEB,
    "graph.facebook.com": GRAPH,
    "metastatus.com": STATUS,
}
"""Beside g.whatsapp.net, which is an alias of the first."""
WITNESSES: Mapping[str, str] = {"www.wikipedia.org": "185.15.59.224", "www.ripe.net": "193.0.11.51", "": "9.9.9.9"}
"""Names and addresses of the default witnesses; the last is known by its address alone."""
_MUTE = 9001
_GIVES_UP = 0.5
"""Seconds after which a web server stops waiting for a TLS hello."""
_PATIENCE = 15.0

_ZONE = "$TTL 0\n@ SOA a.ns hostmaster 1 3600 600 86400 0\n@ NS a.ns\na.ns A {authority}\n{records}\n"
_NAMED = """
options {{
  directory "{folder}"; listen-on {{ {authority}; }}; listen-on-v6 {{ none; }}; pid-file "{folder}/named.pid";
  session-keyfile "{folder}/session.key"; recursion no; dnssec-validation no;
}};
controls {{ }};
{zones}
"""
_UNBOUND = """
server:
  interface: {gateway}
  access-control: 192.168.77.0/24 allow
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  module-config: "iterator"
  cache-max-ttl: 0
  {records}
remote-control:
  control-enable: no
{stubs}
"""


class Estate:
    """Everything is well until something is done to it, and again after it. Ends with the ``stack``."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.ca = CertificateAuthority(folder / "ca")
        self.chat = WhatsApp()
        self.is_stuck = False
        """The chat servers take connections and say nothing."""
        self.web_status = 200
        """What the web servers answer."""
        self.claim = {"id": "cloud-api", "name": "Cloud API", "status": "No known issues"}
        """What the provider says of itself."""
        self._core = stack.enter_context(Namespace(folder))
        self.home = stack.enter_context(Namespace(folder, f"nameserver {GATEWAY}\n"))
        """Where the monitor stands."""
        self._wire()
        self._backstage = stack.enter_context(Backstage(self._core.step_in))
        self._serve()
        self._serve_impostors()
        self._serve_authority()
        self._resolver: subprocess.Popen[bytes] | None = None
        stack.callback(self._stop_resolver)
        self._start_resolver([])

    # -- what can happen to it ---------------------------------------------------

    @contextmanager
    def withdrawn(self) -> Iterator[None]:
        """The authority for its names cannot be reached from anywhere: 4 October 2021."""
        self._core.run("ip", "addr", "del", f"{AUTHORITY}/32", "dev", "lo")
        try:
            yield
        finally:
            self._core.run("ip", "addr", "add", f"{AUTHORITY}/32", "dev", "lo")
            self._start_resolver([])  # it remembers for minutes which authorities were gone

    @contextmanager
    def stuck(self) -> Iterator[None]:
        """Chat servers accept, upgrade, and say nothing: 25 October 2022."""
        self.is_stuck = True
        try:
            yield
        finally:
            self.is_stuck = False

    @contextmanager
    def web_failing(self) -> Iterator[None]:
        """The web servers answer 503, to the upgrade of the web client as well."""
        self.web_status = 503
        try:
            yield
        finally:
            self.web_status = 200

    @contextmanager
    def media_dead(self) -> Iterator[None]:
        """The media front ends accept connections, and nothing more comes: 3 July 2019."""
        with self._rule("turn", f"ip daddr {MEDIA} tcp dport 443 redirect to :{_MUTE}"):
            yield

    @contextmanager
    def port_blocked(self, port: int) -> Iterator[None]:
        """Nothing to that port of anybody gets through."""
        with self._rule("take", f"tcp dport {port} drop"):
            yield

    @contextmanager
    def name_cut(self, name: str) -> Iterator[None]:
        """Whatever holds this name on its way to port 443 is answered with a reset, in the server's stead."""
        rule = f"INPUT -i out -p tcp --dport 443 -m string --algo bm --string {name} -j REJECT --reject-with tcp-reset"
        self._core.run("iptables", "-A", *rule.split())
        try:
            yield
        finally:
            self._core.run("iptables", "-D", *rule.split())
            time.sleep(_GIVES_UP + 0.1)  # the servers wait for hellos that they never got

    @contextmanager
    def lied_about(self, chat: str, rest: str) -> Iterator[None]:
        """The resolver of the home leads the names of the chat servers, and all others of the estate, there."""
        theirs = {"g.whatsapp.net", *_CHAT_NAMES}
        names = [*NAMES, "g.whatsapp.net"]
        with self._resolving([_record(name, chat if name in theirs else rest) for name in names]):
            yield

    @contextmanager
    def resolver_denying(self) -> Iterator[None]:
        """The resolver of the home knows no name of anybody."""
        with self._resolving(['local-zone: "." always_nxdomain'], witnesses={}):
            yield

    @contextmanager
    def unplugged(self) -> Iterator[None]:
        """The home's own line is down."""
        self.home.run("ip", "link", "set", "out", "down")
        try:
            yield
        finally:
            self._plug_in()

    # -- how it is built ---------------------------------------------------------

    def _wire(self) -> None:
        line = f"link add out netns {self.home.name} type veth peer name out netns {self._core.name}"
        subprocess.run([program("ip"), *line.split()], check=True, capture_output=True)
        self._core.run("ip", "addr", "add", f"{GATEWAY}/24", "dev", "out")
        self._core.run("ip", "link", "set", "out", "up")
        self.home.run("ip", "addr", "add", f"{HOME}/24", "dev", "out")
        self._plug_in()
        for address in (
            CHAT,
            WEB,
            MEDIA,
            REGISTER,
            GRAPH,
            STATUS,
            FALSE_CHAT,
            FALSE_WEB,
            AUTHORITY,
            *WITNESSES.values(),
        ):
            self._core.run("ip", "addr", "add", f"{address}/32", "dev", "lo")
        self._core.run("nft", "add table ip fault")
        self._core.run("nft", "add chain ip fault turn { type nat hook prerouting priority dstnat; }")
        self._core.run("nft", "add chain ip fault take { type filter hook input priority filter; }")

    def _plug_in(self) -> None:
        self.home.run("ip", "link", "set", "out", "up")
        self.home.run("ip", "route", "replace", "default", "via", GATEWAY)

    @contextmanager
    def _rule(self, chain: str, rule: str) -> Iterator[None]:
        self._core.run("nft", f"add rule ip fault {chain} iifname out {rule}")
        try:
            yield
        finally:
            self._core.run("nft", f"flush chain ip fault {chain}")

    @contextmanager
    def _resolving(self, lies: Sequence[str], **options: Mapping[str, str]) -> Iterator[None]:
        self._start_resolver(lies, **options)
        try:
            yield
        finally:
            self._start_resolver([])

    def _serve(self) -> None:
        def secure(name: str) -> ssl.SSLContext:
            return server_context(self.ca.leaf([name]))

        enter = self._backstage.enter
        for port in (443, 5222):
            enter(scripted(self._talk, host=CHAT, port=port))
        enter(_site(self._web(), WEB, secure("web.whatsapp.com")))
        enter(scripted(silent, tls=secure("mmg.whatsapp.net"), host=MEDIA, port=443))
        enter(_site(_app("/v2/register", 400, {"status": "fail"}), REGISTER, secure("v.whatsapp.net")))
        error = {"message": "An active access token must be used", "type": "OAuthException", "code": 2500}
        enter(_site(_app("/me", 400, {"error": error}), GRAPH, secure("graph.facebook.com")))
        said = [{"id": "whatsapp-business-api", "name": "WhatsApp Business Platform", "services": [self.claim]}]
        enter(_site(_app("/data/orgs.json", 200, said), STATUS, secure("metastatus.com")))
        enter(scripted(silent, host="0.0.0.0", port=_MUTE))
        for name, address in WITNESSES.items():
            enter(scripted(silent, tls=secure(name or "dns.quad9.net"), host=address, port=443))

    def _serve_impostors(self) -> None:
        """Another root key, and certificates of an authority that nobody trusts."""
        false = WhatsApp(papers=Papers(root="another root"))
        for port in (443, 5222):
            self._backstage.enter(scripted(false.serve, host=FALSE_CHAT, port=port))
        context = server_context(CertificateAuthority(self.folder / "rogue", "Rogue").leaf([*NAMES]))
        self._backstage.enter(scripted(silent, tls=context, host=FALSE_WEB, port=443))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (silent if self.is_stuck else self.chat.serve)(reader, writer)

    def _web(self) -> web.Application:
        async def page(_: web.Request) -> web.Response:
            return web.Response(status=self.web_status)

        async def chat(request: web.Request) -> web.StreamResponse:
            if self.web_status != 200:
                return await page(request)
            if not self.is_stuck:
                return await self.chat.serve_web(request)
            mute = web.WebSocketResponse()
            await mute.prepare(request)
            async for _ in mute:
                pass  # says nothing until the client leaves
            return mute

        app = web.Application()
        app.router.add_get("/", page)
        app.router.add_get("/ws/chat", chat)
        return app

    def _serve_authority(self) -> None:
        folder = self.folder / "authority"
        folder.mkdir()
        zones: dict[str, list[str]] = {"whatsapp.net": ["g CNAME chat.cdn"]}
        for name, address in NAMES.items():
            label = name.removesuffix(_zone(name)).removesuffix(".") or "@"
            zones.setdefault(_zone(name), []).append(f"{label} A {address}")
        for name, records in zones.items():
            (folder / f"{name}.zone").write_text(_ZONE.format(authority=AUTHORITY, records="\n".join(records)))
        declared = "\n".join(f'zone "{name}" {{ type primary; file "{name}.zone"; }};' for name in zones)
        conf = folder / "named.conf"
        conf.write_text(_NAMED.format(folder=folder, authority=AUTHORITY, zones=declared))
        process = self._start(folder, ["named", "-f", "-n", "1", "-c", str(conf)], AUTHORITY)
        self._stack.callback(end, process)

    def _start_resolver(self, lies: Sequence[str], witnesses: Mapping[str, str] = WITNESSES) -> None:
        """Unbound, which asks the authority for what it is not told to say of itself."""
        self._stop_resolver()
        folder = self.folder / "resolver"
        folder.mkdir(exist_ok=True)
        records = [*lies, *(_record(name, address) for name, address in witnesses.items() if name)]
        zones = {_zone(name) for name in NAMES}
        stubs = "\n".join(f'stub-zone:\n  name: "{zone}"\n  stub-addr: {AUTHORITY}' for zone in sorted(zones))
        conf = folder / "unbound.conf"
        told = "\n  ".join(records)
        conf.write_text(_UNBOUND.format(folder=folder, gateway=GATEWAY, records=told, stubs=stubs))
        self._resolver = self._start(folder, ["unbound", "-d", "-c", str(conf)], GATEWAY)

    def _stop_resolver(self) -> None:
        if self._resolver is not None:
            end(self._resolver)
        self._resolver = None

    def _start(self, folder: Path, command: Sequence[str], address: str) -> subprocess.Popen[bytes]:
        """A name server, once it answers."""
        log = folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*self._core.prefix, program(command[0]), *command[1:]],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._core.call(partial(_answers, address)):
            assert process.poll() is None, f"{command[0]} did not start: {log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{command[0]} does not answer: {log.read_text()[-2000:]}"
            time.sleep(0.02)
        return process


@asynccontextmanager
async def _site(app: web.Application, address: str, context: ssl.SSLContext) -> AsyncIterator[None]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    assert runner.server is not None
    server = await asyncio.get_running_loop().create_server(
        runner.server, address, 443, ssl=context, ssl_handshake_timeout=_GIVES_UP
    )
    try:
        yield
    finally:
        server.close()
        await runner.cleanup()


def _app(path: str, status: int, document: Any) -> web.Application:
    """Answers GETs of one path."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(document, status=status)

    app = web.Application()
    app.router.add_get(path, answer)
    return app


def _zone(name: str) -> str:
    return ".".join(name.split(".")[-2:])


def _record(name: str, address: str) -> str:
    return f'local-data: "{name}. 0 IN A {address}"'


def _answers(address: str) -> bool:
    try:
        socket.create_connection((address, 53), 1).close()
    except OSError:
        return False
    return True
