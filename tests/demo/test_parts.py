"""The demo's parts: the facts, the faster day, the stand-ins as our own probes meet them, the configuration."""

import asyncio
import ipaddress
import socket
import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from monitor.asking import ask
from monitor.clock import SystemClock
from monitor.config import Configuration, load_foreign, loads
from monitor.demo.day import Day
from monitor.demo.standins import StandIn, open_all, plan
from monitor.demo.story import read_story
from monitor.demo.written import Wishes, write
from monitor.domain.attempt import Attempt
from monitor.domain.words import Layer, Outcome, Reason
from monitor.parts import make_network
from monitor.registry import PROBE_SETTINGS, PROBES
from monitor.replay.loader import load_scenario
from monitor.replay.simulation import Seen, Simulation
from tests.support.fakes import FakeClock
from tests.support.monitor import ROOT, environment

STORY = read_story()
FINE = Seen(None, "", 0.01)


def configuration(stand_ins: list[StandIn], speed: float = 100.0) -> Configuration:
    wishes = Wishes(listen="127.0.0.1:9797", store="sqlite:////tmp/a $HOME/x.db", speed=speed)
    return loads(write(STORY, stand_ins, wishes), PROBE_SETTINGS, None, {}, name="demo")


def test_the_demo_plays_what_the_scenario_of_that_day_says() -> None:
    (theirs,) = (ROOT / "tests/scenarios").glob("h05*.yaml")
    recorded, played = load_scenario(theirs, load_foreign), STORY.scenario
    assert played.t0 == recorded.t0
    seen_here = [replace(fault, vantages=("here",)) for fault in recorded.faults]
    assert list(played.faults) == seen_here
    assert {name for name in recorded.targets if "control" not in name} == {
        name for name in played.targets if "control" not in name
    }
    (expected,), (wanted,) = recorded.expected.windows, played.expected.windows
    for field in ("target", "breadth", "kind", "layer", "cause", "start", "open_by", "end", "close_by"):
        assert getattr(wanted, field) == getattr(expected, field), field


def test_the_story_is_told_in_order_while_something_happens() -> None:
    times = [line.at for line in STORY.lines]
    assert times == sorted(times)
    assert STORY.start < min(fault.start for fault in STORY.scenario.faults)
    assert STORY.end > max(fault.end for fault in STORY.scenario.faults)
    assert 100 <= (STORY.end - STORY.start) / 100 <= 140, "two minutes at the usual speed"


def test_stand_ins_can_enact_every_fault_of_the_story() -> None:
    speaks_http = {one.target.name: one.speaks_http for one in plan(STORY.scenario.targets.values())}
    for fault in STORY.scenario.faults:
        assert fault.effect in ("send_rejected", "app_handshake_timeout", "http_5xx")
        assert {speaks_http[name] for name in fault.targets} == {fault.effect == "http_5xx"}, fault.id


def test_the_day_goes_as_fast_as_it_is_told_to_and_fails_as_the_simulation_says() -> None:
    clock = FakeClock()
    day = Day(STORY, 100.0, clock)
    clock.advance(50.0)
    day.begin()
    scenario = STORY.scenario
    same = Simulation(replace(scenario, pace=replace(scenario.pace, interval=15)))
    index = [name for _, name in same.pairs].index("whatsapp.groups")
    for second, seen in same.ticks():
        if second < STORY.start or second > STORY.end:
            continue
        clock.advance((second + 0.5 - day.second) / 100)
        assert day.met_by("whatsapp.groups") == seen[index], second
    assert day.second_of(day.began_at + 10.0) == STORY.start + 1000.0
    clock.advance(1000.0)
    assert day.left == 0.0
    assert day.met_by("whatsapp.groups").layer is None, "when the scenario is over all stays well"


async def met(component: str, seen: Seen, stack: AsyncExitStack) -> Attempt:
    """One real probe, as the demo's configuration has it, at the stand-in of a component that fares so."""
    planned = [one for one in plan(STORY.scenario.targets.values()) if one.target.name in (component, "control.a")]
    opened = await open_all(planned, lambda _: seen, stack)
    made = configuration(opened)
    (check,) = made.checks
    clock = SystemClock()
    found, _ = await ask(check, PROBES[check.kind](check.settings, make_network(made, clock)), clock, (0, 0))
    return found


@pytest.mark.parametrize("component", ["whatsapp.chat", "whatsapp.web"])
async def test_a_stand_in_answers_while_all_is_well(component: str) -> None:
    async with AsyncExitStack() as stack:
        assert (await met(component, FINE, stack)).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("component", "seen", "layer", "reason"),
    [
        ("whatsapp.groups", Seen(Layer.SEND, "send_rejected", 0.01), Layer.HANDSHAKE, Reason.EXPECT),
        ("whatsapp.chat", Seen(Layer.HANDSHAKE, "app_handshake_timeout", 10.0), Layer.HANDSHAKE, Reason.TIMEOUT),
        ("whatsapp.web", Seen(Layer.HTTP, "http_503", 0.01), Layer.HTTP, Reason.STATUS),
    ],
)
async def test_a_stand_in_fails_as_its_service_failed(component: str, seen: Seen, layer: Layer, reason: Reason) -> None:
    async with AsyncExitStack() as stack:
        failure = (await met(component, seen, stack)).failure
    assert failure is not None
    assert (failure.layer, failure.reason) == (layer, reason)


async def test_a_stand_in_goes_elsewhere_when_its_place_is_taken() -> None:
    target = STORY.scenario.targets["whatsapp.web"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        planned = StandIn(target=target, host="127.0.0.1", port=taken.getsockname()[1])
        async with AsyncExitStack() as stack:
            (opened,) = await open_all([planned], lambda _: FINE, stack)
            assert opened.port != planned.port
            _, writer = await asyncio.open_connection(opened.host, opened.port)
            writer.close()


def test_the_configuration_asks_nobody_but_this_machine() -> None:
    made = configuration(plan(STORY.scenario.targets.values()))
    assert len(made.checks) == 17
    assert len({check.provider for check in made.witnesses}) == 3
    assert made.second_resolver is None
    assert made.store == "sqlite:////tmp/a $HOME/x.db"
    for check in (*made.checks, *made.witnesses):
        host = check.settings.endpoint.removeprefix("http://").partition(":")[0]
        assert ipaddress.ip_address(host).is_loopback, check.id


@pytest.mark.parametrize(("speed", "quiet"), [(100.0, 9.0), (1000.0, 1.0), (10.0, 90.0)])
def test_the_quiet_period_shrinks_with_the_day(speed: float, quiet: float) -> None:
    assert configuration(plan(STORY.scenario.targets.values()), speed).quiet == quiet


def test_the_configuration_that_is_shown_is_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "demo", "--show-config", "--listen", "127.0.0.1:9999"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment(),
    )
    shown = loads(done.stdout, PROBE_SETTINGS, None, {}, name="shown")
    assert shown.web.listen.port == 9999
    assert [service.title for service in shown.services] == [*STORY.titles.values()]
