import asyncio
import json
from typing import Any

import pytest

from monitor.domain.check import Check
from monitor.domain.vitals import Ignored
from monitor.domain.words import Outcome
from monitor.formats.feed import Made, Unreadable, rows_as_json
from monitor.peers.hearing import Hearing
from tests.peers.telling import CHECK, REFUSED, Heard, a_page, made
from tests.support.fakes import FakeClock, a_check

NOW = 1_700_000_000.0
WITNESS = a_check("w", service="witness", component="vantage")


def rows(*attempts: Made, first: int = 1) -> list[Any]:
    found: list[Any] = json.loads(b"[" + rows_as_json(first, attempts) + b"]")
    return found


class Scene:
    """One that listens, its clock at `NOW`."""

    def __init__(self, *checks: Check) -> None:
        self.clock = FakeClock(now=NOW)
        self.heard = Heard()
        self.hearing = Hearing(self.clock, self.heard.ears())
        self.hearing.replace({check.id: check for check in checks or (CHECK, WITNESS)})
        self.number = 0

    async def begin(self) -> None:
        """The first answer: no attempts, a place to begin."""
        assert not await self.hearing.take("away", a_page(now=self.clock.wall), self.clock.wall)

    async def take(self, *attempts: Made, run: str = "aa", behind: float = 0.0, **changes: Any) -> bool:
        """What came after that; ``behind``: so much is the peer's clock behind ours."""
        found = rows(*attempts, first=self.number + 1)
        self.number += len(found)
        page = a_page(found, run=run, now=self.clock.wall - behind, next=self.number, **changes)
        return await self.hearing.take("away", page, self.clock.wall)


async def begun(*checks: Check) -> Scene:
    scene = Scene(*checks)
    await scene.begin()
    return scene


async def test_an_attempt_of_a_check_of_ours_is_heard_as_it_was_made_there() -> None:
    check = a_check("a", interval=7.0)  # the same check, asked more often here
    scene = await begun(check)
    await scene.take(made(NOW - 3), made(NOW - 1, outcome=Outcome.FAILED))
    (vantage, of, first), (_, _, second) = scene.heard.attempts
    assert (vantage, of) == ("away", check)
    assert (first.started, first.duration, first.outcome, first.failure) == (NOW - 3, 0.1, Outcome.OK, None)
    assert (second.outcome, second.failure) == (Outcome.FAILED, REFUSED)
    assert (scene.hearing.taken, scene.hearing.after) == (2, 2)
    assert scene.hearing.lag == pytest.approx(2.9)


async def test_witnesses_are_heard_by_their_id_and_what_is_not_watched_here_is_counted() -> None:
    scene = await begun()
    await scene.take(made(NOW - 3, WITNESS.id), made(NOW - 2, "s/c/elsewhere/fake"), made(NOW - 1))
    assert [check.id for _, check, _ in scene.heard.attempts] == [WITNESS.id, CHECK.id]
    assert scene.hearing.ignored == {Ignored.NOT_WATCHED: 1}


async def test_at_first_contact_only_what_is_new_is_asked_for() -> None:
    scene = Scene()
    assert scene.hearing.after is None
    page = a_page(rows(made(NOW - 1)), now=NOW, next=500, newest=500)
    assert not await scene.hearing.take("away", page, NOW)
    assert scene.hearing.after == 500
    assert scene.heard.attempts == []


async def test_a_peer_that_was_restarted_is_asked_from_its_beginning_and_loses_nothing() -> None:
    scene = await begun()
    await scene.take(made(NOW - 9), made(NOW - 8))
    assert await scene.take(run="bb", newest=7), "ask again, at once"
    assert scene.hearing.after == 0
    scene.number = 0
    await scene.take(made(NOW - 2), run="bb")
    assert scene.heard.begins == [NOW - 9, NOW - 8, NOW - 2]
    assert scene.hearing.lost == 0


async def test_what_the_peer_has_forgotten_is_counted() -> None:
    scene = await begun()
    scene.number = 40
    await scene.take(made(NOW - 1), is_lost=True)
    assert scene.heard.begins == [NOW - 1]
    assert scene.hearing.lost == 1


async def test_there_is_more_to_be_had_while_the_newest_was_not_reached() -> None:
    scene = await begun()
    assert await scene.take(made(NOW - 2), newest=2)
    assert not await scene.take(made(NOW - 1), newest=2)
    assert not await scene.take(newest=9), "a page that gets nowhere is not asked for again at once"


async def test_numbers_that_go_back_are_refused() -> None:
    scene = await begun()
    await scene.take(made(NOW - 2), made(NOW - 1))
    with pytest.raises(Unreadable, match="go back"):
        await scene.hearing.take("away", a_page(now=NOW, next=1, newest=5), NOW)


