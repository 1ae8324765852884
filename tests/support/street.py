"""A street of real servers, good and bad, and what must come of asking each."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support.backstage import Backstage
from tests.support.bind import Bind
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.dovecot import Dovecot
from tests.support.mosquitto import Mosquitto
from tests.support.nginx import Nginx, nginx
from tests.support.prosody import Prosody
from tests.support.scripted import closes, resets, says, scripted
from tests.support.servers import free_port
from tests.support.stubborn import dropping, mute
from tests.support.unbound import Unbound

_SITE = """
location = / { add_header X-Answer "forty-two"; return 200 "hello world\\n"; }
location = /json { default_type application/json; return 200 '{"status": {"indicator": "none"}}'; }
location = /loop { return 302 /loop; }
location = /broken { return 500; }
location = /ws { proxy_pass http://127.0.0.1:@WS@; proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }
"""
_ZONE = """$TTL 60
@ IN SOA ns hostmaster 7 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
www IN A 127.0.0.1
"""
_MQTT = [{"send_hex": "10 13 0004 4d515454 04 02 001e 0007 70726f62652d31", "expect_hex": "20 02 00"}]
_XMPP_OPEN = (
    "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
)
_XMPP = [
    {"send": _XMPP_OPEN, "eol": "", "expect": "<starttls"},
    {
        "send": "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "eol": "",
        "expect": "<proceed[^>]*>",
        "starttls": True,
    },
    {"send": _XMPP_OPEN, "eol": "", "expect": "<mechanism"},
]
_IMAP = [{"expect": r"^\* OK"}, {"send": "a STARTTLS", "expect": "^a OK", "starttls": True}, {"send": "b LOGOUT"}]


@dataclass(frozen=True, slots=True)
class House:
    """One check along the street: what to write in the file, and what must come of it."""

    target: dict[str, Any]
    verdict: str
    """``ok`` or ``layer/reason``."""


def _echo_app() -> web.Application:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str('{"op": 10}')
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/ws", echo)
    return app


class _Echo:
    """aiohttp's WebSocket server, behind nginx."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._runner = web.AppRunner(_echo_app(), shutdown_timeout=0.1)

    async def __aenter__(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await asyncio.sleep(0)


class Street:
    """All servers, running."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._backstage = stack.enter_context(Backstage())
        self.ca = CertificateAuthority(folder / "ca")
        self._trust = {"ca_file": str(self.ca.ca_path)}
        self.houses: dict[str, House] = {}
        self._web()
        self._certificates()
        self._names()
        self._messaging()
        self._silences()

    def _add(self, name: str, verdict: str, probe: str, **settings: Any) -> None:
        self.houses[name] = House({"name": name, "probe": probe, **settings}, verdict)

    def _room(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    def _nginx(self, name: str, body: str, leaf: tuple[Path, Path]) -> Nginx:
        return self._stack.enter_context(nginx(self._room(name.replace(" ", "-")), body, leaf))

    def _scripted(self, *arguments: Any, **options: Any) -> int:
        return self._backstage.enter(scripted(*arguments, **options))

    def _web(self) -> None:
        socket_port = free_port()
        self._backstage.enter(_Echo(socket_port))
        server = self._nginx("web", _SITE.replace("@WS@", str(socket_port)), self.ca.leaf())
        plain, secure = f"http://127.0.0.1:{server.http}", f"https://localhost:{server.https}"
        page = {"status": 200, "body": "hello", "header": {"x-answer": "forty-two"}}
        self._add("http good", "ok", "http", url=f"{plain}/", expect=page)
        self._add("http json", "ok", "http", url=f"{plain}/json", expect={"json": {"status.indicator": "none"}})
        self._add("http wrong json", "http/json", "http", url=f"{plain}/json", expect={"json": {"status.x": 1}})
        self._add("http missing page", "http/status", "http", url=f"{plain}/nowhere")
        self._add("http server error", "http/status", "http", url=f"{plain}/broken")
        self._add("http wrong body", "http/body", "http", url=f"{plain}/", expect={"body": "goodbye"})
        self._add("http redirects for ever", "http/redirects", "http", url=f"{plain}/loop", follow_redirects=3)
        self._add("https good", "ok", "https", url=f"{secure}/", tls=self._trust)
        self._add("https not trusted", "tls/cert_untrusted", "https", url=f"{secure}/")
        self._add("tls good", "ok", "tls", address=f"localhost:{server.https}", tls=self._trust)
        self._add("tls at a plain port", "tls/malformed", "tls", address=f"127.0.0.1:{server.http}")
        self._add(
            "websocket good", "ok", "websocket", url=f"ws://127.0.0.1:{server.http}/ws", dialogue=[{"expect": "op"}]
        )
        self._add(
            "websocket secure", "ok", "websocket", url=f"wss://localhost:{server.https}/ws", tls=self._trust, ping=True
        )
        self._add("websocket at a page", "http/status", "websocket", url=f"ws://127.0.0.1:{server.http}/")

    def _certificates(self) -> None:
        for name, leaf, verdict in (
            ("expired", self.ca.expired(), "tls/cert_expired"),
            ("wrong name", self.ca.wrong_name(), "tls/cert_name"),
            ("self-signed", self.ca.self_signed(), "tls/cert_untrusted"),
            ("soon to expire", self.ca.leaf(days=3), "tls/cert_expires_soon"),
        ):
            server = self._nginx(name, "", leaf)
            self._add(f"{name} certificate", verdict, "tls", address=f"localhost:{server.https}", tls=self._trust)

    def _names(self) -> None:
        bind = self._stack.enter_context(Bind(self._room("bind"), {"lab.test": _ZONE}, self.ca.leaf()))
        unbound = self._stack.enter_context(Unbound(self._room("unbound"), ["lab.test"], bind.address))
        one, wrong = {"answers": ["127.0.0.1"]}, {"answers": ["192.0.2.1"]}
        self._dns("www.lab.test", "ok", bind.address, expect=one)
        self._dns("www.lab.test", "ok", unbound.address, expect=one)
        self._dns("ns.lab.test", "dns/answer", bind.address, expect=wrong)
        self._dns("no.lab.test", "dns/nxdomain", bind.address)
        self._dns("www.example.org", "dns/refused", bind.address)

    def _dns(self, name: str, verdict: str, resolver: str, **settings: Any) -> None:
        """A dns check: its ``name`` is the one asked for, and the target's name is made of it."""
        target = {"probe": "dns", "name": name, "resolver": resolver, **settings}
        self.houses[f"{name} A @{resolver}"] = House(target, verdict)

    def _messaging(self) -> None:
        mosquitto = self._stack.enter_context(Mosquitto(self._room("mosquitto")))
        prosody = self._stack.enter_context(Prosody(self._room("prosody"), self.ca.leaf()))
        dovecot = self._stack.enter_context(Dovecot(self._room("dovecot"), self.ca.leaf()))
        trust = self._trust | {"server_name": "localhost"}
        self._add("mqtt", "ok", "tcp", address=mosquitto.address, dialogue=_MQTT)
        self._add("xmpp", "ok", "tcp", address=prosody.address, dialogue=_XMPP, tls=trust)
        self._add("imap", "ok", "tcp", address=dovecot.address, dialogue=_IMAP, tls=trust)
        self._add("imaps", "ok", "tls", address=dovecot.imaps, tls=trust)
        pop = [{"expect": r"^\+OK"}]
        self._add("imap where pop was meant", "handshake/timeout", "tcp", address=dovecot.address, dialogue=pop)

    def _silences(self) -> None:
        accepting, dropped = self._stack.enter_context(mute()), self._stack.enter_context(dropping())
        resetting, closing = self._scripted(resets), self._scripted(closes)
        breaking = self._scripted(resets, tls=server_context(self.ca.leaf()))
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" + b"0123456789" * 4
        slow = self._scripted(says(answer, piece=10, pause=0.05))
        too_slow = self._scripted(says(answer, piece=1, pause=0.5))
        self._add("closed port", "tcp/refused", "tcp", address=f"127.0.0.1:{free_port()}")
        self._add("dropping port", "tcp/timeout", "tcp", address=f"127.0.0.1:{dropped}")
        self._add("silent port", "ok", "tcp", address=f"127.0.0.1:{accepting}")
        self._add("silent http", "http/timeout", "http", url=f"http://127.0.0.1:{accepting}/")
        self._add("silent tls", "tls/timeout", "tls", address=f"127.0.0.1:{accepting}")
        self._add("slow http", "ok", "http", url=f"http://127.0.0.1:{slow}/")
        self._add("too slow http", "http/timeout", "http", url=f"http://127.0.0.1:{too_slow}/")
        self._add("resetting http", "http/reset", "http", url=f"http://127.0.0.1:{resetting}/")
        self._add("resetting tls", "tls/reset", "tls", address=f"127.0.0.1:{resetting}")
        self._add("closing http", "http/closed", "http", url=f"http://127.0.0.1:{closing}/")
        self._add("closing tls", "tls/closed", "tls", address=f"127.0.0.1:{closing}")
        self._add("reset behind tls", "http/reset", "https", url=f"https://localhost:{breaking}/", tls=self._trust)
        self._add("ping", "ok", "icmp", host="127.0.0.1")
