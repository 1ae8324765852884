"""Vantages in namespaces around a router, at which the servers stand; nothing leads out of there."""

import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.namespace import Namespace
from tests.support.servers import program

SERVICE = "198.18.10.1"
_PATIENCE = 15.0
_NGINX = """user root;
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ {listen} return 204; }}
}}
"""
_RULES = "table inet blocked { chain arriving { type filter hook input priority filter; }; }"


class Regions:
    """Every vantage reaches the servers, and every other vantage; until the way of one of them is blocked."""

    def __init__(self, folder: Path, *names: str) -> None:
        self._stack = ExitStack()
        self.core = Namespace(folder)
        self.of = {name: Namespace(folder) for name in names}
        """The namespace of each vantage."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.core)
            self.core.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
            self.core.run("ip", "addr", "add", f"{SERVICE}/32", "dev", "lo")
            for namespace in self.of.values():
                stack.enter_context(namespace)
            for number, namespace in enumerate(self.of.values(), 1):
                self._link(namespace, number)
            self.core.run("nft", _RULES)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def address(self, name: str) -> str:
        """Where a vantage can be reached from the others."""
        return f"198.18.{list(self.of).index(name) + 1}.2"

    def reset_hellos(self, name: str) -> None:
        """Answer every TLS hello of this vantage with a reset, in the server's stead. Connecting is let through."""
        link = f"to-{list(self.of).index(name) + 1}"
        hello = f"iifname {link} ip daddr {SERVICE} meta l4proto tcp @ih,0,8 0x16"  # a record of the type handshake
        self.core.run("nft", f"add rule inet blocked arriving {hello} reject with tcp reset")

    def unblock(self) -> None:
        """Let everything through again."""
        self.core.run("nft", "flush chain inet blocked arriving")

    def _link(self, namespace: Namespace, number: int) -> None:
        line = f"link add uplink netns {namespace.name} type veth peer name to-{number} netns {self.core.name}"
        subprocess.run([program("ip"), *line.split()], check=True, capture_output=True)
        self.core.run("ip", "addr", "add", f"198.18.{number}.1/24", "dev", f"to-{number}")
        self.core.run("ip", "link", "set", f"to-{number}", "up")
        namespace.run("ip", "addr", "add", f"198.18.{number}.2/24", "dev", "uplink")
        namespace.run("ip", "link", "set", "uplink", "up")
        namespace.run("ip", "route", "add", "default", "via", f"198.18.{number}.1")


class Server:
    """A program inside a namespace that can be stopped and started again. ``address`` is where it answers."""

    def __init__(
        self, namespace: Namespace, folder: Path, command: Sequence[str | Path], address: tuple[str, int]
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._namespace = namespace
        self._folder = folder
        self._command = [*namespace.prefix, program(str(command[0])), *map(str, command[1:])]
        self._process: subprocess.Popen[bytes] | None = None
        self.address = address

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> tuple[float, float]:
        """Unix times between which it began to answer."""
        began = time.time()
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while not self._namespace.call(self._answers):
            assert time.time() < began + _PATIENCE, (self._folder / "server.log").read_text()[-2000:]
            time.sleep(0.01)
        return began, time.time()

    def stop(self) -> tuple[float, float]:
        """Unix times between which it ceased to answer."""
        began = time.time()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(5)
            self._process = None
        return began, time.time()

    def _answers(self) -> bool:
        try:
            socket.create_connection(self.address, 1).close()
        except OSError:
            return False
        return True


def mosquitto(folder: Path, address: tuple[str, int]) -> list[str | Path]:
    """The command of an MQTT broker that listens there."""
    conf = folder / "mosquitto.conf"
    conf.write_text(f"persistence false\nuser root\nlistener {address[1]} {address[0]}\nallow_anonymous true\n")
    return ["mosquitto", "-c", conf]


def nginx(folder: Path, address: tuple[str, int], leaf: tuple[Path, Path] | None = None) -> list[str | Path]:
    """The command of a web server that listens there, with TLS when it has a leaf."""
    host, port = address
    listen = f"listen {host}:{port};"
    if leaf:
        listen = f"listen {host}:{port} ssl; ssl_certificate {leaf[0]}; ssl_certificate_key {leaf[1]};"
    conf = folder / "nginx.conf"
    conf.write_text(_NGINX.format(folder=folder, listen=listen))
    return ["nginx", "-e", folder / "error.log", "-c", conf]
