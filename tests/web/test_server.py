import asyncio
import base64
import json
from dataclasses import replace

import pytest

from monitor.domain.words import Outcome
from monitor.web.door import Listen
from tests.support.fakes import a_check
from tests.support.windows import signal_open
from tests.web.scene import OPEN, Scene, client, failed

PATHS = (
    *("/", "/metrics", "/healthz", "/readyz", "/static/style.css", "/feed.atom"),
    *("/api/v1/checks", "/api/v1/services", "/api/v1/outages", "/api/v1/outages.csv", "/api/v1/outages.ics"),
    *(f"{path}/{signal_open().id}" for path in ("/outage", "/api/v1/outages")),
)


async def test_a_day_with_one_failure_is_never_a_hundred_percent() -> None:
    scene = Scene()
    scene.board.replace([a_check("a")])
    async with client(scene) as http:
        assert "99.99\xa0%" in await (await http.get("/service/s")).text()


@pytest.mark.parametrize(
    "path", [*PATHS, "/events", "/api/v1/attempts", "/card/s", "/badge/s.svg", "/picture/status.png"]
)
async def test_whoever_asks_for_the_head_alone_gets_no_body_and_the_connection_goes_on(path: str) -> None:
    scene = Scene()
    scene.board.replace([a_check("a")])
    scene.keep((signal_open(), ()))
    async with client(scene) as http:
        asked, told = await asyncio.open_connection(http.server.host, http.server.port)
        told.write(f"HEAD {path} HTTP/1.1\r\nHost: h\r\n\r\nGET /healthz HTTP/1.0\r\nHost: h\r\n\r\n".encode())
        async with asyncio.timeout(5):
            answers = await asked.read()
        told.close()
    heads = answers.split(b"\r\n\r\n")
    assert [head.split(b" ")[:2][-1] for head in heads[:-1]] == [b"200", b"200"]
    assert heads[-1] == b"ok\n"


@pytest.mark.parametrize("listen", [OPEN, replace(OPEN, token="t")])
async def test_an_address_that_leads_nowhere_is_a_page_for_people_and_a_line_for_programs(listen: Listen) -> None:
    known = {"Authorization": f"Bearer {listen.token}"}
    async with client(Scene(), listen) as http:
        page = await http.get("/nothing?lang=fr", headers={"Accept": "text/html,*/*;q=0.8", **known})
        assert (page.status, page.content_type, page.headers["Content-Language"]) == (404, "text/html", "fr")
        assert "Cette page n&#39;existe pas." in await page.text()
        line = await http.get("/nothing", headers={"Accept": "image/png", **known})
        assert (line.status, line.content_type) == (404, "text/plain")
        if listen.token:
            assert (await http.get("/nothing", headers={"Accept": "text/html"})).status == 401


async def test_failing_since_is_the_first_failure_and_survives_what_is_inconclusive() -> None:
    scene = Scene()
    check = a_check("a")
    scene.board.replace([check])
    scene.board.observe(check, replace(failed("a"), started=100.0))
    scene.board.observe(check, replace(failed("a"), started=200.0, outcome=Outcome.INCONCLUSIVE))
    scene.board.observe(check, replace(failed("a"), started=300.0))
    async with client(scene) as http:
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
    scene = Scene()
    scene.keep((signal_open(), ()))
    async with client(scene, listen) as http:
        for path in PATHS:
            answer = await http.get(path, headers={"Authorization": header} if header else {})
            assert answer.status == status, path
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_secrets_of_the_door_do_not_show() -> None:
    assert "hunter2" not in repr(replace(OPEN, username="u", password="hunter2", token="hunter2"))


async def test_readiness_goes_and_comes_back() -> None:
    scene = Scene()
    async with client(scene) as http:
        assert (await http.get("/readyz")).status == 200
        scene.vitals = replace(scene.vitals, loop_lag=3.0)
        answer = await http.get("/readyz")
        assert (answer.status, await answer.text()) == (
            503,
            "the event loop stood still for 3.0 s within the last 15 s\n",
        )
        scene.vitals = replace(scene.vitals, loop_lag=0.0, shed_ratio=0.5)
        assert "50% of the runs are being skipped" in await (await http.get("/readyz")).text()
        scene.vitals = replace(scene.vitals, shed_ratio=0.0, unjudged=31.0)
        assert await (await http.get("/readyz")).text() == "nothing has been judged for 31 s\n"
        scene.vitals = replace(scene.vitals, unjudged=0.5)
        assert (await http.get("/readyz")).status == 200
        assert (await http.get("/healthz")).status == 200


async def test_a_reload_is_posted_told_and_not_for_foreign_pages() -> None:
    scene = Scene()
    async with client(scene) as http:
        assert (await http.get("/-/reload")).status == 405
        assert (await http.post("/-/reload", headers={"Sec-Fetch-Site": "cross-site"})).status == 403
        assert scene.reloads == 0
        assert (await http.post("/-/reload")).status == 200
        scene.problem = "monitor.yaml:3:5: unknown key"
        answer = await http.post("/-/reload")
        assert (answer.status, await answer.text()) == (422, "monitor.yaml:3:5: unknown key\n")
