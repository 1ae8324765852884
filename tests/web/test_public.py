"""A monitor that strangers read: what they may see, and what is there only for those who are known."""

import base64
import re
from dataclasses import replace
from html import unescape
from urllib.parse import urljoin

import pytest
from aiohttp import web

from monitor.domain.check import WITNESS
from monitor.domain.outage import Evidence, Transition
from monitor.domain.words import Layer, Reason, State
from monitor.web.door import Listen
from tests.support.fakes import a_check
from tests.support.windows import NOW, a_note, signal_open, whatsapp_2022
from tests.web.scene import OPEN, Scene, client, failed

SECRETS = ("secret-host", "192.0.2.77", "2001:db8::77", "ECONNREFUSED")
KNOWN = replace(OPEN, username="u", password="p", token="t0k")
INNER = ("/api/v1/checks", "/api/v1/attempts", "/metrics", "/probe?target=secret-host", "/-/reload")
STARTS = (
    *("/", "/history", "/feed.atom", "/badge/signal.svg", "/card/signal", "/readyz", "/healthz"),
    *("/api/v1/outages", "/api/v1/outages.csv", "/api/v1/outages.ics", "/api/v1/services"),
)


def a_scene() -> Scene:
    """Everything that names a host does."""
    scene = Scene()
    scene.is_public = True
    said = "secret-host (192.0.2.77 and 2001:db8::77) said ECONNREFUSED"
    target = "chat.secret-host:443"
    checks = [a_check(target, service="signal", component="chat"), a_check("w.secret-host", service=WITNESS)]
    scene.board.replace(checks)
    for check in checks:
        scene.board.observe(check, replace(failed(check.target, said), check_id=check.id))
    scene.states = {("signal", ""): State.DOWN, ("signal", "chat"): State.DOWN}
    evidence = Evidence(
        vantage="fra-1",
        check_id=checks[0].id,
        at=NOW - 200,
        layer=Layer.TCP,
        reason=Reason.REFUSED,
        message=said,
    )
    scene.shelf.transitions = [
        Transition(
            check_id=check.id,
            vantage="fra-1",
            at=NOW - 200,
            after=None,
            decided=NOW - 190,
            before=State.UP,
            state=State.DOWN,
            layer=Layer.TCP,
            reason=Reason.REFUSED,
        )
        for check in checks
    ]
    scene.shelf.paces = {check.id: {} for check in checks}
    past = whatsapp_2022(evidence=(evidence,))
    scene.keep((signal_open(evidence=(evidence,)), ()), (past, (a_note(past),)))
    return scene


async def _probe(_: web.Request) -> web.Response:
    return web.Response(text="probe_success 1\n")


EXTRA = [web.get("/probe", _probe)]


async def test_no_page_feed_or_list_names_a_host_or_quotes_a_server() -> None:
    seen: dict[str, str] = {}
    async with client(a_scene(), extra=EXTRA) as http:
        todo = list(STARTS)
        while todo:
            path = todo.pop()
            answer = await http.get(path)
            assert answer.status == 200, path
            seen[path] = text = await answer.text()
            links = (
                urljoin(path, unescape(link)) for link in re.findall(r'(?:href|src)="([^"]*)"', text) if "#" not in link
            )
            # Addresses of the feed and of social previews name the host that was asked; their pages are linked as well.
            todo += {link for link in links if link.startswith("/") and link not in seen and link not in todo}
    assert {"/service/signal", f"/outage/{signal_open().id}", "/?lang=fr", "/static/live.js"} <= seen.keys()
    for path, text in seen.items():
        for secret in SECRETS:
            assert secret not in text, path


async def test_the_same_scene_names_them_all_where_no_strangers_are() -> None:
    scene = a_scene()
    scene.is_public = False
    async with client(scene) as http:
        text = "".join(
            [await (await http.get(path)).text() for path in ("/service/signal", "/api/v1/outages", "/api/v1/checks")]
        )
    assert all(secret in text for secret in SECRETS)


