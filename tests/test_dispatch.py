"""Alerting at work: whatever goes wrong in it costs alerting, and nothing that the judgement decided."""

from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.config import loads
from monitor.dispatch import Dispatch, Standing
from monitor.domain.alert import Acknowledgement, Silence
from monitor.domain.ruling import Ruling
from monitor.domain.words import State
from monitor.registry import CHANNEL_SETTINGS, PROBE_SETTINGS
from monitor.store import Store
from tests.support.judged import T0, a_window

CONFIGURATION = loads(
    """
    vantage: {name: fra-1}
    services: [{name: s, components: [{name: c, targets: [{probe: tcp, address: "127.0.0.1:9"}]}]}]
    witnesses: []
    alerts:
      channels: [{name: hook, channel: webhook, url: "http://127.0.0.1:9/"}]
      routes: [{name: oncall, channels: hook, remind: 1h, escalate: {after: 15m, channels: hook}}]
    """,
    PROBE_SETTINGS,
    None,
    {},
    CHANNEL_SETTINGS,
    name="test",
)


def test_a_desk_that_stumbles_loses_no_ruling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = Standing(state_of=lambda _: State.UNKNOWN, windows=tuple)
    dispatch = Dispatch(SystemClock(), Store(f"sqlite:///{tmp_path}/x.db"), standing, "lastseen")
    ruling = Ruling(at=T0, windows=(a_window(),))

    def stumble(_: Ruling) -> Ruling:
        raise KeyError

    monkeypatch.setattr(dispatch.desk, "decide", stumble)
    assert dispatch.advise(ruling) == ruling


async def after_a_restart(tmp_path: Path, *, looked_after: bool = False, silenced: bool = False) -> list[str]:
    """What is told first in a new life, one hour into an outage that the last life told of."""
    url, ruling = f"sqlite:///{tmp_path}/x.db", Ruling(at=T0, windows=(a_window(),))
    now = SystemClock().now()
    store = Store(url)
    before = Dispatch(SystemClock(), store, Standing(state_of=lambda _: State.UNKNOWN, windows=tuple), "lastseen")
    before.follow(CONFIGURATION)
    store.keep(before.advise(ruling))
    await store.kept()
    if looked_after:
        await store.archive.acknowledge(Acknowledgement(window_id=a_window().id, at=T0 + 60, author="me"))
    if silenced:
        silence = Silence(id="q", service="s", since=T0, until=now + 3600, author="me", comment="")
        await store.archive.silence(silence)
    await store.close()
    store = Store(url)
    after = Dispatch(SystemClock(), store, Standing(state_of=lambda _: State.UNKNOWN, windows=tuple), "lastseen")
    after.follow(CONFIGURATION)
    await after.resume(await store.resume())
    told = after.advise(Ruling(at=T0 + 7200.0)).messages
    await store.close()
    return sorted(str(message.event) for message in told)


async def test_who_looks_after_an_outage_is_not_called_again_because_the_monitor_restarted(tmp_path: Path) -> None:
    assert await after_a_restart(tmp_path, looked_after=True) == []


async def test_what_is_silenced_stays_so_from_the_first_moment_after_a_restart(tmp_path: Path) -> None:
    assert await after_a_restart(tmp_path, silenced=True) == []


async def test_what_nobody_looks_after_is_told_on_after_a_restart(tmp_path: Path) -> None:
    assert await after_a_restart(tmp_path) == ["escalated", "reminder"]
