import asyncio
import struct
from collections.abc import Iterator

import pytest

from monitor.domain.words import Fact, Phase
from monitor.net.echo import Echo, hop_limit
from tests.support.attempts import attempt
from tests.support.lab import (
    DROPPED,
    FAR,
    FAR6,
    NOWHERE,
    PROHIBITED,
    PROHIBITED6,
    UNREACHABLE,
    Lab,
    attempt_by,
)
from tests.support.servers import program

NO_RAW = ["--bounding-set=-net_raw", "--inh-caps=-net_raw"]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as made:
        yield made


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", 4), ("::1", 6)])
async def test_loopback_answers(host: str, family: int) -> None:
    result = await attempt("icmp", {"host": host})
    assert result.verdict == "ok"
    assert result.facts[Fact.FAMILY] == family
    assert result.facts[Fact.ICMP_HOP_LIMIT] == 64
    seconds = result.facts[Fact.PING_SECONDS]
    assert isinstance(seconds, float)
    assert 0 < seconds < result.duration
    assert set(result.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.REQUEST, Phase.RESPONSE}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("payload", [16, 17, 56, 9000])
async def test_payloads_of_any_size_come_back(host: str, payload: int) -> None:
    assert (await attempt("icmp", {"host": host, "payload": payload})).verdict == "ok"


async def test_many_at_once_do_not_take_each_others_replies() -> None:
    results = await asyncio.gather(*(attempt("icmp", {"host": "127.0.0.1"}) for _ in range(50)))
    assert {result.verdict for result in results} == {"ok"}


@pytest.mark.parametrize("host", [FAR, FAR6])
def test_a_raw_socket_pings_where_unprivileged_ones_are_not_allowed(lab: Lab, host: str) -> None:
    seen = lab.ask("icmp", {"host": host})
    assert seen.verdict == "ok", seen
    assert seen.facts["icmp_hop_limit"] == 64


@pytest.mark.parametrize("host", [FAR, FAR6])
def test_an_unprivileged_socket_is_enough_where_it_is_allowed(host: str) -> None:
    with Lab() as lab:
        lab.allow_ping()
        seen = attempt_by([*lab.near, program("setpriv"), *NO_RAW], "icmp", {"host": host})
    assert seen.verdict == "ok", seen
    assert seen.facts["icmp_hop_limit"] == 64


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_without_permission_we_cannot_tell_and_name_both_remedies(lab: Lab, host: str) -> None:
    seen = attempt_by([*lab.near, program("setpriv"), *NO_RAW], "icmp", {"host": host})
    assert seen.verdict == "inconclusive/self_permission"
    assert "net.ipv4.ping_group_range" in seen.message
    assert "net_raw" in seen.message


def test_silence_is_a_route_timeout(lab: Lab) -> None:
    assert lab.ask("icmp", {"host": DROPPED}, timeout=0.5).verdict == "route/timeout"


@pytest.mark.parametrize("host", [UNREACHABLE, PROHIBITED, NOWHERE, PROHIBITED6])
def test_an_icmp_error_is_route_unreachable(lab: Lab, host: str) -> None:
    assert lab.ask("icmp", {"host": host}).verdict == "route/unreachable"


def test_a_hop_limit_that_is_used_up_is_route_unreachable(lab: Lab) -> None:
    assert lab.ask("icmp", {"host": NOWHERE, "hop_limit": 1}).verdict == "route/unreachable"


def test_a_packet_that_may_not_be_cut_must_fit(lab: Lab) -> None:
    settings = {"host": FAR, "payload": 4000}
    assert lab.ask("icmp", settings).verdict == "ok"
    assert lab.ask("icmp", {**settings, "dont_fragment": True}).verdict == "route/size"


def test_a_reply_says_which_request_it_answers() -> None:
    echo = Echo(4, raw=False, identifier=1, payload=b"x" * 16)
    assert echo.answered(struct.pack("!BBHHH", 0, 0, 0, 4711, 2) + b"x" * 16) == 2


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\0" * 8,
        struct.pack("!BBHHH", 8, 0, 0, 7, 0) + b"x" * 16,
        struct.pack("!BBHHH", 0, 0, 0, 8, 0) + b"x" * 16,
        struct.pack("!BBHHH", 0, 0, 0, 7, 0) + b"y" * 16,
        struct.pack("!BBHHH", 3, 1, 0, 7, 0) + b"x" * 16,
    ],
    ids=["empty", "short", "a request", "another identifier", "another payload", "an error"],
)
def test_what_a_raw_socket_hears_of_others_is_not_ours(packet: bytes) -> None:
    with_header = b"\x45" + b"\0" * 19 + packet
    assert Echo(4, raw=True, identifier=7, payload=b"x" * 16).answered(with_header) is None


def test_a_packet_without_control_messages_has_no_hop_limit() -> None:
    assert hop_limit([]) is None
