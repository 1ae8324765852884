"""Kinds and commands are named as text, so that nothing is imported before it is asked for: what mypy cannot see."""

import inspect
import subprocess
import sys

import pytest

from monitor.domain.alert import ChannelSettings
from monitor.domain.ports import Channel, Probe
from monitor.domain.settings import ProbeSettings
from monitor.registry import CHANNEL_SETTINGS, CHANNELS, PROBE_SETTINGS, PROBES

_IMPORTED = "import sys; from monitor.commands import {}; print(*sys.modules)"


def signature(kind: type, method: str) -> list[tuple[str, object]]:
    found = inspect.signature(getattr(kind, method))
    return [(name, parameter.kind) for name, parameter in found.parameters.items()]


@pytest.mark.parametrize("kind", sorted(PROBES))
def test_a_probe_is_what_the_port_says(kind: str) -> None:
    probe = PROBES[kind]
    assert issubclass(PROBE_SETTINGS[kind], ProbeSettings)
    assert inspect.iscoroutinefunction(probe.attempt)
    assert signature(probe, "attempt") == signature(Probe, "attempt")
    assert len(signature(probe, "__init__")) == len(signature(Probe, "__init__"))


@pytest.mark.parametrize("kind", sorted(CHANNELS))
def test_a_channel_is_what_the_port_says(kind: str) -> None:
    channel = CHANNELS[kind]
    assert issubclass(CHANNEL_SETTINGS[kind], ChannelSettings)
    for method in ("send", "check"):
        assert inspect.iscoroutinefunction(getattr(channel, method))
        assert signature(channel, method) == signature(Channel, method)
    assert len(signature(channel, "__init__")) == len(signature(Channel, "__init__"))


def test_an_unknown_kind_is_a_key_error() -> None:
    assert PROBE_SETTINGS.get("carrier-pigeon") is None
    assert "tcp" in PROBES


def imported(command: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", _IMPORTED.format(command)], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_monitor_starts_without_what_it_does_not_need() -> None:
    rooms = {name.split(".")[1] for name in imported("run") if name.startswith("monitor.")}
    assert "web" in rooms
    assert not rooms & {"channels", "probes", "demo", "replay", "reports", "oneshot", "terminal"}


def test_a_configuration_is_read_without_a_server() -> None:
    libraries = {name.split(".")[0] for name in imported("settings")}
    assert "pydantic" in libraries
    assert not libraries & {"aiohttp", "apscheduler", "jinja2", "sqlalchemy"}
