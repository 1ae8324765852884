"""A little internet: real servers in a core, and homes around it, each behind a line that can be spoilt.

Nothing leaves the machine: the namespaces know of each other alone. Needs root
(CAP_NET_ADMIN) and /dev/net/tun, and says so when they are missing.
"""

import itertools
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.support.certificates import CertificateAuthority
from tests.support.nameserver import NXDOMAIN, SERVFAIL, name_server
from tests.support.namespace import Namespace
from tests.support.servers import program
from tests.support.slowline import SlowLine

NAMES: Mapping[str, str] = {
    "www.alpha.net": "198.19.1.1",
    "www.beta.org": "198.19.2.1",
    "chat.acme.net": "198.19.4.1",
    "www.acme.net": "198.19.4.2",
    "im.zeta.com": "198.19.5.1",
}
"""Whom one can reach: each speaks HTTP on port 80 and TLS on 443, with a certificate that is good."""
BY_ADDRESS = "198.19.3.1"
"""The same, by its address."""
SECOND = "198.19.9.9"
"""A resolver of another operator (BIND); those of the homes are unbound's."""
PAST, FUTURE, PORTAL, PORTAL_PLAIN = 8443, 8444, 9443, 9080
"""Ports of the core to lead people to: certificates of another time, a captive portal and its page."""
_LIARS = {SERVFAIL: 5302, NXDOMAIN: 5303}
_PATIENCE = 15.0

_NGINX = """
user root; worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; default_type text/plain;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 80; location / {{ return 204; }} }}
  server {{ listen {portal}; location / {{ return 302 http://login.portal.net/; }} }}
  {secure}
}}
"""
_SECURE = (
    "server {{ listen {port} ssl; ssl_certificate {leaf[0]}; ssl_certificate_key {leaf[1]};"
    " location / {{ return 200 hello; }} }}"
)
_UNBOUND = """
server:
  interface: {address}
  access-control: 198.18.0.0/15 allow
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  module-config: "iterator"
  local-zone: "." static
  {records}
remote-control:
  control-enable: no
"""
_NAMED = """
options {{
  directory "{folder}"; listen-on {{ {address}; }}; listen-on-v6 {{ none; }}; pid-file "{folder}/named.pid";
  session-keyfile "{folder}/session.key"; recursion no; dnssec-validation no;
}};
controls {{ }};
{zones}
"""
_ZONE = "$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\n{records}\n"


