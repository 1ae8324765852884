import asyncio
import time

import pytest

from monitor.clock import Pulse, SystemClock
from tests.support.fakes import FakeClock


def test_a_beat_that_comes_late_is_remembered_from_its_moment_on() -> None:
    clock = FakeClock()
    pulse = Pulse(clock, lambda _: None)
    before = clock.monotonic()
    clock.advance(0.35)
    pulse.take()
    assert 0.29 < pulse.late_since(before) < 0.36
    pulse._last = clock.monotonic()
    clock.advance(0.05)
    assert pulse.late_since(clock.monotonic()) == 0.0


def test_standing_still_for_a_minute_is_one_gap() -> None:
    clock = FakeClock()
    pulse = Pulse(clock, lambda _: None)
    clock.advance(60.0)
    pulse.take()
    assert pulse.gaps == 1
    assert 59 < pulse.gap_seconds < 61


def test_a_step_of_the_wall_clock_is_told_and_a_gap_is_no_step() -> None:
    clock, steps = FakeClock(), list[float]()
    pulse = Pulse(clock, steps.append)
    clock.advance(60.0)
    pulse.take()
    assert steps == []
    clock.wall -= 3600.0
    pulse.take()
    assert [round(step) for step in steps] == [-3600]
    pulse.take()
    assert len(steps) == 1


def test_a_jump_of_the_wall_clock_is_told_whether_it_was_set_or_we_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, steps, jumps, slept = FakeClock(), list[float](), list[int](), [0.0]
    monkeypatch.setattr("monitor.clock._asleep", lambda: slept[0])
    pulse = Pulse(clock, steps.append, lambda: jumps.append(1))
    slept[0] = 600.0
    clock.wall += 600.0
    pulse.take()
    assert (steps, len(jumps)) == ([], 1), "who slept was not set"
    clock.wall -= 3600.0
    pulse.take()
    assert ([round(step) for step in steps], len(jumps)) == ([-3600], 2)
    clock.advance(60.0)
    pulse.take()
    assert len(jumps) == 2


def test_whoever_asks_learns_of_a_step_before_the_next_beat_and_it_is_told_once() -> None:
    clock, steps = FakeClock(), list[float]()
    pulse = Pulse(clock, steps.append)
    clock.wall += 3600.0
    pulse.mind()
    assert [round(step) for step in steps] == [3600]
    pulse.mind()
    pulse.take()
    assert len(steps) == 1
    assert pulse.gaps == 0


async def test_a_loop_that_is_blocked_right_now_is_late_before_the_next_beat() -> None:
    pulse = Pulse(SystemClock(), lambda _: None)
    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(pulse.beat())
        await asyncio.sleep(0.12)
        began = time.monotonic()
        time.sleep(0.4)  # noqa: ASYNC251  # blocking the loop is the point
        assert pulse.late_since(began) > 0.25
        await asyncio.sleep(0.12)
        assert pulse.late_since(began) > 0.25
        beating.cancel()
