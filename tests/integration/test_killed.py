"""A monitor that is killed again and again decides what an undisturbed one decides."""

import asyncio
import os
import random
import signal
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from monitor.config import load_foreign
from monitor.domain.outage import OutageQuery, Window
from monitor.domain.words import Status
from monitor.judgement.judge import Judge
from monitor.replay.attempts import attempt_of, check_of
from monitor.replay.loader import load_scenario
from monitor.replay.scenario import Scenario
from monitor.replay.simulation import Simulation
from monitor.store import Store

SCENARIOS = Path(__file__).parent.parent / "scenarios"
KILLS = 50
"""In each of two scenarios: a hundred altogether."""
_POSITION = "test|position"


async def live(scenario: Scenario, database: Path, progress: int) -> None:
    """Watch the scenario from where the last life was on disk; one byte to ``progress`` for every tick."""
    store = Store(f"sqlite:///{database}")
    store.claim()
    past = await store.resume()
    position = float(past.memory.get(_POSITION, "-1"))
    simulation = Simulation(scenario)
    checks = {target.name: check_of(scenario, target) for target in scenario.targets.values()}
    witnesses = [checks[target.name] for target in scenario.targets.values() if target.control]
    judge = Judge()
    watched = [check for check in checks.values() if check not in witnesses]
    judge.replace(watched, witnesses, scenario.vantages, scenario.t0)
    judge.resume(past.windows, past.spans, past.memory, scenario.t0 + position)
    for second, seen in simulation.ticks():
        if second <= position:
            continue
        pairs = sorted(zip(simulation.pairs, seen, strict=True), key=lambda pair: checks[pair[0][1]] not in witnesses)
        for (vantage, target), what in pairs:
            judge.observe(vantage, checks[target], attempt_of(checks[target], scenario.t0 + second, what))
        ruling = judge.sit(scenario.t0 + second)
        # The place in the scenario is written with the ruling, as one: a life begins where the last one was on disk.
        store.keep(replace(ruling, memory=(*ruling.memory, (_POSITION, str(second)))))
        await store.kept()
        os.write(progress, b".")
    await store.close()


def born(scenario: Scenario, database: Path) -> tuple[int, int]:
    """A child that lives; its process id, and where its progress can be read."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            asyncio.run(live(scenario, database, writing))
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    return child, reading


def windows_in(database: Path) -> list[dict[str, Any]]:
    async def read() -> list[Window]:
        store = Store(f"sqlite:///{database}")
        store.claim()
        await store.resume()
        noted = await store.archive.windows(OutageQuery(limit=1000))
        await store.close()
        return [window for window, _ in noted if window.status is not Status.ABSORBED]

    # What was fine before the first failure is only in memory: after a crash it may be unknown, never wrong.
    return [{**asdict(window), "start_after": None, "sentence": ""} for window in asyncio.run(read())]


def undisturbed(scenario: Scenario, database: Path) -> list[dict[str, Any]]:
    child, reading = born(scenario, database)
    while os.read(reading, 4096):
        pass
    os.close(reading)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return windows_in(database)


def killed(scenario: Scenario, database: Path, kills: int) -> tuple[list[dict[str, Any]], int]:
    """The windows of a monitor that is killed ``kills`` times at random moments, and how often it was."""
    chance = random.Random(20221025)  # noqa: S311  # the same moments each time, as far as the machine allows
    ticks = scenario.duration // scenario.pace.interval
    done = 0
    while True:
        child, reading = born(scenario, database)
        if done < kills:
            for _ in range(chance.randint(0, max(1, 2 * ticks // kills))):
                if not os.read(reading, 1):
                    break
            time.sleep(chance.random() * 0.01)
            os.kill(child, signal.SIGKILL)
        while os.read(reading, 4096):
            pass
        os.close(reading)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            return windows_in(database), done
        assert status == -signal.SIGKILL, status
        done += 1


@pytest.mark.parametrize("name", ["h13_whatsapp_2017_11_03_partial_relapse", "h06_whatsapp_2023_07_19_flap_1of3"])
def test_fifty_kills_change_no_window(name: str, tmp_path: Path) -> None:
    scenario = load_scenario(SCENARIOS / f"{name}.yaml", load_foreign)
    wanted = undisturbed(scenario, tmp_path / "undisturbed.db")
    assert wanted
    found, kills = killed(scenario, tmp_path / "killed.db", KILLS)
    assert kills >= KILLS // 2, "the scenario was over too soon: hardly anything was killed"
    assert found == wanted
