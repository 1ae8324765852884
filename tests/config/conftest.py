from pathlib import Path

import pytest

from monitor.config import Catalogue

WHATSAPP = """\
name: whatsapp
title: WhatsApp
provider: meta
interval: 60s
timeout: 10s
sources: ["[S] a public source"]
components:
  - name: chat
    title: Chat
    critical: true
    targets:
      - name: front
        probe: tcp
        address: "g.example:443"
        proves: "The chat front end accepts connections."
        source: "[S] a file"
      - {probe: tcp, address: "e.example:443", interval: 120s, confirm: {attempts: 1}}
      - {name: twice, probe: tcp, address: "t.example:443"}
      - {name: twice, probe: login, host: t.example}
  - name: web
    critical: false
    targets:
      - {probe: login, host: web.example, extra: {mode: oauth, ratio: 0.5}}
"""
SIGNAL = """\
name: signal
provider: signal
components:
  - name: chat
    targets: [{probe: tcp, address: "chat.example:443"}]
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    folder = tmp_path / "services"
    folder.mkdir()
    (folder / "whatsapp.yaml").write_text(WHATSAPP)
    (folder / "signal.yaml").write_text(SIGNAL)
    return Catalogue.load(folder)
