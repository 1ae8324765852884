import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import pytest
import uvloop
from typing_extensions import override

from monitor.clock import SystemClock
from monitor.domain.attempt import Attempt, Run
from monitor.domain.check import Check, Confirm
from monitor.domain.failures import ProbeFailed, ProbeInconclusive
from monitor.domain.vitals import Skip
from monitor.domain.words import Fact, FactValue, Layer, Outcome, Phase, Reason
from monitor.runner import Doubts, Runner, Slot
from tests.support.fakes import Collected, FakeProbe, FakeSettings, a_check

Act = Callable[[Run], Awaitable[None]]


class World:
    """A runner with doubts one can set, and what came out of it."""

    def __init__(self, tasks: asyncio.TaskGroup | None = None, max_in_flight: int = 10) -> None:
        self.clock = SystemClock()
        self.late = 0.0
        self.online = self.resolves = True
        self.elsewhere: dict[Fact, FactValue] = {}
        self.asked_until: list[float] = []
        self.out = Collected()
        self.doubts = Doubts(
            late_since=lambda _: self.late, online=self._online, resolves=self._resolves, second=self._second
        )
        self.runner = Runner(self.clock, self.doubts, [self.out], max_in_flight)
        if tasks is not None:
            self.runner.use(tasks)

    async def _online(self, _: float) -> bool:
        return self.online

    async def _resolves(self, _: float) -> bool:
        return self.resolves

    async def _second(self, _: Check, attempt: Attempt, until: float) -> Mapping[Fact, FactValue]:
        assert attempt.outcome is Outcome.FAILED
        self.asked_until.append(until)
        return self.elsewhere

    def slot(self, act: Act, check: Check | None = None) -> Slot:
        return Slot(check or a_check(confirm=Confirm(attempts=0)), FakeProbe(FakeSettings(), act=act))

    def launch(self, slot: Slot) -> None:
        self.runner.launch(slot, self.clock.monotonic())

    async def run(self, slot: Slot) -> None:
        async with asyncio.TaskGroup() as tasks:
            self.runner.use(tasks)
            self.launch(slot)
            self.runner.finish()


@pytest.fixture
def world() -> World:
    return World()


def failing(reason: Reason = Reason.REFUSED, retry_after: float | None = None) -> Act:
    async def act(run: Run) -> None:
        run.enter(Phase.CONNECT)
        raise ProbeFailed(Layer.TCP, reason, "no", retry_after=retry_after)

    return act


async def fine(run: Run) -> None:
    run.enter(Phase.CONNECT)


async def hang(run: Run) -> None:
    run.enter(Phase.TLS)
    await asyncio.sleep(60)


async def test_an_attempt_that_returns_is_ok_and_its_phases_sum_to_its_duration(world: World) -> None:
    await world.run(world.slot(fine))
    (attempt,) = world.out.attempts
    assert attempt.outcome is Outcome.OK
    assert sum(attempt.phases.values()) == pytest.approx(attempt.duration, abs=1e-9)


async def test_a_deadline_blames_the_layer_of_the_phase_it_cut(world: World) -> None:
    await world.run(world.slot(hang, a_check(timeout=0.05, confirm=Confirm(attempts=0))))
    (attempt,) = world.out.attempts
    assert attempt.failure is not None
    assert (attempt.outcome, attempt.failure.layer, attempt.failure.reason) == (
        Outcome.FAILED,
        Layer.TLS,
        Reason.TIMEOUT,
    )
    assert attempt.duration == pytest.approx(0.05, abs=0.04)


async def test_a_timeout_while_our_own_loop_stood_still_is_inconclusive(world: World) -> None:
    world.late = 1.0
    await world.run(world.slot(hang, a_check(timeout=0.05, confirm=Confirm(attempts=0))))
    failure = world.out.attempts[0].failure
    assert failure is not None
    assert (failure.layer, failure.reason) == (None, Reason.SELF_LAG)


