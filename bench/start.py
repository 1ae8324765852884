"""From the command to the first attempt."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from compileall import compile_dir
from pathlib import Path
from statistics import median

from bench.lastseen import checks, write_config
from bench.processes import PROBER, Process
from bench.results import Result, at_most
from bench.servers import get, site
from tests.support.servers import free_port

_STAMP = re.compile(rb"^lastseen_probe_last_run_timestamp_seconds\{.*\} ([0-9.]+)$", re.MULTILINE)
_MONITOR = Path(__file__).parent.parent / "monitor"
_CATALOGUE = Path(__file__).parent.parent / "config" / "monitor.yaml"


def run(folder: Path, *, quick: bool) -> Iterator[Result]:
    """Medians; the catalogue in a network namespace of its own, from which nothing can leave."""
    compile_dir(_MONITOR, quiet=1)  # as pip does when it installs
    rounds = 1 if quick else 5
    times = [_with_catalogue(folder) for _ in range(rounds)]
    yield at_most("start with the catalogue", median(times), 1.5, "s", _all(times))
    with site(folder) as served:
        targets = [*checks(served, "tcp", 7000), *checks(served, "http", 3000)]
        times = [first_attempt(folder, targets) for _ in range(1 if quick else 3)]
    yield at_most("start with 10,000 checks", median(times), 5, "s", _all(times))


def _all(times: list[float]) -> str:
    return "to the first attempt: " + ", ".join(f"{seconds:.2f} s" for seconds in times)


def first_attempt(folder: Path, targets: list[str] | None) -> float:
    """Seconds until the first attempt began, by its own stamp; without ``targets`` for what `make run` uses."""
    port = free_port()
    config = folder / "start.yaml"
    if targets is None:
        config.write_text(_catalogue(folder, port))
    else:
        write_config(config, port, targets, 10)
    began = time.time()
    with Process([sys.executable, "-m", "monitor", "run", config], folder, PROBER) as process:
        process.wait_for(lambda: bool(_stamps(port)))
        return min(_stamps(port)) - began


def _stamps(port: int) -> list[float]:
    return [float(stamp) for stamp in _STAMP.findall(get(f"http://127.0.0.1:{port}/metrics")[1])]


def _catalogue(folder: Path, port: int) -> str:
    """The default configuration, but for where it listens and stores."""
    lines = _CATALOGUE.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("web:", "store:"))]
    return "\n".join([*kept, f"web: {{listen: '127.0.0.1:{port}'}}", f"store: 'sqlite:///{folder / 'start.db'}'", ""])


def _with_catalogue(folder: Path) -> float:
    # A user namespace beside the one of networks: root is not needed where the kernel allows that.
    inside = f"ip link set lo up && exec {sys.executable} -m bench.start {folder}"
    ended = subprocess.run(["unshare", "--map-root-user", "--net", "sh", "-c", inside], check=True, capture_output=True)
    return float(json.loads(ended.stdout))


if __name__ == "__main__":
    print(json.dumps(first_attempt(Path(sys.argv[1]), None)))
