"""The probe against a stand-in that libsignal's own client takes for Signal's chat service."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Fact, Layer, Phase
from monitor.probes.signal import SignalProbe, SignalSettings
from tests.support.attempts import Result, attempt, make_network, patience
from tests.support.certificates import CertificateAuthority
from tests.support.nginx import nginx
from tests.support.scripted import closes, resets, scripted, silent
from tests.support.signalchat import MESSAGES, PATH, SignalChat, signal_chat
from tests.support.stubborn import mute

PLAIN = {Phase.RESOLVE, Phase.CONNECT, Phase.REQUEST, Phase.RESPONSE, Phase.HANDSHAKE}


async def probe(port: int, **more: Any) -> Result:
    return await attempt("signal", {"url": f"ws://127.0.0.1:{port}{PATH}"}, **more)


async def probed(server: SignalChat, **more: Any) -> Result:
    async with signal_chat(server) as port:
        return await probe(port, **more)


def message_of(result: Result) -> str:
    return result.failure.message if result.failure else ""


async def test_an_answered_keepalive_is_ok() -> None:
    server = SignalChat()
    result = await probed(server)
    assert result.verdict == "ok"
    assert set(result.phases) == PLAIN
    assert abs(float(str(result.facts[Fact.CLOCK_OFFSET]))) < 0.5
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-9)


async def test_it_asks_one_keepalive_without_an_account() -> None:
    server = SignalChat()
    await probed(server)
    (upgrade,), (asked,) = server.upgrades, server.requests
    assert "authorization" not in upgrade
    assert upgrade["user-agent"].startswith("lastseen/")
    assert (asked.type, asked.request.verb, asked.request.path) == (1, "GET", "/v1/keepalive")


async def test_every_attempt_asks_with_another_id() -> None:
    server = SignalChat()
    for _ in range(3):
        await probed(server)
    assert len({asked.request.id for asked in server.requests}) == 3


async def test_certificates_are_judged_by_signals_own_roots(tmp_path: Path) -> None:
    ca, rogue = CertificateAuthority(tmp_path), CertificateAuthority(tmp_path / "rogue")
    roots = tmp_path / "roots.pem"
    roots.write_bytes(rogue.ca_path.read_bytes() + ca.ca_path.read_bytes())
    verdicts = {}
    async with signal_chat(SignalChat(), ca.leaf()) as port, signal_chat(SignalChat(), ca.wrong_name()) as other:
        for name, at, tls in (
            ("two roots", port, {"ca_file": roots}),
            ("another root", port, {"ca_file": rogue.ca_path}),
            ("public roots", port, {}),
            ("unverified", port, {"verify": False}),
            ("another name", other, {"ca_file": roots}),
        ):
            result = await attempt("signal", {"url": f"wss://127.0.0.1:{at}{PATH}", "tls": tls})
            verdicts[name] = result.verdict
            if result.verdict == "ok":
                assert set(result.phases) == PLAIN | {Phase.TLS}
    assert verdicts == {
        "two roots": "ok",
        "another root": "tls/cert_untrusted",
        "public roots": "tls/cert_untrusted",
        "unverified": "ok",
        "another name": "tls/cert_name",
    }


async def test_a_clock_that_goes_wrong_is_noted_and_no_failure() -> None:
    result = await probed(SignalChat(ahead=3600))
    assert result.verdict == "ok"
    assert float(str(result.facts[Fact.CLOCK_OFFSET])) == pytest.approx(3600, abs=0.5)


async def test_an_application_without_a_stamp_is_ok_and_its_clock_unknown() -> None:
    result = await probed(SignalChat(stamped=False))
    assert result.verdict == "ok"
    assert Fact.CLOCK_OFFSET not in result.facts


@pytest.mark.parametrize("status", [500, 503])
async def test_a_refusal_says_whether_it_came_from_the_application(status: int) -> None:
    inside = await probed(SignalChat(upgrade=status))
    edge = await probed(SignalChat(upgrade=status, stamped=False))
    assert inside.verdict == edge.verdict == "http/status"
    assert message_of(inside) == f"status {status} with the stamp of Signal's application"
    assert "without the stamp" in message_of(edge)
    assert Fact.CLOCK_OFFSET in inside.facts


async def test_a_load_balancer_before_dead_servers_does_not_pass(tmp_path: Path) -> None:
    with nginx(tmp_path, f"location = {PATH} {{ proxy_pass http://127.0.0.1:1; }}") as front:
        result = await probe(front.http)
    assert result.verdict == "http/status"
    assert message_of(result).startswith("status 502 without the stamp")


@pytest.mark.parametrize(
    ("server", "verdict", "text"),
    [
        (SignalChat(upgrade=499), "http/capability", "too old"),
        (SignalChat(upgrade=403), "http/denied", "status 403"),
        (SignalChat(upgrade=404), "http/status", "status 404"),
        (SignalChat(upgrade=200), "http/status", "status 200"),
        (SignalChat(keepalive=499), "handshake/capability", "too old"),
        (SignalChat(keepalive=500), "handshake/status", "status 500 with the stamp"),
        (SignalChat(keepalive=503, stamped=False), "handshake/status", "status 503 without the stamp"),
        (SignalChat(keepalive=403), "handshake/denied", "status 403"),
        (SignalChat(keepalive=404), "handshake/status", "status 404"),
    ],
)
async def test_every_other_status_has_its_reason(server: SignalChat, verdict: str, text: str) -> None:
    result = await probed(server)
    assert result.verdict == verdict
    assert text in message_of(result)


@pytest.mark.parametrize(
    ("server", "layer", "seconds"),
    [
        (SignalChat(upgrade=429, headers={"Retry-After": "60"}), Layer.HTTP, 60),
        (SignalChat(upgrade=503, headers={"Retry-After": "5"}), Layer.HTTP, 5),
        (SignalChat(keepalive=429), Layer.HANDSHAKE, 0),
        (SignalChat(keepalive=429, headers={"retry-after": "30"}), Layer.HANDSHAKE, 30),
        (SignalChat(keepalive=503), Layer.HANDSHAKE, None),
    ],
)
async def test_a_plea_to_come_back_later_is_heard(server: SignalChat, layer: Layer, seconds: float | None) -> None:
    async with signal_chat(server) as port:
        settings = SignalSettings.model_validate({"url": f"ws://127.0.0.1:{port}{PATH}"})
        network = make_network()
        with pytest.raises(ProbeFailed) as caught:
            await SignalProbe(settings, network).attempt(Run(network.monotonic))
    assert (caught.value.layer, caught.value.retry_after) == (layer, seconds)


def _other_id(message: Any) -> Any:
    message.response.id ^= 1
    return message


ANSWERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "to another request": (_other_id, "handshake/nonce"),
    "to none": (lambda _: MESSAGES["WebSocketMessage"](type=2, response={"status": 200}), "handshake/nonce"),
    "without a response": (lambda _: b"\x08\x02", "handshake/nonce"),
    "empty": (lambda _: b"", "handshake/malformed"),
    "of another type": (lambda _: b"\x08\x03", "handshake/malformed"),
    "a page": (lambda _: b"<html>maintenance</html>", "handshake/malformed"),
    "cut short": (lambda message: message.SerializeToString()[:-3], "handshake/malformed"),
    "too long": (lambda _: bytes(70000), "handshake/size"),
    "none": (lambda _: None, "handshake/timeout"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_answers_to_the_keepalive_that_are_none(name: str) -> None:
    bend, verdict = ANSWERS[name]
    assert (await probed(SignalChat(bend=bend), timeout=patience(verdict, 0.3))).verdict == verdict


async def test_requests_of_the_servers_own_are_passed_over() -> None:
    assert (await probed(SignalChat(speaks_first=True))).verdict == "ok"


@pytest.mark.parametrize("stamp", ["", "soon", "-5", "9" * 16, "1e3", "\u0661"])
async def test_a_stamp_that_is_no_time_is_none(stamp: str) -> None:
    def bend(message: Any) -> Any:
        message.response.headers[:] = [f"x-signal-timestamp:{stamp}"]
        return message

    result = await probed(SignalChat(stamped=False, bend=bend))
    assert result.verdict == "ok"
    assert Fact.CLOCK_OFFSET not in result.facts


@pytest.mark.parametrize(
    ("handler", "verdict"), [(silent, "http/timeout"), (closes, "http/closed"), (resets, "http/reset")]
)
async def test_servers_that_do_not_take_the_upgrade(handler: Any, verdict: str) -> None:
    async with scripted(handler) as port:
        assert (await probe(port, timeout=patience(verdict, 0.3))).verdict == verdict


async def test_a_server_that_is_stopped_after_connect_is_silent() -> None:
    with mute() as port:
        result = await attempt("signal", {"url": f"wss://127.0.0.1:{port}{PATH}"}, timeout=0.3)
    assert result.verdict == "tls/timeout"


async def test_each_round_asks_another_member_of_a_pool() -> None:
    async with signal_chat(SignalChat()) as one, signal_chat(SignalChat()) as two:
        urls = [f"ws://127.0.0.1:{port}{PATH}" for port in (one, two)]
        results = [await attempt("signal", {"url": urls}, round=n) for n in range(2)]
    assert [result.facts[Fact.HOST] for result in results] == [f"127.0.0.1:{one}", f"127.0.0.1:{two}"]


def _saying(raw: bytes) -> SignalChat:
    return SignalChat(bend=lambda _: raw)


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_random_answers_give_a_verdict(answer: bytes) -> None:
    for raw in (answer, b"\x08\x02\x1a" + bytes([len(answer)]) + answer):
        result = asyncio.run(probed(_saying(raw), timeout=0.5))
        assert re.fullmatch("handshake/(malformed|nonce|timeout)", result.verdict)


def test_the_default_is_signals_own_chat_and_its_endpoint_has_no_query() -> None:
    assert SignalSettings().endpoint == "wss://chat.signal.org/v1/websocket/"
    assert SignalSettings.model_validate({"url": "wss://h/v1/websocket/?login=x"}).endpoint == "wss://h/v1/websocket/"


@pytest.mark.parametrize(
    "settings", [{"url": "https://h/"}, {"url": ()}, {"url": "wss://u@h/"}, {"login": "x"}, {"address": "h:443"}]
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SignalSettings.model_validate(settings)