@pytest.mark.parametrize("reason", [Reason.RESET, Reason.NAME_RESET])
async def test_so_is_a_connection_that_broke_meanwhile(world: World, reason: Reason) -> None:
    world.late = 2.0
    await world.run(world.slot(failing(reason)))
    failure = world.out.attempts[0].failure
    assert failure is not None
    assert (failure.layer, failure.reason) == (None, Reason.SELF_LAG)


async def test_a_refusal_stays_a_refusal_however_late_we_are(world: World) -> None:
    world.late = 1.0
    await world.run(world.slot(failing(Reason.REFUSED)))
    assert world.out.attempts[0].outcome is Outcome.FAILED


async def test_while_no_witness_answers_a_failure_is_ours(world: World) -> None:
    world.online = False
    await world.run(world.slot(failing()))
    (attempt,) = world.out.attempts
    assert attempt.failure is not None
    assert (attempt.outcome, attempt.failure.reason) == (Outcome.INCONCLUSIVE, Reason.VANTAGE_OFFLINE)
    assert "tcp/refused" in attempt.failure.message


def unresolved(reason: Reason = Reason.NXDOMAIN) -> Act:
    async def act(run: Run) -> None:
        run.facts[Fact.DNS_QUESTION] = "w.example.org A"
        raise ProbeFailed(Layer.DNS, reason, "no")

    return act


async def test_while_no_witness_is_found_by_its_name_a_failure_to_resolve_is_ours(world: World) -> None:
    world.resolves = False
    await world.run(world.slot(unresolved()))
    await world.run(world.slot(failing()))
    by_name, other = world.out.attempts
    assert by_name.failure is not None
    assert (by_name.outcome, by_name.failure.reason) == (Outcome.INCONCLUSIVE, Reason.SELF_RESOLVER)
    assert "dns/nxdomain" in by_name.failure.message
    assert other.outcome is Outcome.FAILED


async def test_what_somebody_else_says_of_a_failure_is_a_fact_of_the_attempt(world: World) -> None:
    world.elsewhere = {Fact.DNS_ELSEWHERE: True}
    began = world.clock.monotonic()
    await world.run(world.slot(unresolved(), a_check(timeout=7.0, confirm=Confirm(attempts=0))))
    (attempt,) = world.out.attempts
    assert attempt.outcome is Outcome.FAILED
    assert attempt.facts == {Fact.DNS_QUESTION: "w.example.org A", Fact.DNS_ELSEWHERE: True}
    (until,) = world.asked_until
    assert until == pytest.approx(began + 7.0, abs=0.1), "the attempt's own deadline"


async def test_nobody_else_is_asked_about_what_is_our_own_fault(world: World) -> None:
    world.online = False
    await world.run(world.slot(unresolved()))
    assert world.asked_until == []


async def test_a_first_failure_is_confirmed_at_once_and_nothing_is_overwritten(world: World) -> None:
    slot = world.slot(failing(), a_check(confirm=Confirm(attempts=3, delay=0.01)))
    await world.run(slot)
    assert [attempt.confirmation for attempt in world.out.attempts] == [0, 1, 2, 3]
    assert [run.retry for run in slot.probe.runs] == [0, 1, 2, 3]  # type: ignore[attr-defined]  # the fake's notebook
    await world.run(slot)
    assert [attempt.confirmation for attempt in world.out.attempts] == [0, 1, 2, 3, 0]


async def test_a_confirmation_that_succeeds_ends_the_confirming(world: World) -> None:
    answers = iter([failing(), fine])

    async def act(run: Run) -> None:
        await next(answers)(run)

    slot = world.slot(act, a_check(confirm=Confirm(attempts=3, delay=0.01)))
    await world.run(slot)
    assert [attempt.outcome for attempt in world.out.attempts] == [Outcome.FAILED, Outcome.OK]
    assert not slot.failing


async def test_an_inconclusive_attempt_is_not_confirmed(world: World) -> None:
    async def act(_: Run) -> None:
        raise ProbeInconclusive(Reason.SELF_FILES, "none left")

    await world.run(world.slot(act, a_check(confirm=Confirm(attempts=3, delay=0.01))))
    assert [attempt.outcome for attempt in world.out.attempts] == [Outcome.INCONCLUSIVE]


