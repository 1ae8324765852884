"""Small scenarios made for a test, and windows as if they had been found."""

from pathlib import Path
from typing import Any

import yaml

from monitor.config import load_foreign
from monitor.replay.found import FoundWindow
from monitor.replay.loader import load_scenario
from monitor.replay.scenario import Scenario

FOLDER = Path(__file__).parents[1] / "scenarios"
FILES = sorted(FOLDER.glob("*.yaml"))


def window(**changes: Any) -> dict[str, Any]:
    """An expected window as a file has it."""
    return {
        "id": "w1",
        "target": "whatsapp",
        "breadth": "service",
        "reach": "global",
        "where": "all",
        "kind": "total",
        "layer": ["handshake"],
        "cause": "provider",
        "start": 1800,
        "start_tol": [60, 240],
        "open_by": 2160,
        "end": 3600,
        "end_tol": [60, 240],
        "close_by": 5400,
        **changes,
    }


def expecting(*windows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The ``expected`` part of a file."""
    return {"windows": list(windows), "silence": [], "vantage_states": [], "max_windows": 3, **changes}


def written(**changes: Any) -> dict[str, Any]:
    """A scenario as a file has it: two hours of seven vantages, and nothing breaks."""
    return {
        "id": "made",
        "title": "made for a test",
        "t0": "2022-10-25T06:00:00Z",
        "duration": 7200,
        "vantages": "world7",
        "services": ["whatsapp", "facebook", "telegram", "control"],
        "faults": [],
        "expected": expecting(),
        **changes,
    }


def fault(**changes: Any) -> dict[str, Any]:
    """A fault as a file has it."""
    return {
        "id": "f1",
        "from": 1800,
        "to": 3600,
        "vantages": "all",
        "targets": ["whatsapp.chat"],
        "effect": "app_handshake_timeout",
        **changes,
    }


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "made.yaml"
    path.write_text(yaml.safe_dump(written(**changes)))
    return path


def made(folder: Path, **changes: Any) -> Scenario:
    return load_scenario(write(folder, **changes), load_foreign)


def load(path: Path) -> Scenario:
    return load_scenario(path, load_foreign)


def found(**changes: Any) -> FoundWindow:
    """A found window that is right in everything that `window` expects."""
    given: dict[str, Any] = {
        "target": "whatsapp",
        "breadth": "service",
        "reach": "global",
        "kind": "total",
        "layer": "handshake",
        "cause": "provider",
        "start": 1800.0,
        "end": 3600.0,
        "decided_open": 1920.0,
        "decided_closed": 4500.0,
        "vantages": ("eu-par", "na-iad"),
        "sentence": "whatsapp: down",
        **changes,
    }
    return FoundWindow(**given)
