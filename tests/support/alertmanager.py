"""Prometheus's Alertmanager itself, telling one webhook of every change within a second."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.servers import ServerProcess, free_port


class Alertmanager(ServerProcess):
    """``hook`` is where it posts its notifications."""

    def __init__(self, folder: Path, hook: str) -> None:
        port = free_port()
        configuration = folder / "alertmanager.yml"
        route = {"receiver": "hook", "group_by": ["conversation"], "group_wait": "100ms", "group_interval": "200ms"}
        receivers = [{"name": "hook", "webhook_configs": [{"url": hook, "send_resolved": True}]}]
        configuration.write_text(json.dumps({"route": route, "receivers": receivers}))
        command = ["prometheus-alertmanager", f"--config.file={configuration}", f"--storage.path={folder / 'data'}"]
        listen = [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
        super().__init__(folder, [*command, *listen], port)

    def alerts(self) -> list[dict[str, Any]]:
        """Those that fire."""
        with urllib.request.urlopen(f"http://{self.address}/api/v2/alerts", timeout=5) as response:
            found: list[dict[str, Any]] = json.load(response)
        return found