async def test_rows_out_of_number_are_malformed() -> None:
    scene = await begun()
    found = [*rows(made(NOW - 5), first=3), *rows(made(NOW - 4), first=3), *rows(made(NOW - 3), first=9)]
    await scene.hearing.take("away", a_page(found, now=NOW, next=5), NOW)
    assert scene.heard.begins == [NOW - 5]
    assert scene.hearing.ignored == {Ignored.MALFORMED: 2}


async def test_a_bad_row_costs_itself_only() -> None:
    scene = await begun()
    newer = [2, CHECK.id, NOW - 4, 0.1, "failed", 0, "quic", "reset", "no"]
    found = [*rows(made(NOW - 5)), "nonsense", newer, *rows(made(NOW - 3), first=3)]
    await scene.hearing.take("away", a_page(found, now=NOW, next=3), NOW)
    assert scene.heard.begins == [NOW - 5, NOW - 3]
    assert scene.hearing.ignored == {Ignored.MALFORMED: 1, Ignored.UNKNOWN_WORD: 1}


@pytest.mark.parametrize("behind", [-7200.0, -3.0, 3.0, 7200.0])
async def test_the_stamps_of_a_clock_that_is_wrong_are_moved(behind: float) -> None:
    scene = Scene()
    await scene.take(behind=behind)
    await scene.take(made(NOW - 3 - behind), made(NOW - 1 - behind), behind=behind)
    assert scene.heard.begins == pytest.approx([NOW - 3, NOW - 1])
    assert scene.hearing.skew.seconds == pytest.approx(behind)


async def test_clocks_that_agree_to_half_a_second_are_left_alone() -> None:
    scene = await begun()
    await scene.take(made(NOW - 3), behind=0.4)
    assert scene.heard.begins == [NOW - 3]
    assert scene.hearing.skew.seconds == 0


async def test_one_answer_that_took_long_moves_nothing() -> None:
    scene = await begun()
    await scene.take(made(NOW - 3), behind=2.5)  # two and a half seconds on its way
    await scene.take(made(NOW - 2))
    assert scene.heard.begins == [NOW - 3, NOW - 2]


async def test_a_step_of_the_peers_clock_is_followed() -> None:
    scene = await begun()
    await scene.take(made(NOW - 9))
    for back in (5, 4):
        await scene.take(made(NOW - back + 3600), behind=-3600.0)
    await scene.take(made(NOW - 3 - 3600), behind=3600.0)  # by the quicker of two answers it has not stepped yet
    await scene.take(made(NOW - 2 - 3600), behind=3600.0)
    assert scene.heard.begins == [NOW - 9, NOW - 5, NOW - 4, NOW - 2]
    assert scene.hearing.ignored == {Ignored.UNTIMELY: 1}


async def test_a_step_of_our_own_clock_changes_nothing() -> None:
    scene = await begun()
    await scene.take(made(NOW - 3), behind=0.0)
    scene.clock.wall -= 3600
    scene.hearing.shift(-3600)
    await scene.take(made(NOW - 2), behind=-3600.0)
    scene.clock.wall += 7200
    scene.hearing.shift(7200)
    await scene.take(made(NOW - 1), behind=3600.0)
    assert scene.heard.begins == pytest.approx([NOW - 3, NOW - 3602, NOW + 3599])
    assert scene.hearing.ignored == {}


async def test_what_is_old_out_of_order_or_of_the_future_is_not_heard() -> None:
    scene = await begun()
    await scene.take(made(NOW - 700), made(NOW - 5), made(NOW - 5), made(NOW - 6), made(NOW + 60), made(NOW - 1))
    assert scene.heard.begins == [NOW - 5, NOW - 1]
    assert scene.hearing.ignored == {Ignored.UNTIMELY: 4}


async def test_nothing_is_heard_before_its_time() -> None:
    scene = await begun()
    await scene.take(made(NOW + 0.3))
    assert scene.heard.begins == [NOW]


async def test_what_is_made_up_for_is_sat_over_as_often_as_if_it_had_been_heard_in_time() -> None:
    scene = await begun()
    await scene.take(made(NOW - 300))
    scene.heard.order.clear()
    await scene.take(*(made(NOW - 300 + second) for second in range(1, 21)))
    assert scene.heard.order.count("sat") == 3
    assert max(map(len, "".join(word[0] for word in scene.heard.order).split("s"))) <= 6


async def test_many_rows_give_others_their_turn() -> None:
    scene = await begun()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.ensure_future(count())
    await scene.take(*(made(NOW - 3 + number / 1000) for number in range(2000)))
    counting.cancel()
    assert len(scene.heard.attempts) == 2000
    assert turns >= 9


async def test_a_check_that_is_not_watched_any_more_is_not_heard_of() -> None:
    scene = await begun()
    await scene.take(made(NOW - 3))
    scene.hearing.replace({})
    await scene.take(made(NOW - 2))
    scene.hearing.replace({CHECK.id: CHECK})
    await scene.take(made(NOW - 1))
    assert scene.heard.begins == [NOW - 3, NOW - 1]
