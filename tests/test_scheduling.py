import asyncio
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from typing_extensions import override

from monitor.clock import SystemClock
from monitor.domain.vitals import Skip
from monitor.scheduling import Group, Member, Schedule, Shedder
from tests.support.fakes import FakeClock


class Starts:
    def __init__(self) -> None:
        self.clock = SystemClock()
        self.late: list[float] = []
        self.by_key: Counter[str] = Counter()

    def member(self, key: str, interval: float, *, jitter: bool = False) -> Member:
        def start(due: float) -> None:
            self.late.append(self.clock.monotonic() - due)
            self.by_key[key] += 1

        return Member(key=key, interval=interval, start=start, jitter=jitter)


async def test_every_member_runs_once_an_interval_and_the_first_run_comes_within_the_first() -> None:
    starts = Starts()
    schedule = Schedule(starts.clock)
    members = [starts.member(f"m{n}", 1.0) for n in range(60)]
    members = [member for member in members if 0.1 < member.phase < 0.9]
    schedule.apply(members)
    schedule.start()
    await asyncio.sleep(1.0)
    assert starts.by_key == {member.key: 1 for member in members}
    await asyncio.sleep(1.0)
    schedule.stop()
    assert starts.by_key == {member.key: 2 for member in members}
    assert max(starts.late) < 0.1


async def test_members_are_spread_evenly_over_the_interval() -> None:
    phases = sorted(Member(key=f"service/c/{n}/tcp", interval=10, start=print).phase for n in range(2000))
    per_tenth = Counter(int(phase * 10) for phase in phases)
    assert all(140 < per_tenth[tenth] < 260 for tenth in range(10))


def test_the_phase_of_a_check_is_the_same_in_every_process() -> None:
    whatsapp = Member(key="whatsapp/chat/g.whatsapp.net:443/tcp", interval=60, start=print)
    assert whatsapp.phase == pytest.approx(0.948550133, abs=1e-9)
    one = Member(key="a", interval=60, start=print).phase
    assert one == Member(key="a", interval=60, start=print).phase != Member(key="b", interval=60, start=print).phase


async def test_a_gap_of_some_cycles_is_counted_and_not_caught_up() -> None:
    clock, skipped, started = FakeClock(), Counter[Skip](), list[float]()
    group = Group(10.0, clock, Shedder(), skipped)
    group.replace([Member(key=str(n), interval=10.0, start=started.append) for n in range(5)])
    group.begin_cycle()
    clock.advance(9.99)
    await asyncio.sleep(0)
    clock.advance(60.0)
    group.begin_cycle()
    group.stop()
    assert skipped[Skip.GAP] >= 5 * 6
    assert len(started) <= 5


async def test_after_the_first_round_nobody_waits_much_longer_than_an_interval() -> None:
    clock, due = FakeClock(), dict[str, list[float]]()
    group = Group(60.0, clock, Shedder(), Counter())
    group.replace([Member(key=str(n), interval=60.0, start=print, jitter=n % 2 == 0) for n in range(500)])
    group._walk = lambda: None  # type: ignore[method-assign]  # only the plan is looked at
    for _ in range(4):
        group.begin_cycle()
        for moment, member in group._pending:
            due.setdefault(member.key, []).append(moment - clock.monotonic())
        group._pending = []
        due = {key: [moment - 60.0 for moment in moments] for key, moments in due.items()}
        clock.advance(60.0)
    for moments in due.values():
        assert moments[0] + 4 * 60.0 <= 10.1, "soon"
        gaps = [later - earlier for earlier, later in pairwise(moments)]
        strays = 60.0 / 10 + 0.1
        assert max(gaps) <= 60.0 * 4 / 3 + strays
        assert min(gaps) >= 60.0 / 3 - strays


async def test_two_fires_within_one_cycle_run_it_once() -> None:
    starts = Starts()
    group = Group(0.5, starts.clock, Shedder(), Counter())
    group.replace([starts.member("a", 0.5)])
    group.begin_cycle()
    group.begin_cycle()
    await asyncio.sleep(0.52)
    group.stop()
    assert starts.by_key["a"] == 1


async def test_a_reload_keeps_the_rest_running_and_gives_the_new_one_its_first_run_soon() -> None:
    starts = Starts()
    schedule = Schedule(starts.clock)
    schedule.apply([starts.member("old", 1.0), starts.member("gone", 1.0)])
    schedule.start()
    await asyncio.sleep(1.05)
    assert starts.by_key == {"old": 1, "gone": 1}
    schedule.apply([starts.member("old", 1.0), starts.member("new", 1.0)])
    await asyncio.sleep(2.05)
    schedule.stop()
    assert starts.by_key["gone"] <= 2
    assert 2 <= starts.by_key["old"] <= 4
    assert 2 <= starts.by_key["new"] <= 3


async def test_a_wall_clock_set_back_an_hour_does_not_silence_us() -> None:
    class Stepped(SystemClock):
        step = 0.0

        @override
        def now(self) -> float:
            return super().now() + self.step

    starts = Starts()
    clock = Stepped()
    schedule = Schedule(clock)
    schedule.apply([starts.member("a", 1.0)])
    schedule.start()
    await asyncio.sleep(0.05)
    # The library plans the next fire an hour ahead, as it would see it after the step.
    job = schedule._scheduler.get_jobs()[0]
    schedule._scheduler.modify_job(job.id, next_run_time=job.next_run_time + timedelta(hours=1))
    schedule.realign()
    await asyncio.sleep(2.1)
    schedule.stop()
    assert starts.by_key["a"] >= 2


