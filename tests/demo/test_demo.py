"""The whole demo as a person starts it: a process, its terminal, its page, its end."""

import gc
import http.client
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest
from rich.console import Console

from monitor.config import loads
from monitor.demo.demo import Demo, Order
from monitor.demo.story import read_story
from monitor.registry import PROBE_SETTINGS
from tests.support.monitor import ROOT, environment
from tests.support.namespace import Namespace
from tests.support.servers import free_port

_PATIENCE = 60.0
_FAST = "900"
"""Thirteen seconds for the story, and some for the quiet after it."""


def start(folder: Path, *arguments: str, prefix: Sequence[str] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*prefix, sys.executable, "-m", "monitor", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=environment(TMPDIR=str(folder)),
    )


def lines_until(process: subprocess.Popen[str], text: str) -> list[str]:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if text in line:
            return said
    raise AssertionError("".join(said))


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Namespace]:
    """A place with a way out that nothing may take."""
    with Namespace(tmp_path) as namespace:
        namespace.add_dead_line()
        namespace.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/out/disable_ipv6")  # its own chatter
        namespace.call(lambda: Path("/proc/thread-self/net/dev").read_text())
        yield namespace


def sent_out(namespace: Namespace) -> int:
    """Packets that left by the line into nothing."""
    table = namespace.call(lambda: Path("/proc/thread-self/net/dev").read_text())
    (row,) = re.findall(r"^\s*out:(.*)$", table, re.MULTILINE)
    return int(row.split()[9])


def get(namespace: Namespace, port: int, path: str) -> Any:
    def read() -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()

    return json.loads(namespace.call(read))


def test_the_outage_is_found_and_nothing_else_and_nobody_outside_is_asked(alone: Namespace, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    before, port = sent_out(alone), free_port()
    with start(home, "--exit", "--speed", _FAST, "--listen", f"127.0.0.1:{port}", prefix=alone.prefix) as demo:
        lines_until(demo, "begins to come back")
        (found,) = get(alone, port, "/api/v1/outages")["outages"]
        standing = get(alone, port, "/api/v1/services")
        said = lines_until(demo, "nothing else")
        assert demo.wait(_PATIENCE) == 0
    assert (found["target"], found["breadth"], found["cause"]) == ("whatsapp", "service", "provider")
    assert {"facebook", "instagram", "messenger"} == set(found["unaffected"])
    states = {service["name"]: service["state"] for service in standing["services"]}
    assert states.pop("whatsapp") == "down"
    assert set(states.values()) == {"up"}
    assert sum(line.startswith("found ") for line in said) == 1
    assert sent_out(alone) == before
    assert not [*home.iterdir()], "what was written for the demo is gone with it"


@pytest.fixture
def untuned() -> Iterator[None]:
    """What a monitor does to its process is undone: others live in this one."""
    thresholds, turn = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    sys.setswitchinterval(turn)


@pytest.mark.usefixtures("untuned")
async def test_a_day_on_which_nothing_is_found_is_not_right(tmp_path: Path) -> None:
    story = read_story()
    calm = replace(story, scenario=replace(story.scenario, faults=()), lines=story.lines[:2])
    said = io.StringIO()
    order = Order(story=calm, listen=f"127.0.0.1:{free_port()}", speed=1000.0, folder=tmp_path, stays=False)
    demo = Demo(order, partial(loads, kinds=PROBE_SETTINGS, catalogue=None, environ={}), Console(file=said, width=200))
    await demo.run()
    assert demo.is_right is False
    assert "That is not what happened." in said.getvalue()
    assert (tmp_path / "monitor.yaml").exists()


def test_it_stops_at_once_and_says_where_the_page_is_when_the_usual_place_is_taken(
    alone: Namespace, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    leader, follower = pty.openpty()
    taken = alone.call(lambda: socket.create_server(("127.0.0.1", 9797)))
    with taken, os.fdopen(leader, "rb", buffering=0) as terminal:
        demo = subprocess.Popen(
            [*alone.prefix, sys.executable, "-m", "monitor", "demo"],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=ROOT,
            env=environment(TMPDIR=str(home), TERM="xterm-256color", COLUMNS="120"),
        )
        os.close(follower)
        said = read_until(terminal, " to go")
        demo.send_signal(signal.SIGINT)
        assert demo.wait(10) == 0
    (port,) = re.findall(r"page +http://127\.0\.0\.1:(\d+)/", said)
    assert port != "9797"
    assert "\x1b[" in said, "colours, as this is a terminal"
    assert not [*home.iterdir()]


def read_until(terminal: IO[bytes], text: str) -> str:
    said = b""
    while text.encode() not in said and (piece := terminal.read(4096)):
        said += piece
    return said.decode()


def test_it_says_why_it_cannot_run(alone: Namespace, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/lastseen.db").touch()
    taken = alone.call(lambda: socket.create_server(("127.0.0.1", 9797)))
    with taken:
        for arguments, why in (
            (("--listen", "127.0.0.1:9797"), "address already in use"),
            (("--listen", "nowhere"), "no port in 'nowhere'"),
            (("--keep", str(tmp_path / "kept")), "is not empty"),
        ):
            with start(tmp_path, *arguments, prefix=alone.prefix) as demo:
                said, _ = demo.communicate(timeout=_PATIENCE)
            assert demo.returncode == 2, said
            assert why in said
            assert "Traceback" not in said