async def test_a_bug_in_a_probe_is_inconclusive_counted_and_no_outage(world: World) -> None:
    async def act(_: Run) -> None:
        raise KeyError("oops")

    await world.run(world.slot(act))
    failure = world.out.attempts[0].failure
    assert failure is not None
    assert (failure.layer, failure.reason) == (None, Reason.INTERNAL)
    assert world.runner.counts.internal_errors == 1


async def test_a_timeout_error_of_the_probe_itself_is_a_bug_not_a_deadline(world: World) -> None:
    async def act(_: Run) -> None:
        raise TimeoutError

    await world.run(world.slot(act))
    failure = world.out.attempts[0].failure
    assert failure is not None
    assert failure.reason is Reason.INTERNAL


async def test_a_foreign_network_that_asks_for_peace_gets_half_an_hour_of_it(world: World) -> None:
    slot = world.slot(failing(Reason.STATUS, retry_after=5), a_check(foreign=True, confirm=Confirm(attempts=0)))
    await world.run(slot)
    failure = world.out.attempts[0].failure
    assert failure is not None
    assert (failure.layer, failure.reason) == (None, Reason.RATE_LIMITED)
    assert slot.resume_at - world.clock.monotonic() == pytest.approx(1800, abs=1)
    world.launch(slot)
    assert world.runner.counts.skipped[Skip.BACKOFF] == 1
    slot.resume_at = 0
    await world.run(slot)
    assert slot.resume_at - world.clock.monotonic() == pytest.approx(3600, abs=1)


async def test_our_own_server_that_answers_429_has_failed(world: World) -> None:
    await world.run(world.slot(failing(Reason.STATUS, retry_after=5)))
    assert world.out.attempts[0].outcome is Outcome.FAILED


async def test_no_two_attempts_of_a_check_overlap() -> None:
    async with asyncio.TaskGroup() as tasks:
        world = World(tasks)
        slot = world.slot(hang, a_check(timeout=0.05, confirm=Confirm(attempts=0)))
        world.launch(slot)
        world.launch(slot)
        assert world.runner.counts.skipped[Skip.OVERRUN] == 1
        world.runner.finish()
    assert len(world.out.attempts) == 1


async def test_slow_checks_never_take_the_last_places() -> None:
    async with asyncio.TaskGroup() as tasks:
        world = World(tasks, max_in_flight=10)
        slots = [world.slot(hang, a_check(str(n), timeout=0.05, confirm=Confirm(attempts=0))) for n in range(20)]
        for slot in slots:
            slot.slow = True
            world.launch(slot)
        assert world.runner.counts.in_flight == 8
        quick = [world.slot(fine, a_check(f"q{n}")) for n in range(2)]
        for slot in quick:
            world.launch(slot)
        assert world.runner.counts.in_flight == 10
        assert world.runner.counts.skipped[Skip.CAPACITY] == 12
        world.runner.finish()
    assert {a.check_id for a in world.out.attempts if a.outcome is Outcome.OK} == {"s/c/q0/fake", "s/c/q1/fake"}
    assert world.runner.counts.in_flight == world.runner.counts.slow_in_flight == 0


async def test_a_sink_that_fails_costs_no_other_sink_its_observation() -> None:
    class Broken:
        def observe(self, check: Check, attempt: object) -> None:
            raise RuntimeError("disk full")

    async with asyncio.TaskGroup() as tasks:
        world = World(tasks)
        runner = Runner(world.clock, world.doubts, [Broken(), world.out], 5)
        runner.use(tasks)
        runner.launch(world.slot(fine), world.clock.monotonic())
        runner.finish()
    assert len(world.out.attempts) == 1
    assert runner.counts.sink_errors == {"Broken": 1, type(world.out).__name__: 0}


async def test_a_cancelled_run_leaves_its_place_free_and_records_nothing() -> None:
    async def cut_off() -> None:
        async with asyncio.timeout(0.01), asyncio.TaskGroup() as tasks:
            world.runner.use(tasks)
            world.launch(slot)

    world = World()
    slot = world.slot(hang)
    with pytest.raises(TimeoutError):
        await cut_off()
    assert not world.out.attempts
    assert not slot.busy
    assert world.runner.counts.in_flight == 0


