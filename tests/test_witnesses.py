import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import pytest

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Check
from monitor.domain.words import Layer, Outcome, Reason
from monitor.witnesses import Witness, Witnesses
from tests.support.fakes import FakeClock, a_check

NAMES, ADDRESS = ("a.example:443", "b.example:443"), "192.0.2.9:443"
OK = None
NXDOMAIN = Failure(layer=Layer.DNS, reason=Reason.NXDOMAIN, message="no such name")
REFUSED = Failure(layer=Layer.TCP, reason=Reason.REFUSED, message="refused")
NO_WAY_OUT = Failure(layer=None, reason=Reason.SELF_NETWORK, message="no route")
NO_RESOLVER = Failure(layer=None, reason=Reason.SELF_RESOLVER, message="dead")
NO_FILES = Failure(layer=None, reason=Reason.SELF_FILES, message="none left")


def a_witness(target: str) -> Check:
    return a_check(target, service="witness", component="vantage")


def attempt(check: Check, started: float, failure: Failure | None) -> Attempt:
    outcome = Outcome.OK if failure is None else Outcome.FAILED if failure.layer else Outcome.INCONCLUSIVE
    return Attempt(
        check_id=check.id, started=started, duration=0.1, outcome=outcome, phases={}, facts={}, failure=failure
    )


class World:
    """Two witnesses with a name and one by its address, which say what ``says`` has for them."""

    def __init__(self, targets: Iterable[str] = (*NAMES, ADDRESS)) -> None:
        self.clock = FakeClock()
        self.checks = {target: a_witness(target) for target in targets}
        self.says: dict[str, Failure | None] = dict.fromkeys(self.checks, OK)
        self.asked = 0
        self.witnesses = Witnesses(self.clock)
        self.witnesses.replace([Witness(check, self._ask(target)) for target, check in self.checks.items()])

    def _ask(self, target: str) -> Callable[[], Awaitable[Attempt]]:
        async def ask() -> Attempt:
            self.asked += 1
            started = self.clock.now()
            await asyncio.sleep(0.01)
            return attempt(self.checks[target], started, self.says[target])

        return ask

    def all_say(self, failure: Failure | None) -> None:
        self.says = dict.fromkeys(self.says, failure)

    def scheduled(self, target: str, failure: Failure | None) -> None:
        check = self.checks[target]
        self.witnesses.observe(check, attempt(check, self.clock.now(), failure))

    async def is_online(self) -> bool:
        """As a failure asks that began just now."""
        return await self.witnesses.online_since(self.clock.monotonic() + 0.001)

    async def resolves(self) -> bool:
        return await self.witnesses.resolve_since(self.clock.monotonic() + 0.001)


@pytest.fixture
def world() -> World:
    return World()


# -- is there a way out? ----------------------------------------------------------


async def test_one_answer_is_enough_to_be_online(world: World) -> None:
    world.all_say(REFUSED)
    world.says[NAMES[1]] = OK
    assert await world.is_online()


async def test_none_answering_is_offline_until_one_does(world: World) -> None:
    world.all_say(REFUSED)
    assert not await world.is_online()
    assert not world.witnesses.online
    world.scheduled(ADDRESS, OK)
    assert world.witnesses.online


async def test_many_failures_at_once_ask_the_witnesses_once(world: World) -> None:
    world.all_say(REFUSED)
    answers = await asyncio.gather(*(world.is_online() for _ in range(500)))
    assert answers == [False] * 500
    assert world.asked == 3
    world.clock.advance(2.0)
    assert not await world.is_online()
    assert world.asked == 3
    world.clock.advance(1.5)
    assert not await world.is_online()
    assert world.asked == 6


async def test_three_failures_two_seconds_apart_ask_anew_before_the_third(world: World) -> None:
    """The pauses of the default confirmation: who falls by it was checked against the present."""
    assert await world.is_online()
    world.all_say(REFUSED)  # the line is cut right after they were asked for somebody else
    verdicts = []
    for pause in (0.1, 2.0, 2.0):
        world.clock.advance(pause)
        verdicts.append(await world.is_online())
    assert verdicts[-1] is False


async def test_an_answer_since_the_failing_attempt_began_needs_no_asking(world: World) -> None:
    world.all_say(REFUSED)
    began = world.clock.monotonic()
    world.clock.advance(1.0)
    world.scheduled(NAMES[0], OK)
    assert await world.witnesses.online_since(began)
    assert await world.witnesses.resolve_since(began)
    assert world.asked == 0


async def test_without_witnesses_the_vantage_counts_as_online_and_its_resolver_as_sound() -> None:
    world = World(())
    assert await world.is_online()
    assert await world.resolves()


async def test_when_every_scheduled_witness_finds_no_way_out_we_are_offline_though_nothing_failed(world: World) -> None:
    for target in (NAMES[0], NAMES[0], NAMES[1], ADDRESS):
        assert world.witnesses.online
        world.scheduled(target, NO_WAY_OUT)
    assert not world.witnesses.online
    world.scheduled(ADDRESS, OK)
    assert world.witnesses.online
    assert world.asked == 0


async def test_a_witness_that_found_no_descriptor_says_nothing_about_the_line() -> None:
    world = World([ADDRESS])
    world.scheduled(ADDRESS, NO_FILES)
    assert world.witnesses.online


async def test_an_attempt_of_another_check_is_no_witness(world: World) -> None:
    world.all_say(REFUSED)
    assert not await world.is_online()
    check = a_check("somebody.example")
    world.witnesses.observe(check, attempt(check, world.clock.now(), OK))
    assert not world.witnesses.online


# -- is it the resolver? ----------------------------------------------------------


async def test_when_no_witness_is_found_by_its_name_the_resolver_is_broken_though_we_are_online(world: World) -> None:
    world.says |= dict.fromkeys(NAMES, NXDOMAIN)
    assert await world.is_online()
    assert not await world.resolves()
    world.scheduled(NAMES[0], OK)
    assert world.witnesses.resolves


async def test_one_name_that_is_found_clears_the_resolver_even_if_nobody_answers_there(world: World) -> None:
    world.says |= {NAMES[0]: NXDOMAIN, NAMES[1]: REFUSED}
    assert await world.resolves()


async def test_a_witness_by_its_address_says_nothing_about_the_resolver(world: World) -> None:
    world.says |= dict.fromkeys(NAMES, NO_RESOLVER)
    began = world.clock.monotonic()
    world.clock.advance(1.0)
    world.scheduled(ADDRESS, OK)
    assert not await world.witnesses.resolve_since(began)
    assert World([ADDRESS]).witnesses.resolves


async def test_with_only_an_address_to_ask_nobody_is_asked_about_names() -> None:
    world = World([ADDRESS])
    assert await world.resolves()
    assert world.asked == 0


async def test_names_that_could_not_be_asked_for_clear_nobody_and_blame_nobody(world: World) -> None:
    world.says |= dict.fromkeys(NAMES, NO_FILES)
    assert await world.resolves()


async def test_after_a_reload_the_new_witnesses_are_asked_at_once(world: World) -> None:
    world.all_say(REFUSED)
    assert not await world.is_online()
    other = replace(world.checks[ADDRESS])

    async def answers() -> Attempt:
        return attempt(other, world.clock.now(), OK)

    world.witnesses.replace([Witness(other, answers)])
    assert await world.is_online()
