"""CPU of a protocol's probe beside that of a connection and of a TLS handshake, all in one process, taking turns."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.processes import PROBER, WORLD
from bench.results import Result, at_most

_CHECKS = 60
_GOALS = {
    "whatsapp": ("tls", 1.5),
    "whatsapp-wss": ("tls", 1.5),
    "telegram": ("tcp", 3.0),
    "telegram-abridged": ("tcp", 3.0),
    "mqtt": ("tcp", 3.0),
    "xmpp": ("tcp", 3.0),
    "smtp": ("tcp", 3.0),
    "imap": ("tcp", 3.0),
    "irc": ("tcp", 3.0),
    "nats": ("tcp", 3.0),
    "stun-udp": ("tcp", 3.0),
}
"""How many times the CPU of which other probe each may cost."""


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """The prober has one core, the stand-ins another; runner and sinks are part of what both sides cost."""
    rounds, count = (3, 200) if quick else (12, 600)
    with _stand_ins(folder) as targets:
        config = _write_config(folder / "protocols.yaml", targets)
        cpus = ",".join(map(str, PROBER))
        command = ["taskset", "--cpu-list", cpus, sys.executable, "-m", "bench.closed", config, str(count), str(rounds)]
        ended = subprocess.run(command, check=True, capture_output=True)
    micros = {name: min(costs) * 1e6 for name, costs in json.loads(ended.stdout).items()}
    for name, (other, goal) in _GOALS.items():
        detail = f"CPU a probe: {micros[name]:.0f} us, {other} {micros[other]:.0f} us"
        yield at_most(f"{name} probe against {other}", micros[name] / micros[other], goal, "x", detail)


@contextmanager
def _stand_ins(folder: Path) -> Iterator[Mapping[str, Any]]:
    """The targets, by name, while their servers run."""
    cpus = ",".join(map(str, WORLD))
    command = ["taskset", "--cpu-list", cpus, sys.executable, "-m", "bench.standins", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def _write_config(path: Path, targets: Mapping[str, Any]) -> str:
    """One service with a component for each name: JSON, which is YAML."""
    components = [
        {"name": name, "targets": [{"name": f"t{number}", **target} for number in range(_CHECKS)]}
        for name, target in targets.items()
    ]
    service = {"name": "bench", "interval": "10s", "timeout": "5s", "components": components}
    store = f"sqlite:///{path.with_suffix('.db')}"
    path.write_text(json.dumps({"witnesses": [], "store": store, "log": {"level": "warning"}, "services": [service]}))
    return str(path)
