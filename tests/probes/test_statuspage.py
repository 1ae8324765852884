import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import ProbeSettings
from monitor.domain.words import Claim, Fact, Outcome, Phase
from monitor.probes.statuspage import StatuspageProbe, StatuspageSettings
from monitor.registry import PROBE_SETTINGS
from tests.support.answering import answering
from tests.support.attempts import Result, attempt, make_network
from tests.support.certificates import CertificateAuthority, server_context
from tests.support.scripted import hangs_up, resets, says, scripted, silent
from tests.support.servers import free_port
from tests.support.stubborn import mute

# In the shape of Atlassian Statuspage's summary.json; tests/wire/test_claims.py has every format.
FINE: dict[str, Any] = {"status": {"indicator": "none", "description": "All Systems Operational"}, "components": []}
VOICE = {
    "name": "Voice regions unreachable",
    "status": "identified",
    "created_at": "2025-11-01T12:00:00Z",
    "components": [{"name": "Voice"}],
    "incident_updates": [],
}
TROUBLE: dict[str, Any] = {
    "status": {"indicator": "major", "description": "Partial System Outage"},
    "components": [{"name": "Voice", "status": "major_outage"}, {"name": "API", "status": "operational"}],
    "incidents": [VOICE],
}


def answer(body: bytes | dict[str, Any], status: str = "200 OK", *lines: str) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", *lines, "", ""]
    return "\r\n".join(head).encode() + data


async def probe(port: int, *, timeout: float = 2, scheme: str = "http", **more: Any) -> Result:
    url = f"{scheme}://localhost:{port}/api/v2/summary.json"
    return await attempt("statuspage", {"url": url, "format": "atlassian", **more}, timeout=timeout)


async def test_a_provider_that_claims_to_be_fine() -> None:
    async with answering(answer(FINE)) as port:
        result = await probe(port)
    assert result.verdict == "ok"
    assert result.facts[Fact.CLAIM] is Claim.FINE
    assert result.facts[Fact.CLAIM_TEXT] == "All Systems Operational"
    assert Fact.CLAIM_SINCE not in result.facts
    assert set(result.phases) == {Phase.RESOLVE, Phase.CONNECT, Phase.REQUEST, Phase.RESPONSE}
    assert sum(result.phases.values()) == pytest.approx(result.duration, abs=1e-6)


async def test_a_provider_that_acknowledges_trouble_is_news_and_no_failure() -> None:
    async with answering(answer(TROUBLE)) as port:
        whole = await probe(port)
    async with answering(answer(TROUBLE)) as port:
        voice = await probe(port, component="Voice")
    assert whole.outcome is voice.outcome is Outcome.OK
    assert (whole.facts[Fact.CLAIM], voice.facts[Fact.CLAIM]) == (Claim.DEGRADED, Claim.DOWN)
    assert voice.facts[Fact.CLAIM_TEXT] == "Voice regions unreachable"
    assert voice.facts[Fact.CLAIM_SINCE] == 1_761_998_400


async def test_a_component_without_trouble_is_fine_meanwhile() -> None:
    async with answering(answer(TROUBLE)) as port:
        result = await probe(port, component="API")
    assert result.facts[Fact.CLAIM] is Claim.FINE


def test_claims_are_no_evidence_and_all_else_is() -> None:
    kinds = {kind: settings.evidence for kind, settings in PROBE_SETTINGS.items()}
    assert [kind for kind, evidence in kinds.items() if not evidence] == ["statuspage"]
    assert ProbeSettings.evidence is True
    assert "evidence" not in StatuspageSettings.model_fields


async def test_over_tls_with_the_right_and_with_wrong_certificates(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(FINE))
        await writer.drain()

    ca = CertificateAuthority(tmp_path)
    for leaf, verdict in [(ca.leaf(), "ok"), (ca.wrong_name(), "tls/cert_name"), (ca.expired(), "tls/cert_expired")]:
        async with scripted(serve, tls=server_context(leaf)) as port:
            result = await probe(port, scheme="https", tls={"ca_file": ca.ca_path})
        assert result.verdict == verdict


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (b"", "http/json"),
        (b"<!doctype html><div id=root></div>", "http/json"),
        (b"{}", "http/json"),
        (b"[" * 60_000, "http/json"),
        (json.dumps(FINE).encode() + b" " * 2000, "http/size"),
    ],
    ids=["nothing", "a page", "something else", "nested", "too long"],
)
async def test_what_is_no_feed(body: bytes, verdict: str) -> None:
    async with answering(answer(body)) as port:
        result = await probe(port, limit=1024 if verdict == "http/size" else 1 << 20)
    assert result.verdict == verdict
    assert Fact.CLAIM not in result.facts


async def test_a_component_that_is_not_in_the_feed_is_a_failure_not_good_news() -> None:
    async with answering(answer(TROUBLE)) as port:
        result = await probe(port, component="Chat")
    assert result.verdict == "http/json"
    assert result.failure is not None
    assert "does not know" in result.failure.message


@pytest.mark.parametrize(
    ("status", "lines", "verdict"),
    [
        ("301 Moved", ("Location: /elsewhere",), "http/status"),
        ("304 Not Modified", (), "http/status"),
        ("403 Forbidden", (), "http/denied"),
        ("500 Oh", (), "http/status"),
    ],
)
async def test_other_statuses(status: str, lines: tuple[str, ...], verdict: str) -> None:
    async with answering(answer(b"", status, *lines)) as port:
        assert (await probe(port)).verdict == verdict


async def test_a_page_that_limits_us_says_when_to_come_back() -> None:
    async with answering(answer(b"", "429 Too Many Requests", "Retry-After: 7")) as port:
        settings = StatuspageSettings.model_validate({"url": f"http://127.0.0.1:{port}/", "format": "slack"})
        with pytest.raises(ProbeFailed) as caught:
            await StatuspageProbe(settings, make_network()).attempt(Run(time.monotonic))
    assert (caught.value.reason, caught.value.retry_after) == ("status", 7)


@pytest.mark.parametrize(
    ("handler", "verdict"),
    [
        (silent, "http/timeout"),
        (hangs_up, "http/closed"),
        (resets, "http/reset"),
        (says(b"220 smtp.example.org\r\n"), "http/malformed"),
    ],
    ids=["silent", "hangs up", "resets", "speaks SMTP"],
)
async def test_servers_that_are_none(handler: Any, verdict: str) -> None:
    async with scripted(handler) as port:
        result = await probe(port, timeout=0.8)
    # A server that leaves at once may do so with a reset, for what we said was not read.
    assert result.verdict in ({verdict, "http/reset"} if handler is hangs_up else {verdict})


async def test_a_server_that_hangs_and_one_that_is_not_there() -> None:
    with mute() as port:
        assert (await probe(port, timeout=0.8)).verdict == "http/timeout"
    assert (await probe(free_port())).verdict == "tcp/refused"


@pytest.mark.parametrize(
    "settings",
    [
        {"format": "atlassian"},
        {"url": "https://status.example.org/"},
        {"url": "ftp://status.example.org/", "format": "slack"},
        {"url": "https://status.example.org/", "format": "rss"},
        {"url": "https://status.example.org/", "format": "google", "component": "Gmail"},
        {"url": "https://status.example.org/", "format": "slack", "product": "Messaging"},
        {"url": "https://status.example.org/", "format": "slack", "component": ""},
        {"url": "https://status.example.org/", "format": "slack", "limit": 0},
        {"url": "https://status.example.org/", "format": "slack", "evidence": True},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StatuspageSettings.model_validate(settings)
