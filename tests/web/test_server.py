import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Vantage
from monitor.domain.vitals import Vitals
from monitor.domain.words import Layer, Outcome, Reason
from monitor.web.backend import Backend, Scrape
from monitor.web.board import Board
from monitor.web.server import Listen, make_app
from tests.metrics.test_exposition import ok, vitals
from tests.support.fakes import FakeClock, a_check

PATHS = ("/", "/metrics", "/healthz", "/readyz", "/api/v1/checks", "/static/style.css")
OPEN = Listen(host="127.0.0.1", port=0)


class State:
    """What the backend says; tests turn it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.board = Board()
        self.online = True
        self.vitals = vitals()
        self.problem: str | None = None
        self.reloads = 0

    def backend(self) -> Backend:
        async def last_day() -> Mapping[str, tuple[int, int]]:
            return {a_check("a").id: (9999, 1)}

        async def reload() -> str | None:
            self.reloads += 1
            return self.problem

        async def body() -> AsyncIterator[bytes]:
            yield b"x 1\n"

        return Backend(
            clock=self.clock,
            board=self.board,
            vantage=lambda: Vantage(name="fra-1", country="DE"),
            vitals=self._vitals,
            online=lambda: self.online,
            scrape=lambda accept, encoding: Scrape(content_type="text/plain", gzip=False, body=body()),
            last_day=last_day,
            reload=reload,
        )

    def _vitals(self) -> Vitals:
        return self.vitals


@asynccontextmanager
async def client(state: State, listen: Listen = OPEN) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]  # aiohttp's default
    async with TestClient(TestServer(make_app(state.backend(), listen, []))) as made:
        yield made


def failed(target: str, message: str = "no") -> Attempt:
    failure = Failure(layer=Layer.TLS, reason=Reason.CERT_EXPIRED, message=message)
    return replace(ok(a_check(target)), outcome=Outcome.FAILED, failure=failure)


async def test_the_headline_answers_whether_it_is_down_or_us() -> None:
    state = State()
    checks = [a_check("a"), a_check("b", service="t")]
    state.board.replace(checks)
    async with client(state) as http:
        assert "first round is on its way" in await (await http.get("/")).text()
        for check in checks:
            state.board.observe(check, ok(check))
        assert "Everything that was asked answers" in await (await http.get("/")).text()
        state.board.observe(checks[0], failed("a"))
        assert "1 of 2 checks fail, in s." in await (await http.get("/")).text()
        state.online = False
        assert "Our own network is unreachable" in await (await http.get("/")).text()


async def test_what_a_server_said_cannot_become_markup() -> None:
    state = State()
    state.board.replace([a_check("a")])
    state.board.observe(a_check("a"), failed("a", "<script>alert(1)</script>"))
    async with client(state) as http:
        answer = await http.get("/")
        assert "<script>" not in await answer.text()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_day_with_one_failure_is_never_a_hundred_percent() -> None:
    state = State()
    state.board.replace([a_check("a")])
    async with client(state) as http:
        assert "99.99 %" in await (await http.get("/")).text()


async def test_failing_since_is_the_first_failure_and_survives_what_is_inconclusive() -> None:
    state = State()
    check = a_check("a")
    state.board.replace([check])
    state.board.observe(check, replace(failed("a"), started=100.0))
    state.board.observe(check, replace(failed("a"), started=200.0, outcome=Outcome.INCONCLUSIVE))
    state.board.observe(check, replace(failed("a"), started=300.0))
    async with client(state) as http:
        (row,) = json.loads(await (await http.get("/api/v1/checks")).text())["checks"]
    assert row["failing_since"] == {"rfc3339": "1970-01-01T00:01:40.000Z", "epoch_ms": 100000}
    assert row["last"]["failure"] == {"layer": "tls", "reason": "cert_expired", "message": "no"}


@pytest.mark.parametrize(
    ("listen", "header", "status"),
    [
        (OPEN, "", 200),
        (replace(OPEN, username="u", password="p:ü"), "", 401),
        (replace(OPEN, username="u", password="p:ü"), "Basic " + base64.b64encode("u:p:ü".encode()).decode(), 200),
        (replace(OPEN, username="u", password="p"), "Basic " + base64.b64encode(b"u:q").decode(), 401),
        (replace(OPEN, username="u", password="p"), "Basic ~~~", 401),
        (replace(OPEN, username="u", password="p"), "Bearer p", 401),
        (replace(OPEN, token="t0k"), "Bearer t0k", 200),
        (replace(OPEN, token="t0k"), "Bearer t0", 401),
        (replace(OPEN, token="t0k"), "Basic " + base64.b64encode(b":t0k").decode(), 401),
    ],
)
async def test_whoever_may_read_one_path_may_read_all_and_nobody_else_any(
    listen: Listen, header: str, status: int
) -> None:
    async with client(State(), listen) as http:
        for path in PATHS:
            answer = await http.get(path, headers={"Authorization": header} if header else {})
            assert answer.status == status, path
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_secrets_of_the_door_do_not_show() -> None:
    assert "hunter2" not in repr(replace(OPEN, username="u", password="hunter2", token="hunter2"))


async def test_readiness_goes_and_comes_back() -> None:
    state = State()
    async with client(state) as http:
        assert (await http.get("/readyz")).status == 200
        state.vitals = replace(state.vitals, loop_lag=3.0)
        answer = await http.get("/readyz")
        assert (answer.status, await answer.text()) == (
            503,
            "the event loop stood still for 3.0 s within the last 15 s\n",
        )
        state.vitals = replace(state.vitals, loop_lag=0.0, shed_ratio=0.5)
        assert "50% of the runs are being skipped" in await (await http.get("/readyz")).text()
        state.vitals = replace(state.vitals, shed_ratio=0.0)
        assert (await http.get("/readyz")).status == 200
        assert (await http.get("/healthz")).status == 200


async def test_a_reload_is_posted_told_and_not_for_foreign_pages() -> None:
    state = State()
    async with client(state) as http:
        assert (await http.get("/-/reload")).status == 405
        assert (await http.post("/-/reload", headers={"Sec-Fetch-Site": "cross-site"})).status == 403
        assert state.reloads == 0
        assert (await http.post("/-/reload")).status == 200
        state.problem = "monitor.yaml:3:5: unknown key"
        answer = await http.post("/-/reload")
        assert (answer.status, await answer.text()) == (422, "monitor.yaml:3:5: unknown key\n")
