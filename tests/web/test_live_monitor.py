"""A whole monitor tells an open page of an outage, serves it while many read, and ends its streams when it stops."""

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.monitor import Monitor

_STREAMS = 50
_PATIENCE = 30


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Takes connections until it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_greet, args=(listening,), daemon=True).start()
        yield listening


def _greet(listening: socket.socket) -> None:
    while True:
        try:
            listening.accept()[0].close()
        except OSError:
            return


def _stream(monitor: Monitor, stack: ExitStack) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", monitor.port, timeout=_PATIENCE)
    stack.callback(connection.close)
    connection.request("GET", "/events")
    return connection.getresponse()


def _until_news(stream: http.client.HTTPResponse) -> None:
    """Read up to the next event."""
    deadline = time.monotonic() + _PATIENCE
    while line := stream.readline():
        assert time.monotonic() < deadline, "there was no news"
        if line.startswith(b"data: "):
            return
    raise AssertionError("the stream ended")


def test_an_open_page_hears_of_an_outage_and_a_stop_ends_all_streams(tmp_path: Path, server: socket.socket) -> None:
    target = {"probe": "tcp", "address": f"127.0.0.1:{server.getsockname()[1]}"}
    service = {
        "name": "acme-chat",
        "interval": "1s",
        "timeout": "500ms",
        "confirm": {"attempts": 1, "delay": "200ms"},
        "components": [{"name": "mqtt", "targets": [target]}],
    }
    with Monitor(tmp_path, {"services": [service], "witnesses": []}) as monitor, ExitStack() as stack:
        streams = [_stream(monitor, stack) for _ in range(_STREAMS)]
        assert {stream.status for stream in streams} == {200}
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        deadline = time.monotonic() + _PATIENCE
        while "acme-chat is down" not in (page := monitor.get("/").text):
            assert time.monotonic() < deadline, page
            _until_news(streams[0])
        assert json.loads(monitor.get("/api/v1/services").body)["services"][0]["state"] == "down"
        for stream in streams[1:]:
            _until_news(stream)
        began = time.monotonic()
        monitor.signal(signal.SIGTERM)
        for stream in streams:
            stream.read()  # to its end; IncompleteRead if it were cut
        assert monitor.process.wait(10) == 0
        assert time.monotonic() - began < 5
