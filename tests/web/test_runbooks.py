"""The links in alerts lead to the monitor itself."""

import re
from pathlib import Path

import yaml

from monitor.web.door import Listen
from tests.web.scene import Scene, client

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "docs/runbooks").glob("*.md"))


async def test_every_runbook_is_a_page_and_its_links_lead_to_others() -> None:
    assert len(NAMES) > 20
    async with client(Scene()) as http:
        for name in NAMES:
            answer = await http.get(f"/runbooks/{name}.md")
            page = await answer.text()
            assert answer.status == 200
            assert f"<h1>{name}</h1>" in page
            assert "|---|" not in page, "a table that is not one"
            article = page[page.index("<article") : page.index("</article>")]
            for link in re.findall(r'href="([^"]*)"', article):
                assert link.startswith("https://") or link.removesuffix(".md") in NAMES, (name, link)


async def test_what_is_no_runbook_is_not_found() -> None:
    async with client(Scene()) as http:
        for path in ("/runbooks/Nothing.md", "/runbooks/..%2Fbenchmarks.md", "/runbooks/VantageBlind"):
            assert (await http.get(path)).status == 404


async def test_strangers_do_not_see_them_where_the_page_is_public() -> None:
    scene = Scene()
    scene.is_public = True
    async with client(scene, Listen(host="127.0.0.1", port=0, username="ops", password="word")) as http:
        assert (await http.get("/")).status == 200
        assert (await http.get(f"/runbooks/{NAMES[0]}.md")).status in (401, 403)


def test_the_shipped_prometheus_links_to_them() -> None:
    settings = yaml.safe_load((ROOT / "config/prometheus/prometheus.yml").read_text())
    assert settings["global"]["external_labels"]["runbooks"] == "http://127.0.0.1:9797/runbooks"
