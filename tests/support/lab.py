"""A little internet in network namespaces: ``near`` -> ``far``, a router that answers, drops or refuses."""

import json
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.support.servers import program

FAR = "198.18.77.2"
FAR6 = "fd00:77::2"
DROPPED, UNREACHABLE, PROHIBITED, NOWHERE = "198.18.1.1", "198.18.2.1", "198.18.3.1", "198.18.4.1"
PROHIBITED6, NOWHERE6 = "fd00:3::1", "fd00:4::1"
"""What the router does with packets to these: drops them, or sends the ICMP error of that name."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an attempt elsewhere said; ``facts`` by their names."""

    verdict: str
    message: str
    facts: Mapping[str, Any]


def attempt_by(prefix: Sequence[str], kind: str, settings: Mapping[str, Any], *, timeout: float = 2) -> Seen:
    """One attempt in a child process that is started through ``prefix`` (setpriv, ip netns exec ...)."""
    command = [*prefix, sys.executable, "-m", "tests.support.attempts", kind, json.dumps(settings), str(timeout)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    return Seen(**json.loads(done.stdout))


class Lab:
    """Two namespaces and a cable. Needs root (CAP_NET_ADMIN), and says so when it is missing."""

    def __init__(self) -> None:
        mark = secrets.token_hex(4)
        self._near, self._far = f"near-{mark}", f"far-{mark}"
        self.near = [program("ip"), "netns", "exec", self._near]
        """The prefix of a command that shall run in the near namespace."""

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in (self._near, self._far):
            subprocess.run([program("ip"), "netns", "del", name], check=False, capture_output=True)

    def _build(self) -> None:
        near, far = f"-n {self._near}", f"-n {self._far}"
        for command in (
            f"netns add {self._near}",
            f"netns add {self._far}",
            f"{near} link add wire type veth peer name wire netns {self._far}",
            f"{near} addr add 198.18.77.1/24 dev wire",
            f"{near} addr add fd00:77::1/64 dev wire nodad",
            f"{far} addr add {FAR}/24 dev wire",
            f"{far} addr add {FAR6}/64 dev wire nodad",
            *(f"{side} link set {device} up" for side in (near, far) for device in ("lo", "wire")),
            f"{near} route add default via {FAR}",
            f"{near} -6 route add default via {FAR6}",
            f"{far} route add blackhole {DROPPED}/32",
            f"{far} route add unreachable {UNREACHABLE}/32",
            f"{far} route add prohibit {PROHIBITED}/32",
            f"{far} -6 route add prohibit {PROHIBITED6}/128",
        ):
            _run(program("ip"), *command.split())
        for setting in ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.icmp_ratelimit=0"):
            _run(program("ip"), "netns", "exec", self._far, program("sysctl"), "-qw", setting)

    def allow_ping(self) -> None:
        """Let every group of the near namespace open unprivileged ICMP sockets."""
        _run(*self.near, program("sysctl"), "-qw", "net.ipv4.ping_group_range=0 2147483647")

    def ask(self, kind: str, settings: Mapping[str, Any], *, timeout: float = 2) -> Seen:
        """One attempt in the near namespace."""
        return attempt_by(self.near, kind, settings, timeout=timeout)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