class Internet:
    """The core. Everything in it ends with the ``stack``."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._numbers = itertools.count(1)
        self.ca = CertificateAuthority(folder / "ca")
        self.core = stack.enter_context(Namespace(folder))
        for address in (*NAMES.values(), BY_ADDRESS, SECOND):
            self.core.run("ip", "addr", "add", f"{address}/32", "dev", "lo")
        self.nft("add table ip fault")
        self.nft("add chain ip fault turn { type nat hook prerouting priority dstnat; }")
        self.nft("add chain ip fault take { type filter hook input priority filter; }")
        self._serve_web()
        self._serve_second()
        for rcode, port in _LIARS.items():
            stack.enter_context(name_server(self.core.call(partial(_datagram, port)), rcode))

    def number(self) -> int:
        """Of one more home."""
        return next(self._numbers)

    def nft(self, command: str) -> None:
        """Change the rules of the core."""
        self.core.run("nft", command)

    def heal(self) -> None:
        """No line is spoilt any more by a rule."""
        self.nft("flush chain ip fault turn")
        self.nft("flush chain ip fault take")

    def resolver(self, address: str, *, hides: str = "") -> subprocess.Popen[bytes]:
        """Unbound at this address of the core, which knows all names, or all but one."""
        folder = self.folder / f"resolver-{address}"
        folder.mkdir(exist_ok=True)
        records = [
            f'local-zone: "{name}." always_nxdomain' if name == hides else f'local-data: "{name}. IN A {target}"'
            for name, target in NAMES.items()
        ]
        conf = folder / "unbound.conf"
        conf.write_text(_UNBOUND.format(folder=folder, address=address, records="\n  ".join(records)))
        return self._start(folder, ["unbound", "-d", "-c", str(conf)], [(address, 53)])

    def _serve_web(self) -> None:
        folder = self.folder / "web"
        folder.mkdir()
        names = [*NAMES, BY_ADDRESS]
        leaves = {
            443: self.ca.leaf(names),
            PAST: self.ca.expired(names),
            FUTURE: self.ca.not_yet_valid(names),
            PORTAL: CertificateAuthority(folder / "ca", "Portal").leaf(["login.portal.net"]),
        }
        secure = "\n  ".join(_SECURE.format(port=port, leaf=leaf) for port, leaf in leaves.items())
        conf = folder / "nginx.conf"
        conf.write_text(_NGINX.format(folder=folder, secure=secure, portal=PORTAL_PLAIN))
        ports = [("127.0.0.1", port) for port in (80, PORTAL_PLAIN, *leaves)]
        self._start(folder, ["nginx", "-e", str(folder / "error.log"), "-c", str(conf)], ports)

    def _serve_second(self) -> None:
        folder = self.folder / "second"
        folder.mkdir()
        zones: dict[str, list[str]] = {}
        for name, address in NAMES.items():
            label, _, zone = name.partition(".")
            zones.setdefault(zone, [f"ns IN A {SECOND}"]).append(f"{label} IN A {address}")
        for zone, records in zones.items():
            (folder / f"{zone}.zone").write_text(_ZONE.format(records="\n".join(records)))
        declared = "\n".join(f'zone "{zone}" {{ type primary; file "{zone}.zone"; }};' for zone in zones)
        conf = folder / "named.conf"
        conf.write_text(_NAMED.format(folder=folder, address=SECOND, zones=declared))
        self._start(folder, ["named", "-f", "-n", "1", "-c", str(conf)], [(SECOND, 53)])

    def _start(
        self, folder: Path, command: Sequence[str], places: Sequence[tuple[str, int]]
    ) -> subprocess.Popen[bytes]:
        """A server in the core that runs until the end, once it answers over TCP at these places."""
        log = folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*self.core.prefix, program(command[0]), *command[1:]],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._stack.callback(end, process)
        deadline = time.monotonic() + _PATIENCE
        while not all(self.core.call(partial(_answers, place)) for place in places):
            assert process.poll() is None, f"{command[0]} did not start: {log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{command[0]} does not answer: {log.read_text()[-2000:]}"
            time.sleep(0.02)
        return process


class Home:
    """A namespace with one line to the core, at whose end stands its resolver, which may hide a name."""

    def __init__(self, internet: Internet, stack: ExitStack, *, slow: bool = False, hides: str = "") -> None:
        number = internet.number()
        self._internet = internet
        self._device = f"home{number}"
        self.folder = internet.folder / self._device
        self.gateway = f"198.18.{number}.1"
        self.folder.mkdir()
        self.namespace = stack.enter_context(Namespace(self.folder, f"nameserver {self.gateway}\n"))
        near, far = self.namespace, internet.core
        self._line: SlowLine | None = None
        if slow:
            self._line = stack.enter_context(SlowLine((near.name, "out"), (far.name, self._device)))
        else:
            far.run("ip", "link", "add", self._device, "type", "veth", "peer", "name", "out", "netns", near.name)
        far.run("ip", "addr", "add", f"{self.gateway}/24", "dev", self._device)
        far.run("ip", "link", "set", self._device, "up")
        near.run("ip", "addr", "add", f"198.18.{number}.2/24", "dev", "out")
        self._plug_in()
        self._resolver = internet.resolver(self.gateway, hides=hides)

    def heal(self) -> None:
        """Undo all that was done to it; rules are the core's."""
        self._plug_in()
        if self._line is not None:
            self._line.delay = 0.0
        if self._resolver.poll() is not None:
            self._resolver = self._internet.resolver(self.gateway)

    def unplug(self) -> None:
        """The line is down; with it goes every route."""
        self.namespace.run("ip", "link", "set", "out", "down")

    def _plug_in(self) -> None:
        self.namespace.run("ip", "link", "set", "out", "up")
        self.namespace.run("ip", "route", "replace", "default", "via", self.gateway)

    def slow_down(self, delay: float) -> None:
        """What leaves here arrives so many seconds later."""
        assert self._line is not None, "not a slow line"
        self._line.delay = delay

    def kill_resolver(self) -> None:
        """Its resolver is no more."""
        end(self._resolver)

    def lose(self, match: str) -> None:
        """Drop what leaves here and matches (nft's words); nothing matches everything."""
        self._internet.nft(f"add rule ip fault take iifname {self._device} {match} drop")

    def lose_questions(self) -> None:
        """Its resolver hears nothing."""
        self.lose(f"ip daddr {self.gateway} udp dport 53")

    def lie(self, rcode: int) -> None:
        """Its resolver answers everything with this."""
        self._turn(f"ip daddr {self.gateway} udp dport 53", _LIARS[rcode])

    def lead(self, ports: str, port: int) -> None:
        """Lead TCP connections to these ports, of whomever, to that port of the core."""
        self._turn(f"tcp dport {ports}", port)

    def _turn(self, match: str, port: int) -> None:
        self._internet.nft(f"add rule ip fault turn iifname {self._device} {match} redirect to :{port}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def _datagram(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", port))
    return sock


def _answers(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, 1).close()
    except OSError:
        return False
    return True