@pytest.mark.parametrize("level", [0.1, 0.25, 0.5, 0.9])
def test_shedding_takes_from_every_check_alike(level: float) -> None:
    shedder = Shedder()
    shedder.level = level
    members = [Member(key=str(n), interval=1, start=print) for n in range(100)]
    ran = [sum(shedder.admits(member) for _ in range(200)) for member in members]
    assert max(ran) - min(ran) <= 1
    assert sum(ran) / (100 * 200) == pytest.approx(1 - level, abs=0.01)


def test_lateness_raises_the_level_and_calm_lowers_it_again() -> None:
    shedder, now = Shedder(), 0.0
    for _ in range(10):
        now += 1.1
        shedder.note(now, 0.6)
    assert 0.5 < shedder.level < 0.95
    for _ in range(60):
        now += 1.1
        shedder.note(now, 0.001)
    assert shedder.level == 0.0


def test_the_burst_after_a_stop_is_no_overload() -> None:
    shedder, now = Shedder(), 100.0
    for lateness in (12.0, 8.0, 0.9, 0.3):  # all that was due meanwhile, in one burst
        shedder.note(now, lateness)
        now += 0.01
    for _ in range(50):
        now += 0.1
        shedder.note(now, 0.001)
    assert shedder.level == 0


def test_due_times_lie_on_a_grid_and_stay_there() -> None:
    group = Group(10.0, FakeClock(), Shedder(), Counter())
    group.replace([Member(key=str(n), interval=10.0, start=print) for n in range(4000)])
    for moment in (0.0, 0.001, 1000.0199, 1000.02, 123456.789):
        point = group._on_grid(moment)
        assert -1e-6 < point - moment < 0.0201
        assert group._on_grid(point) == pytest.approx(point, abs=1e-9)


@pytest.mark.parametrize(("members", "seconds"), [(1, 0.05), (1600, 0.05), (4000, 0.02), (10_000, 0.008)])
def test_eight_runs_share_a_wake_up(members: int, seconds: float) -> None:
    group = Group(10.0, FakeClock(), Shedder(), Counter())
    group.replace([Member(key=str(n), interval=10.0, start=print) for n in range(members)])
    assert group._grid == pytest.approx(seconds)


class Set(SystemClock):
    """A wall clock that is ``step`` off, against a monotonic one that stood still for ``asleep`` seconds."""

    step = 0.0
    asleep = 0.0

    @override
    def now(self) -> float:
        return super().now() + self.step

    @override
    def monotonic(self) -> float:
        return super().monotonic() - self.asleep


async def test_a_wall_clock_set_back_an_hour_does_not_silence_the_house_either() -> None:
    calls, schedule = list[int](), Schedule(SystemClock())

    async def sit() -> None:
        calls.append(1)

    schedule.every(0.1, sit)
    schedule.start()
    # The library plans the next fire an hour ahead, as it would see it after the step.
    (job,) = schedule._scheduler.get_jobs()
    schedule._scheduler.modify_job(job.id, next_run_time=job.next_run_time + timedelta(hours=1))
    schedule.realign()
    await asyncio.sleep(0.35)
    schedule.stop()
    assert len(calls) >= 2


@pytest.mark.parametrize("asleep", [0.25, 0.1], ids=["as a suspended machine", "as small steps that add up"])
async def test_cycles_stay_where_the_monotonic_clock_has_them_though_nobody_tells_of_a_step(asleep: float) -> None:
    starts, clock = Starts(), Set()
    schedule = Schedule(clock)
    schedule.apply([starts.member("a", 0.5)])
    schedule.start()
    await asyncio.sleep(0.02)
    (group,) = schedule._groups.values()
    clock.asleep = asleep
    await asyncio.sleep(1.0)
    (job,) = schedule._scheduler.get_jobs()
    off = job.next_run_time.timestamp() - (clock.now() + group.until_next_cycle())
    schedule.stop()
    assert abs(off) < 0.05


async def test_intervals_that_differ_by_a_millisecond_are_two() -> None:
    starts = Starts()
    schedule = Schedule(starts.clock)
    schedule.apply([starts.member("a", 3600.0), starts.member("b", 3600.001)])
    schedule.start()
    schedule.apply([starts.member("a", 3600.0)])
    assert len(schedule._scheduler.get_jobs()) == 1
    schedule.stop()


async def test_a_reload_or_a_step_while_we_stop_starts_nothing_and_breaks_nothing() -> None:
    starts = Starts()
    schedule = Schedule(starts.clock)
    schedule.apply([starts.member("a", 0.1)])
    schedule.start()
    await asyncio.sleep(0.02)
    schedule.stop()
    starts.by_key.clear()
    schedule.realign()
    schedule.apply([starts.member("a", 0.1), starts.member("b", 0.2)])
    schedule.apply([starts.member("b", 0.3)])
    await asyncio.sleep(0.4)
    assert not starts.by_key