@pytest.mark.parametrize("path", INNER)
async def test_what_names_hosts_is_not_there_for_strangers(path: str) -> None:
    scene = a_scene()
    async with client(scene, extra=EXTRA) as http:
        ask = http.post if path == "/-/reload" else http.get
        assert (await ask(path)).status == 404
        assert (await ask(path, headers={"Authorization": "Bearer "})).status == 404
        assert (await ask(path, headers={"Authorization": "Basic Og=="})).status == 404
    assert scene.reloads == 0


def _basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize("path", INNER)
async def test_who_is_known_gets_it_and_who_is_not_is_asked_who_he_is(path: str) -> None:
    scene = a_scene()
    async with client(scene, KNOWN, extra=EXTRA) as http:
        ask = http.post if path == "/-/reload" else http.get
        refused = await ask(path)
        assert (refused.status, "WWW-Authenticate" in refused.headers) == (401, True)
        assert (await ask(path, headers={"Authorization": _basic("u:q")})).status == 401
        assert scene.reloads == 0
        for proof in (_basic("u:p"), "Bearer t0k"):
            answer = await ask(path, headers={"Authorization": proof})
            assert answer.status == 200
            assert path != "/api/v1/checks" or "secret-host" in await answer.text()


async def test_strangers_read_the_pages_of_a_monitor_that_knows_somebody() -> None:
    async with client(a_scene(), KNOWN, extra=EXTRA) as http:
        for path in (*STARTS, "/static/style.css", "/service/signal"):
            assert (await http.get(path)).status == 200, path
        stream = await http.get("/events")
        assert stream.status == 200
        assert (await http.get("/no-such-page")).status == 404
        assert (await http.get("/", headers={"Authorization": _basic("u:wrong")})).status == 200


async def test_pages_may_be_kept_by_everybody_only_where_everybody_may_read_them() -> None:
    async def control(listen: Listen, *, is_public: bool) -> str:
        scene = a_scene()
        scene.is_public = is_public
        async with client(scene, listen) as http:
            return (await http.get("/", headers={"Authorization": "Bearer t0k"})).headers["Cache-Control"]

    assert await control(OPEN, is_public=False) == "public, no-cache"
    assert await control(KNOWN, is_public=True) == "public, no-cache"
    assert await control(KNOWN, is_public=False) == "private, no-cache"


async def test_evidence_keeps_what_is_no_secret() -> None:
    async with client(a_scene()) as http:
        (item,) = (await (await http.get(f"/api/v1/outages/{signal_open().id}")).json())["evidence"]
    assert (item["vantage"], item["check"], item["message"]) == ("fra-1", "signal/chat", "")
    assert (item["layer"], item["reason"], item["at"]["epoch_ms"]) == ("tcp", "refused", (NOW - 200) * 1000)


@pytest.mark.parametrize("path", ["/feed.atom", "/api/v1/outages", "/api/v1/outages.ics", "/api/v1/outages.csv", "/"])
async def test_links_lead_to_the_url_that_is_configured_whatever_host_is_asked(path: str) -> None:
    scene = a_scene()
    scene.url = "https://status.example"
    async with client(scene) as http:
        for host in ("127.0.0.1:1", "evil.example", ""):
            answer = await http.get(path, headers={"Host": host})
            text = (await answer.text()).replace("\r\n ", "")
            assert answer.status == 200
            assert "https://status.example/" in text
            assert "evil.example" not in text


@pytest.mark.parametrize("path", ["/api/v1/checks", "/metrics", "/runbooks/CheckDown.md"])
async def test_to_a_browser_too_what_is_inside_looks_like_what_is_not_there(path: str) -> None:
    seen = []
    async with client(a_scene()) as http:
        for asked in (path, "/nothing"):
            answer = await http.get(asked, headers={"Accept": "text/html"})
            seen.append((answer.status, answer.content_type, (await answer.text()).replace(asked, "")))
    assert seen[0] == seen[1]
