import errno
import json
import os
import ssl
import subprocess
import sys
from typing import Any

import pytest

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed, ProbeInconclusive
from monitor.domain.words import Layer, Phase, Reason
from monitor.net.faults import has_route_to, os_fault, tls_fault
from tests.support.attempts import attempt
from tests.support.lab import Lab
from tests.support.scripted import scripted, silent

CROWDED = """
import asyncio, json, resource, sys
from monitor.registry import PROBES
from tests.support.attempts import attempt
from tests.support.scripted import scripted, silent

KINDS = [PROBES[kind] for kind in ("tcp", "dns", "icmp")]  # imported by who reads a configuration

async def main():
    async with scripted(silent) as port:
        await attempt("tcp", {"address": f"127.0.0.1:{port}"})
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        held = []
        try:
            while True:
                held.append(open("/dev/null"))
        except OSError:
            pass
        answers = [await attempt(kind, settings) for kind, settings in (
            ("tcp", {"address": f"127.0.0.1:{port}"}),
            ("dns", {"name": "a.example", "resolver": "127.0.0.1"}),
            ("icmp", {"host": "127.0.0.1"}),
        )]
        for file in held:
            file.close()
        answers.append(await attempt("tcp", {"address": f"127.0.0.1:{port}"}))
        print(json.dumps([answer.verdict for answer in answers]))

asyncio.run(main())
"""


def at(phase: Phase) -> Run:
    run = Run(lambda: 0.0)
    run.enter(phase)
    return run


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.EMFILE, Reason.SELF_FILES),
        (errno.ENFILE, Reason.SELF_FILES),
        (errno.ENOBUFS, Reason.SELF_BUFFERS),
        (errno.EADDRNOTAVAIL, Reason.SELF_PORTS),
        (errno.ENETUNREACH, Reason.SELF_NETWORK),
        (errno.ENETDOWN, Reason.SELF_NETWORK),
        (errno.EAFNOSUPPORT, Reason.SELF_NETWORK),
        (errno.EPERM, Reason.SELF_PERMISSION),
        (errno.EACCES, Reason.SELF_PERMISSION),
        (errno.EINVAL, Reason.INTERNAL),
        (0, Reason.INTERNAL),
    ],
)
def test_what_this_machine_lacks_is_inconclusive(code: int, reason: Reason) -> None:
    fault = os_fault(at(Phase.CONNECT), OSError(code, "text") if code else OSError("text"))
    assert isinstance(fault, ProbeInconclusive)
    assert fault.reason is reason


@pytest.mark.parametrize(
    ("code", "layer", "reason"),
    [
        (errno.ECONNREFUSED, Layer.TCP, Reason.REFUSED),
        (errno.ECONNRESET, Layer.TCP, Reason.RESET),
        (errno.ECONNABORTED, Layer.TCP, Reason.RESET),
        (errno.EPIPE, Layer.TCP, Reason.RESET),
        (errno.ETIMEDOUT, Layer.TCP, Reason.TIMEOUT),
        (errno.EHOSTUNREACH, Layer.ROUTE, Reason.UNREACHABLE),
        (errno.EHOSTDOWN, Layer.ROUTE, Reason.UNREACHABLE),
        (errno.ENOPROTOOPT, Layer.ROUTE, Reason.UNREACHABLE),
    ],
)
def test_what_comes_from_the_other_side_is_a_failure(code: int, layer: Layer, reason: Reason) -> None:
    fault = os_fault(at(Phase.CONNECT), OSError(code, os.strerror(code)))
    assert isinstance(fault, ProbeFailed)
    assert (fault.layer, fault.reason) == (layer, reason)


def test_network_unreachable_is_a_routers_word_where_we_have_a_route() -> None:
    fault = os_fault(at(Phase.CONNECT), OSError(errno.ENETUNREACH, ""), "127.0.0.1")
    assert isinstance(fault, ProbeFailed)
    assert (fault.layer, fault.reason) == (Layer.ROUTE, Reason.UNREACHABLE)
    assert has_route_to("127.0.0.1")


def test_without_a_route_of_our_own_we_cannot_tell() -> None:
    with Lab() as lab:
        subprocess.run([*lab.near, "ip", "route", "del", "default"], check=True)
        subprocess.run([*lab.near, "ip", "-6", "route", "del", "default"], check=True)
        for kind, key, port in (("tcp", "address", ":443"), ("icmp", "host", "")):
            for host in ("198.18.4.1", "[fd00:4::1]" if port else "fd00:4::1"):
                assert lab.ask(kind, {key: f"{host}{port}"}).verdict == "inconclusive/self_network"


def test_without_file_descriptors_nothing_is_called_down() -> None:
    done = subprocess.run([sys.executable, "-c", CROWDED], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    ours = "inconclusive/self_files"
    assert json.loads(done.stdout) == [ours, ours, ours, "ok"]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("tcp", {"address": "127.0.0.1:9"}),
        ("dns", {"name": "a.example", "resolver": "127.0.0.1"}),
        ("icmp", {"host": "127.0.0.1"}),
    ],
)
async def test_a_source_address_that_is_not_ours_is_our_own_fault(kind: str, settings: dict[str, Any]) -> None:
    result = await attempt(kind, {**settings, "route": {"source_address": "192.0.2.7"}})
    assert result.verdict in ("inconclusive/self_ports", "inconclusive/self_permission"), result.failure


async def test_a_source_address_is_bound() -> None:
    peers: list[str] = []

    async def handler(reader: Any, writer: Any) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        await silent(reader, writer)

    async with scripted(handler) as port:
        settings = {"address": f"localhost:{port}", "route": {"source_address": "127.0.0.77"}}
        result = await attempt("tcp", {**settings, "dialogue": []})
        assert result.verdict == "ok", result.failure
    assert peers == ["127.0.0.77"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("UNSUPPORTED_PROTOCOL", Reason.TLS_VERSION),
        ("TLSV1_ALERT_PROTOCOL_VERSION", Reason.TLS_VERSION),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", Reason.TLS_ALERT),
        ("TLSV1_UNRECOGNIZED_NAME", Reason.TLS_ALERT),
        ("WRONG_VERSION_NUMBER", Reason.MALFORMED),
        ("HTTP_REQUEST", Reason.MALFORMED),
        ("UNEXPECTED_EOF_WHILE_READING", Reason.CLOSED),
    ],
)
def test_openssls_names(name: str, reason: Reason) -> None:
    error = ssl.SSLError(1, "text")
    error.reason = name
    assert tls_fault(at(Phase.TLS), error).reason is reason
