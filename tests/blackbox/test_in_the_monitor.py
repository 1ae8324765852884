"""/probe in the running monitor: its configuration, its door, its reload."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.monitor import Answer, Monitor
from tests.support.nginx import Nginx, nginx

GOOD = "modules: {web: {prober: http, timeout: 3s}}\n"
OTHER = "modules: {web: {prober: http, timeout: 3s, http: {valid_status_codes: [418]}}}\n"
BAD = OTHER + "  oops: {prober: gopher}\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("site"), "location / { return 200 ok; }") as server:
        yield server


def config(modules: Path, *allow: str) -> Mapping[str, Any]:
    web = {"probe_allow": list(allow), "bearer_token": "t0k"}
    return {"modules": str(modules), "services": [], "web": web}


def ask(monitor: Monitor, target: str) -> Answer:
    return monitor.get(f"/probe?{urlencode({'module': 'web', 'target': target})}")


def test_modules_and_allowance_follow_a_reload_and_a_bad_file_changes_nothing(tmp_path: Path, site: Nginx) -> None:
    modules = tmp_path / "blackbox.yml"
    modules.write_text(GOOD)
    target = f"http://127.0.0.1:{site.http}/"
    monitor = Monitor(tmp_path / "monitor", config(modules, "127.0.0.1"))
    monitor.headers["Authorization"] = "Bearer t0k"
    with monitor:
        assert monitor.get("/probe?target=127.0.0.1", {}).status == 401
        assert "probe_success 1" in ask(monitor, target).text
        assert ask(monitor, "http://localhost/").status == 403
        modules.write_text(BAD)
        refused = monitor.get("/-/reload", method="POST")
        assert refused.status == 422
        assert f"{modules}:2:" in refused.text
        assert "probe_success 1" in ask(monitor, target).text
        modules.write_text(OTHER)
        monitor.write(config(modules, "127.0.0.1:9"))
        assert monitor.get("/-/reload", method="POST").status == 200
        assert ask(monitor, target).status == 403
        monitor.write(config(modules, f"127.0.0.1:{site.http}"))
        assert monitor.get("/-/reload", method="POST").status == 200
        assert "probe_success 0" in ask(monitor, target).text