async def test_a_deadline_that_strikes_while_an_excuse_holds_is_not_the_targets(world: World) -> None:
    async def waits_for_a_dead_resolver(run: Run) -> None:
        run.excuse = ProbeInconclusive(Reason.SELF_RESOLVER, "the resolver answers nobody")
        await asyncio.sleep(10)

    slot = world.slot(waits_for_a_dead_resolver, a_check(timeout=0.05, confirm=Confirm(attempts=0)))
    await world.run(slot)
    (attempt,) = world.out.attempts
    assert attempt.outcome is Outcome.INCONCLUSIVE
    assert attempt.failure is not None
    assert attempt.failure.reason is Reason.SELF_RESOLVER


async def test_a_worker_is_used_again_and_again() -> None:
    async with asyncio.TaskGroup() as tasks:
        world = World(tasks)
        slots = [world.slot(fine, a_check(str(n))) for n in range(3)]
        for _ in range(5):
            for slot in slots:
                world.launch(slot)
            await asyncio.sleep(0.01)
            assert len(world.runner._idle) == 3
        world.runner.finish()
    assert len(world.out.attempts) == 15


async def test_a_bug_in_the_runner_costs_one_run_and_not_the_monitor() -> None:
    async def broken(_: float) -> bool:
        raise RuntimeError("oops")

    async with asyncio.TaskGroup() as tasks:
        world = World(tasks)
        runner = Runner(world.clock, replace(world.doubts, online=broken), [world.out], 5)
        runner.use(tasks)
        slot = world.slot(failing())
        runner.launch(slot, world.clock.monotonic())
        await asyncio.sleep(0.01)
        assert not slot.busy
        assert runner.counts.internal_errors == 1
        runner.launch(world.slot(fine), world.clock.monotonic())
        runner.finish()
    assert [attempt.outcome for attempt in world.out.attempts] == [Outcome.OK]


def test_a_deadline_is_never_early_though_the_loop_counts_milliseconds() -> None:
    async def durations() -> list[float]:
        world = World()
        async with asyncio.TaskGroup() as tasks:
            world.runner.use(tasks)
            for number in range(10):
                check = a_check(str(number), timeout=0.0503, confirm=Confirm(attempts=0))
                world.launch(world.slot(hang, check))
                await asyncio.sleep(0.0007)
            world.runner.finish()
        return [attempt.duration for attempt in world.out.attempts]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        taken = [seconds for _ in range(5) for seconds in runner.run(durations())]
    assert len(taken) == 50
    assert min(taken) >= 0.0503


async def test_a_probe_that_answers_its_deadline_with_a_failure_of_its_own_spoils_no_later_deadline() -> None:
    async def stubborn(run: Run) -> None:
        try:
            await hang(run)
        except asyncio.CancelledError:
            raise ProbeFailed(Layer.TLS, Reason.CLOSED, "as I say goodbye") from None

    check = a_check(timeout=0.05, confirm=Confirm(attempts=0))
    async with asyncio.TaskGroup() as tasks:
        world = World(tasks)
        for act in (stubborn, hang, hang):
            world.launch(world.slot(act, check))  # all by the one worker
            await asyncio.sleep(0.1)
        world.runner.finish()
    reasons = [attempt.failure.reason for attempt in world.out.attempts if attempt.failure]
    assert reasons == [Reason.CLOSED, Reason.TIMEOUT, Reason.TIMEOUT]


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
async def test_a_clock_that_is_set_under_way_stamps_the_attempt_as_it_is_now(world: World, seconds: float) -> None:
    """What was seen an hour ago, or in an hour, would say nothing of the present."""

    class Set(SystemClock):
        step = 0.0

        @override
        def now(self) -> float:
            return super().now() + self.step

    clock = Set()

    async def while_it_is_set(run: Run) -> None:
        run.enter(Phase.CONNECT)
        clock.step = seconds

    world.runner._clock = clock
    began = clock.now() + seconds
    await world.run(world.slot(while_it_is_set))
    assert world.out.attempts[0].started == pytest.approx(began, abs=0.5)
