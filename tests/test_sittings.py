"""The judge at work: by which clock it hears and sits."""

import pytest

from monitor.clock import Pulse
from monitor.domain.ruling import Ruling
from monitor.judgement.judge import Judge
from monitor.sittings import Clerk, Sittings
from monitor.store.values import Resumed
from tests.judgement.court import HERE, attempt, check
from tests.support.fakes import FakeClock

CHAT = check("chat", "acme")


class Home:
    """Sittings between a clock that can be set and a store that keeps nothing."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.judge = Judge()
        self.judge.replace((CHAT,), (), (HERE,), self.clock.now())
        pulse = Pulse(self.clock, self.judge.shift)

        async def nothing() -> Resumed:
            return Resumed(windows=(), spans=(), memory={})

        async def at_once() -> None:
            pass

        def advise(ruling: Ruling) -> Ruling:
            return ruling

        self.sittings = Sittings(
            self.judge,
            self.clock,
            Clerk(
                mind=pulse.mind,
                recall=nothing,
                keep=lambda _: None,
                kept=at_once,
                keep_seconds=lambda _: None,
                advise=advise,
                tell=lambda _: None,
            ),
        )
        self.sittings.replace(HERE, ())

    async def round(self) -> None:
        self.sittings.observe(CHAT, attempt(CHAT, self.clock.now()))
        await self.sittings.sit()
        self.clock.advance(30.0)


@pytest.mark.parametrize("is_sat_first", [False, True])
@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
async def test_a_step_of_the_clock_is_known_before_the_first_stamp_after_it(seconds: float, is_sat_first: bool) -> None:
    """No beat of the pulse comes in between."""
    home = Home()
    await home.sittings.begin()
    for _ in range(10):
        await home.round()
    home.judge.settle(home.clock.now())
    home.clock.wall += seconds
    if is_sat_first:
        await home.sittings.sit()
    for _ in range(4):
        await home.round()
    rows = home.judge.settle(home.clock.now())
    up, unknown = (sum(getattr(row, state) for row in rows if row.component) for state in ("up", "unknown"))
    assert (round(up), round(unknown)) == (120, 0)


async def test_it_is_known_for_how_long_nothing_was_judged() -> None:
    home = Home()
    await home.sittings.sit()  # it cannot: nobody knows what was before
    home.clock.advance(40.0)
    assert home.clock.monotonic() - home.sittings.sat == 40.0
    await home.sittings.begin()
    await home.sittings.sit()
    assert home.clock.monotonic() == home.sittings.sat
