import asyncio
from dataclasses import replace

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.words import Outcome, Reason
from monitor.witnesses import SERVICE, Witnesses
from tests.support.fakes import FakeClock, a_check


class Asked:
    def __init__(self, *answers: bool) -> None:
        self.answers = answers
        self.times = 0

    def functions(self) -> list[object]:
        return [self._one(answer) for answer in self.answers]

    def _one(self, answer: bool) -> object:
        async def ask() -> bool:
            self.times += 1
            await asyncio.sleep(0.01)
            return answer

        return ask


def witnesses(clock: FakeClock, asked: Asked) -> Witnesses:
    made = Witnesses(clock)
    made.replace(asked.functions())  # type: ignore[arg-type]  # coroutine functions, built above
    return made


async def test_one_answer_is_enough_to_be_online() -> None:
    clock = FakeClock()
    assert await witnesses(clock, Asked(False, True, False)).online_since(clock.monotonic() + 1)


async def test_none_answering_is_offline_until_one_does() -> None:
    clock, asked = FakeClock(), Asked(False, False)
    made = witnesses(clock, asked)
    assert not await made.online_since(clock.monotonic() + 1)
    assert not made.online
    made.observe(a_check(service=SERVICE), _ok(clock))
    assert made.online


async def test_many_failures_at_once_ask_the_witnesses_once() -> None:
    clock, asked = FakeClock(), Asked(False, False, False)
    made = witnesses(clock, asked)
    answers = await asyncio.gather(*(made.online_since(clock.monotonic() + 1) for _ in range(500)))
    assert answers == [False] * 500
    assert asked.times == 3
    clock.advance(4.0)
    await made.online_since(clock.monotonic() + 1)
    assert asked.times == 3
    clock.advance(2.0)
    await made.online_since(clock.monotonic() + 1)
    assert asked.times == 6


async def test_an_answer_since_the_failing_attempt_began_needs_no_asking() -> None:
    clock, asked = FakeClock(), Asked(False)
    made = witnesses(clock, asked)
    began = clock.monotonic()
    clock.advance(1.0)
    made.observe(a_check(service=SERVICE), _ok(clock))
    assert await made.online_since(began)
    assert asked.times == 0


async def test_without_witnesses_the_vantage_counts_as_online() -> None:
    assert await Witnesses(FakeClock()).online_since(0.0)


def _ok(clock: FakeClock) -> Attempt:
    return Attempt(
        check_id="witness/c/t/fake",
        started=clock.now(),
        duration=0.1,
        outcome=Outcome.OK,
        phases={},
        facts={},
        failure=None,
    )


async def test_when_every_scheduled_witness_finds_no_way_out_we_are_offline_though_nothing_failed() -> None:
    clock, asked = FakeClock(), Asked(True, True)
    made = witnesses(clock, asked)
    for target in ("a", "a", "b"):
        assert made.online
        made.observe(a_check(target, service=SERVICE), _cut_off(clock, Reason.SELF_NETWORK))
    assert not made.online
    made.observe(a_check("b", service=SERVICE), _ok(clock))
    assert made.online
    assert asked.times == 0


async def test_a_witness_that_found_no_descriptor_says_nothing_about_the_line() -> None:
    clock = FakeClock()
    made = witnesses(clock, Asked(False))
    made.observe(a_check(service=SERVICE), _cut_off(clock, Reason.SELF_FILES))
    assert made.online


def _cut_off(clock: FakeClock, reason: Reason) -> Attempt:
    failure = Failure(layer=None, reason=reason, message="no")
    return replace(_ok(clock), outcome=Outcome.INCONCLUSIVE, failure=failure)
