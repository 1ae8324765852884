"""The desk: who is told what, and above all what nobody is told."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import time
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.desk import Desk
from monitor.domain.alert import Hours, Message, Route, Silence
from monitor.domain.outage import Span, Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import Breadth, Event, Kind, Reach, Severity, Status, VantageState
from tests.support.judged import T0, a_window, closed

ROUTE = Route(name="r", channels=("a",))
HOUR = 3600.0


class Office:
    """A desk, a clock, and a memory that survives it."""

    def __init__(self, *routes: Route, minor: Iterable[str] = ()) -> None:
        self.routes, self.minor = routes or (ROUTE,), tuple(minor)
        self.memory: dict[str, str] = {}
        self.windows: dict[str, Window] = {}
        self.spans: tuple[Span, ...] = ()
        self.messages: list[Message] = []
        self.desk = self._appoint()

    def _appoint(self) -> Desk:
        desk = Desk()
        desk.replace(self.routes, self.minor)
        return desk

    def restart(self) -> None:
        """A new desk, which knows what was on disk."""
        silences, acknowledged = self.desk.silences, self.desk.acknowledged
        self.desk = self._appoint()
        alive = [w for w in self.windows.values() if w.status not in (Status.CLOSED, Status.ABSORBED)]
        self.desk.resume(alive, self.spans, self.memory)
        self.desk.silences, self.desk.acknowledged = silences, acknowledged

    def at(self, seconds: float, *windows: Window, spans: tuple[Span, ...] = ()) -> list[Event]:
        """Sit so many seconds after T0; the events that were told."""
        self.windows.update((window.id, window) for window in windows)
        self.spans = spans or self.spans
        ruling = self.desk.decide(Ruling(at=T0 + seconds, windows=windows, spans=spans))
        for key, text in ruling.memory:
            self.memory[key] = text
            if not text:
                del self.memory[key]
        self.messages += ruling.messages
        return [message.event for message in ruling.messages]


def test_an_outage_is_told_when_it_opens_and_when_it_is_over_in_one_conversation() -> None:
    office, window = Office(), a_window()
    assert office.at(10, window) == [Event.OPENED]
    assert office.at(11) == []
    over = replace(window, **closed(window))
    assert office.at(1500, over) == [Event.CLOSED]
    assert [(m.conversation, m.number, m.windows[0].status) for m in office.messages] == [
        (window.id, 1, Status.OPEN),
        (window.id, 2, Status.CLOSED),
    ]
    assert office.memory == {}, "what is over need not be remembered"
    assert office.at(1600) == []


def test_one_that_nobody_was_told_of_ends_in_silence() -> None:
    office, window = Office(replace(ROUTE, after=120.0)), a_window()
    assert office.at(30, window) == []
    assert office.at(100, replace(window, **closed(window, 60))) == []
    assert office.at(500) == []


def test_it_is_told_once_it_has_lasted_long_enough() -> None:
    office = Office(replace(ROUTE, after=120.0))
    assert office.at(30, a_window()) == []
    assert office.at(119) == []
    assert office.at(121) == [Event.OPENED]


def test_announced_maintenance_is_not_told_and_its_overrun_is() -> None:
    office, window = Office(), a_window(status=Status.PLANNED)
    assert office.at(10, window) == []
    assert office.at(HOUR, replace(window, status=Status.OPEN)) == [Event.OPENED]


def test_becoming_wider_is_told_and_becoming_narrower_is_not() -> None:
    office, window = Office(), a_window()
    office.at(10, window)
    wider = replace(window, breadth=Breadth.SERVICE, reach=Reach.REGIONAL)
    assert office.at(20, wider) == [Event.CHANGED]
    assert office.at(30, replace(wider, reach=Reach.LOCAL)) == []
    assert office.at(40, wider) == [], "it was as wide as that before"
    assert office.at(50, replace(wider, breadth=Breadth.PROVIDER)) == [Event.CHANGED]
    assert office.at(60, replace(wider, kind=Kind.INTERMITTENT)) == [], "the next reminder says so"


def test_an_open_one_is_told_again_once_in_each_period() -> None:
    office = Office()
    office.at(10, a_window())
    told = [event for second in range(20, 5 * 3600, 30) for event in office.at(second)]
    assert told == [Event.REMINDER] * 4


def test_one_that_flaps_for_six_hours_is_told_of_no_more_than_once_in_each_period() -> None:
    office, window = Office(), a_window()
    office.at(0, window)
    for minute in range(5, 360, 5):
        status = Status.RECOVERING if (minute // 5) % 2 else Status.OPEN
        kind = Kind.INTERMITTENT if minute > 20 else Kind.TOTAL
        office.at(minute * 60.0, replace(window, status=status, kind=kind, end=T0 + minute * 60.0))
    office.at(6 * HOUR + 900, replace(window, **closed(window, 6 * HOUR)))
    events = [message.event for message in office.messages]
    assert events[0] is Event.OPENED
    assert events[-1] is Event.CLOSED
    updates = [m.decided for m in office.messages[1:-1]]
    assert len(updates) <= 6
    assert all(later - earlier >= HOUR for earlier, later in pairwise(updates))
    assert events.count(Event.RECOVERING) == 1


def test_two_windows_that_become_one_end_in_one_conversation() -> None:
    office = Office()
    first, second = a_window(0), a_window(0, id="b", target="t.c", services=("t",), components=("t.c",))
    office.at(10, first)
    office.at(12, second)
    wider = a_window(0, id="w", target="provider:p", services=("s", "t"), breadth=Breadth.PROVIDER)
    gone: dict[str, Any] = {"status": Status.ABSORBED, "absorbed_by": "w"}
    told = office.at(20, replace(first, **gone), replace(second, **gone), wider)
    assert sorted(told) == [Event.CHANGED, Event.CLOSED], "one goes on, wider; the other ends"
    going_on = next(m.conversation for m in office.messages if m.event is Event.CHANGED)
    assert office.at(1500, replace(wider, **closed(wider))) == [Event.CLOSED]
    assert office.messages[-1].conversation == going_on
    by_talk = {
        m.conversation: [x.event for x in office.messages if x.conversation == m.conversation] for m in office.messages
    }
    assert all((events[0], events[-1]) == (Event.OPENED, Event.CLOSED) for events in by_talk.values())
    assert len(by_talk) == 2


def test_many_at_once_are_rolled_up() -> None:
    office = Office(replace(ROUTE, limit=3))
    windows = [
        a_window(0, id=f"{n:03}", provider=f"p{n}", services=(f"s{n}",), components=(f"s{n}.c",)) for n in range(40)
    ]
    assert office.at(10, *windows) == [Event.OPENED] * 3
    assert office.at(40) == []
    assert office.at(75) == [Event.OPENED]
    crowd = office.messages[-1]
    assert (len(crowd.windows), crowd.conversation.partition(":")[0]) == (37, "more")
    over = [replace(window, **closed(window)) for window in windows]
    assert office.at(1000, *over[:20]) == [Event.CLOSED] * 3
    assert office.at(1500, *over[20:]) == [Event.CLOSED]
    assert len(office.messages[-1].windows) == 37
    assert office.memory == {}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"services": ("what*",)}, False),
        ({"services": ("s",)}, True),
        ({"providers": ("q",)}, False),
        ({"providers": ("q", "p")}, True),
        ({"severity": Severity.CRITICAL}, True),
        ({"breadth": frozenset([Breadth.SERVICE])}, False),
        ({"reach": frozenset([Reach.GLOBAL])}, False),
        ({"reach": frozenset([Reach.UNDETERMINED])}, True),
    ],
)
def test_a_route_is_for_what_it_names(changes: dict[str, Any], *, told: bool) -> None:
    office = Office(replace(ROUTE, **changes))
    assert bool(office.at(10, a_window())) is told


def test_severity_is_of_kind_and_part() -> None:
    desk = Office(minor=("s.c",)).desk
    assert desk.severity(a_window()) is Severity.MINOR, "a service can do without it"
    assert desk.severity(a_window(components=("s.c", "s.d"))) is Severity.CRITICAL
    assert desk.severity(a_window(components=("s.d",), kind=Kind.INTERMITTENT)) is Severity.MAJOR
    assert desk.severity(a_window(components=("s.d",), reach=Reach.LOCAL)) is Severity.MAJOR
    assert desk.severity(a_window(components=("s.d",), kind=Kind.DEGRADED)) is Severity.MINOR


def test_outside_its_hours_a_route_waits_and_then_tells_what_is_still_open() -> None:
    # T0 is a Tuesday, 07:00 UTC.
    hours = Hours(days=frozenset(range(5)), begin=time(9), end=time(17), zone=ZoneInfo("UTC"))
    office, window = Office(replace(ROUTE, hours=hours)), a_window()
    assert office.at(10, window) == []
    assert office.at(1.9 * HOUR) == []
    assert office.at(2 * HOUR) == [Event.OPENED]
    assert office.at(11 * HOUR) == [], "no reminder at night"
    assert office.at(12 * HOUR, replace(window, **closed(window))) == [Event.CLOSED], "what was told is ended"


def test_hours_over_midnight_belong_to_the_day_on_which_they_began() -> None:
    hours = Hours(days=frozenset([1]), begin=time(22), end=time(6), zone=ZoneInfo("Europe/Rome"))
    tuesday = T0 - 9 * HOUR  # midnight in Rome, in summer
    assert [hours.holds(tuesday + hour * HOUR) for hour in (21.9, 22.1, 29.9, 30.1, 46.1)] == [
        False, True, True, False, False,
    ]  # fmt: skip


def test_a_silence_holds_and_what_is_open_after_it_is_told_then() -> None:
    office = Office()
    quiet = Silence(id="1", service="s*", since=T0, until=T0 + HOUR, author="me", comment="")
    office.desk.silences = (quiet,)
    assert office.at(10, a_window()) == []
    assert office.at(HOUR + 1) == [Event.OPENED]


def test_a_silence_of_one_service_does_not_hide_another() -> None:
    office = Office()
    office.desk.silences = (Silence(id="1", service="s", since=T0, until=T0 + HOUR, author="me", comment=""),)
    assert office.at(10, a_window(services=("s", "t"))) == [Event.OPENED]


def test_who_comes_next_is_called_when_nobody_acknowledges() -> None:
    boss = replace(ROUTE, name="r/escalation", after=900.0, escalates=True)
    office, window = Office(ROUTE, boss), a_window()
    assert office.at(10, window) == [Event.OPENED]
    assert office.at(900 + 5) == []
    assert office.at(900 + 7) == [Event.ESCALATED]
    assert office.at(1500, replace(window, **closed(window))) == [Event.CLOSED, Event.CLOSED]


def test_an_acknowledged_one_calls_nobody_and_is_not_told_again_but_ends() -> None:
    boss = replace(ROUTE, name="r/escalation", after=900.0, escalates=True)
    office, window = Office(ROUTE, boss), a_window()
    office.at(10, window)
    office.desk.acknowledged = frozenset([window.id])
    assert office.at(2 * HOUR) == []
    assert office.at(3 * HOUR, replace(window, breadth=Breadth.SERVICE)) == [Event.CHANGED], "wider is news"
    assert office.at(4 * HOUR, replace(window, **closed(window))) == [Event.CLOSED]


def a_blind_span(end: float | None = None) -> Span:
    return Span(vantage="fra-1", state=VantageState.OFFLINE, start=T0, end=end)


def test_a_blind_vantage_is_told_once_after_a_while_and_when_it_sees_again() -> None:
    office = Office()
    assert office.at(5, spans=(a_blind_span(),)) == []
    assert office.at(119) == []
    assert office.at(121) == [Event.OPENED]
    assert office.at(HOUR) == []
    assert office.at(2 * HOUR, spans=(a_blind_span(T0 + HOUR),)) == [Event.CLOSED]
    assert [m.blind is not None and m.blind.end for m in office.messages] == [None, T0 + HOUR]
    assert office.memory == {}


def test_a_short_blindness_is_nobodys_business() -> None:
    office = Office()
    office.at(5, spans=(a_blind_span(),))
    assert office.at(60, spans=(a_blind_span(T0 + 50),)) == []
    assert office.at(500) == []


def test_a_route_that_is_gone_is_forgotten() -> None:
    office = Office()
    office.at(10, a_window())
    office.routes = ()
    office.desk.replace((), ())
    assert office.at(20) == []
    assert office.memory == {}


class Life:
    """Windows of four services, which do what a story says."""

    def __init__(self) -> None:
        self.office = Office(replace(ROUTE, limit=2), replace(ROUTE, name="q", after=300.0))
        self.alive: dict[int, Window] = {}
        self.now = 0.0
        self._serial = 0

    def happen(self, number: int, what: str, pause: float) -> None:
        self.now += pause
        if what == "restart":
            self.office.restart()
        elif what == "nothing":
            self.office.at(self.now)
        elif number not in self.alive:
            self._serial += 1
            began = {"start": T0 + self.now, "opened": T0 + self.now}
            self._become(number, a_window(0, id=f"w{self._serial}", services=(f"s{number}",), **began))
        else:
            self._change(number, self.alive[number], what)

    def _change(self, number: int, window: Window, what: str) -> None:
        others = [other.id for place, other in self.alive.items() if place != number]
        over = {"end": T0 + self.now, "closed": T0 + self.now}
        changes: dict[str, dict[str, Any]] = {
            "open": {"status": Status.OPEN},
            "recovering": {"status": Status.RECOVERING, "end": T0 + self.now},
            "wider": {"status": Status.OPEN, "breadth": Breadth.PROVIDER},
            "closed": {"status": Status.CLOSED, **over},
            "absorbed": {"status": Status.ABSORBED, "absorbed_by": others[0]} if others else {},
        }
        self._become(number, replace(window, **changes[what]))

    def _become(self, number: int, window: Window) -> None:
        self.alive[number] = window
        if window.status in (Status.CLOSED, Status.ABSORBED):
            del self.alive[number]
        self.office.at(self.now, window)

    def end(self) -> None:
        for number in list(self.alive):
            self.happen(number, "closed", 1.0)
        self.office.at(self.now + 10)
        self.office.at(self.now + 2 * HOUR)


_WHAT = ["open", "recovering", "closed", "wider", "absorbed", "restart", "nothing"]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(_WHAT), st.floats(1, 4000)), max_size=40))
def test_whatever_happens_each_conversation_opens_once_and_ends_once(story: list[tuple[int, str, float]]) -> None:
    life = Life()
    for number, what, pause in story:
        life.happen(number, what, pause)
    life.end()
    talks: dict[str, list[Message]] = {}
    for message in life.office.messages:
        talks.setdefault(message.talk, []).append(message)
    for talk in talks.values():
        events = [message.event for message in talk]
        assert [message.number for message in talk] == list(range(1, len(talk) + 1))
        assert (events[0], events[-1]) == (Event.OPENED, Event.CLOSED)
        assert (events.count(Event.OPENED), events.count(Event.CLOSED)) == (1, 1)
    assert len({message.key for message in life.office.messages}) == len(life.office.messages)
    assert life.office.memory == {}


# the clock goes back: a quarter of an hour later by any clock but that of the wall, nothing waits for it to catch up


def test_an_outage_does_not_wait_for_the_clock_to_be_again_where_it_was() -> None:
    office, window = Office(replace(ROUTE, after=60.0)), a_window()
    assert office.at(10, window) == []
    told = [event for second in range(120) for event in office.at(second - HOUR)]
    assert told == [Event.OPENED]


def test_nor_does_a_reminder() -> None:
    office, window = Office(replace(ROUTE, remind=600.0)), a_window()
    assert office.at(10, window) == [Event.OPENED]
    told = [event for second in range(0, 900, 10) for event in office.at(second - HOUR)]
    assert Event.REMINDER in told
    assert len(told) <= 2


def test_nor_does_a_vantage_that_cannot_see() -> None:
    office = Office()
    span = Span(vantage="fra-1", state=VantageState.OFFLINE, start=T0, end=None)
    assert office.at(10, spans=(span,)) == []
    told = [event for second in range(200) for event in office.at(second - HOUR)]
    assert told == [Event.OPENED]


def test_nor_does_a_roll_up() -> None:
    office = Office(replace(ROUTE, limit=1, remind=None))
    first, second = a_window(id="w1"), a_window(id="w2")
    assert office.at(10, first, second) == [Event.OPENED]
    told = [event for moment in range(0, 120, 10) for event in office.at(moment - HOUR)]
    assert told == [Event.OPENED], "the roll-up"


def test_openings_of_before_the_clock_went_back_do_not_fill_the_limit_for_an_hour() -> None:
    office = Office(replace(ROUTE, limit=1, remind=None))
    assert office.at(10, a_window(id="w1")) == [Event.OPENED]
    assert office.at(1200 - HOUR, a_window(id="w2")) == [Event.OPENED]


def test_what_began_a_moment_ahead_of_us_by_the_clock_of_a_peer_waits_as_usual() -> None:
    office, window = Office(replace(ROUTE, after=60.0)), a_window(start=T0 + 0.4)
    assert office.at(0, window) == []
    assert office.at(59) == []
    assert office.at(61) == [Event.OPENED]


# many at once


def crowded() -> tuple[Office, list[Window]]:
    """Three outages, of which one was told by itself and two in a roll-up."""
    office = Office(replace(ROUTE, limit=1))
    windows = [a_window(id=f"w{number}") for number in range(3)]
    assert office.at(10, *windows) == [Event.OPENED]
    assert office.at(71) == [Event.OPENED]
    assert len(office.messages[-1].windows) == 2
    return office, windows


def test_a_roll_up_of_what_is_silenced_is_silent() -> None:
    office, windows = crowded()
    office.desk.silences = (Silence(id="q", service="s", since=T0, until=T0 + 9 * HOUR, author="me", comment=""),)
    assert office.at(2 * HOUR) == []
    assert set(office.at(2 * HOUR + 1, *(replace(w, **closed(w, 2 * HOUR)) for w in windows))) == {Event.CLOSED}


def test_nobody_is_reminded_of_a_roll_up_when_all_of_it_is_looked_after() -> None:
    office, windows = crowded()
    office.desk.acknowledged = frozenset(window.id for window in windows[:2])
    assert office.at(2 * HOUR) == [Event.REMINDER], "nobody looks after one of them"
    office.desk.acknowledged = frozenset(window.id for window in windows)
    assert office.at(4 * HOUR) == []


def test_what_another_version_remembered_of_a_conversation_is_read_as_far_as_it_is_known() -> None:
    office, window = Office(), a_window()
    assert office.at(10, window) == [Event.OPENED]
    office.memory = {key: text.replace("{", '{"later": 1, ', 1) for key, text in office.memory.items()}
    office.memory["t|r|other"] = "{"
    office.restart()
    assert office.at(1500, replace(window, **closed(window))) == [Event.CLOSED]
