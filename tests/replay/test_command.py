"""``lastseen replay`` as people and scripts run it: a process, its exit code, what it prints where."""

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.replay.making import FOLDER, expecting, fault, window, write
from tests.support.monitor import ROOT, environment

PAUSE = FOLDER / "n04b_monitor_pause_hides_start.yaml"
MAINTENANCE = FOLDER / "n07_maintenance_and_overrun.yaml"


def replay(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "replay", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
        env=environment(COLUMNS="120"),
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_people_see_what_was_expected_what_was_found_and_the_means() -> None:
    done = replay(PAUSE, MAINTENANCE)
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    first, means = done.stdout.split("\n\n")[0], done.stdout.split("\n\n")[-1]
    assert first.startswith("n04b_monitor_pause_hides_start  100  Outage begins while the monitor sleeps\n")
    assert "expected w1  whatsapp.chat whatsapp.groups: component|service, global, total, at handshake" in first
    assert "14:30 (-10 +3 min) to 14:50 (-2 +4 min), told by 14:36, closed by 15:10" in first
    assert "found        whatsapp.chat: component, global, total, at handshake, cause provider, from eu-par" in first
    assert [line.split()[:3] for line in means.splitlines()[1:]] == [["n", "2", "100"], ["all", "2", "100"]]


def test_programs_get_one_object_a_line() -> None:
    done = replay("--json", PAUSE, MAINTENANCE)
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["scenario"], first["score"]) == ("n04b_monitor_pause_hides_start", 100)
    assert set(first["windows"][0]) == {
        "target",
        "breadth",
        "reach",
        "kind",
        "layer",
        "cause",
        "start",
        "end",
        "decided_open",
        "decided_closed",
        "vantages",
        "sentence",
    }
    assert second["windows"][0]["decided_open"] >= 7200, "nobody is told during the announced maintenance"
    assert second["vantage_states"] == []


def test_a_window_that_is_missed_ends_with_1(tmp_path: Path) -> None:
    done = replay(write(tmp_path, duration=5400, noise=0, expected=expecting(window())))
    assert done.returncode == 1
    assert "MISSED" in done.stdout
    assert "made  15" in done.stdout


def test_a_window_that_is_invented_ends_with_1(tmp_path: Path) -> None:
    silent = expecting(silence=[{"targets": ["*"], "from": 0, "to": None}], max_windows=0)
    done = replay(write(tmp_path, duration=5400, noise=0, faults=[fault()], expected=silent))
    assert done.returncode == 1
    assert "FALSE        whatsapp.chat: component, global, total" in done.stdout


def test_with_one_vantage_the_others_are_silent() -> None:
    done = replay("--json", "--vantage", "eu-par", PAUSE)
    windows = json.loads(done.stdout)["windows"]
    assert {(window["reach"], *window["vantages"]) for window in windows} == {("undetermined", "eu-par")}


def test_broken_files_end_with_2_and_all_that_is_wrong_in_each(tmp_path: Path) -> None:
    names = write(tmp_path, faults=[fault(targets=["whatsapp.chad"])])
    values = tmp_path / "values.yaml"
    values.write_text("id: x\nduration: soon\n")
    text = tmp_path / "text.yaml"
    text.write_text("id: [\n")
    done = replay(names, values, text, tmp_path / "absent.yaml", PAUSE)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{names}: faults.f1: no target matches 'whatsapp.chad'" in done.stderr
    assert f"{values}:2:11: must be a whole number" in done.stderr
    assert f"{text}:2:1: not YAML" in done.stderr
    assert f"{tmp_path / 'absent.yaml'}:1:1: cannot read the file" in done.stderr


def test_a_vantage_that_a_scenario_does_not_have_ends_with_2() -> None:
    done = replay("--vantage", "moon", PAUSE)
    assert done.returncode == 2
    assert f"{PAUSE}: no vantage 'moon'" in done.stderr


def test_what_a_file_says_that_is_not_known_is_told_on_stderr(tmp_path: Path) -> None:
    done = replay("--json", write(tmp_path, duration=600, noise=0, prober=[{"event": "eclipse"}]))
    assert done.returncode == 0
    assert "prober.0: event 'eclipse' is not known and passed over" in done.stderr


def test_with_a_speed_decisions_are_told_as_they_fall(tmp_path: Path) -> None:
    path = write(tmp_path, duration=4800, noise=0, faults=[fault(to=2400)], expected=expecting(max_windows=1))
    began = time.monotonic()
    done = replay("--speed", "6000", path)
    assert time.monotonic() - began >= 0.8
    told = [line.split()[:2] for line in done.stdout.splitlines() if line[:2].isdigit()]
    assert ["06:32", "open"] in told
    assert told[-1][1] == "closed"


def test_on_a_terminal_a_bar_shows_the_progress_and_vanishes() -> None:
    parent, child = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "monitor", "replay", "--json", str(PAUSE)],
        stdout=subprocess.DEVNULL,
        stderr=child,
        cwd=ROOT,
        env=environment(TERM="xterm", COLUMNS="80"),
    ) as process:
        os.close(child)
        shown = b""
        while chunk := _read(parent):
            shown += chunk
        os.close(parent)
    assert process.returncode == 0
    assert b"replaying" in shown
    assert shown.rstrip().endswith(b"\x1b[2K"), "the bar's line is wiped"


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # EIO: the other end of the terminal is closed
        return b""


@pytest.mark.parametrize("word", ["--vantage", "--speed", "--json", "Example: lastseen replay"])
def test_the_help_names_the_options_and_an_example(word: str) -> None:
    assert word in replay("--help").stdout
