"""Bars, lanes and lines: what they draw, and that they say the same in words."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.outage import StateSeconds, Transition
from monitor.domain.words import Layer, Phase, Reason, State
from monitor.languages.words import words_in
from monitor.store import Tally
from monitor.web.bars import DAY, HEIGHT, HOUR, STEP, Bars, Frame, bars, tell
from monitor.web.lanes import WIDTH, Lane, Piece, lanes, stretch
from monitor.web.sparkline import phases, sparkline
from tests.metrics.test_exposition import ok
from tests.support.fakes import a_check
from tests.support.windows import NOW, signal_open, telegram_recovering, whatsapp_2022

WORDS = words_in("en")
TODAY = int(NOW) // DAY * DAY
FRAME = Frame(step=DAY, count=90, now=NOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What the store tells of a day or an hour."""

    begin: int
    service: str = "s"
    component: str = ""
    up: float = 0.0
    degraded: float = 0.0
    down: float = 0.0
    unknown: float = 0.0
    planned: float = 0.0


def day(ago: int, down: float = 0.0, unknown: float = 0.0, *, degraded: float = 0.0, planned: float = 0.0) -> Stretch:
    return Stretch(
        begin=TODAY - ago * DAY,
        up=DAY - down - unknown - degraded - planned,
        down=down,
        unknown=unknown,
        degraded=degraded,
        planned=planned,
    )


def draw(*days: Stretch) -> Bars:
    return bars(days, FRAME, WORDS, is_marked=True)


def heights(drawn: Bars, name: str) -> dict[int, int]:
    """Of each single bar of a class: its place, and how high it is."""
    data = dict(drawn.paths).get(name, "")
    pieces = [piece.split(" ") for piece in data.split("M") if piece]
    return {(int(x) - 3) // STEP: abs(int(rest.split("v")[1])) for x, rest in pieces}


def test_ninety_fine_days_are_one_run_and_one_sentence() -> None:
    drawn = draw(*(day(ago) for ago in range(90)))
    assert drawn.paths == (("fine", f"M0 {HEIGHT // 2}H{90 * STEP}"),)
    assert drawn.label == "Last 90 days: not down in the time that was seen"
    assert drawn.marks == ()


def test_the_longer_it_was_down_the_higher_the_bar_and_seconds_show_too() -> None:
    drawn = draw(*(day(ago) for ago in range(4, 90)), day(3, 25.0), day(2, 3600.0), day(1, DAY), day(0, 0.5))
    shown = heights(drawn, "down")
    assert list(shown) == [86, 87, 88], "half a second is no bar"
    assert 6 <= shown[86] < shown[87] < shown[88] == HEIGHT
    assert drawn.label == ("Last 90 days: down on 3 days, 1 d 1 h in all; most on 2022-10-24, 1 d")
    assert [mark.text for mark in drawn.marks] == [
        "2022-10-22: down 25 s",
        "2022-10-23: down 1 h",
        "2022-10-24: down 1 d",
    ]


def test_what_was_not_seen_is_no_up_time() -> None:
    blind, partly, nothing = day(2, unknown=DAY), day(1, unknown=DAY / 2), day(0, unknown=1.0)
    drawn = draw(blind, partly, nothing)
    data = dict(drawn.paths)
    assert data["none"] == f"M0 14H{87 * STEP}", "of the days before it nothing is known"
    assert data["blind"] == f"M{87 * STEP} 14H{88 * STEP}"
    assert data["fine"] == f"M{88 * STEP} 14H{90 * STEP}"
    assert heights(drawn, "unseen") == {88: HEIGHT // 2}
    assert "nothing is known of 87 days" in drawn.label
    assert draw().label == "Last 90 days: nothing is known yet"


def test_slow_and_planned_stand_on_what_was_down_and_never_above_the_bar() -> None:
    drawn = draw(day(0, 40000.0, degraded=20000.0, planned=20000.0))
    total = sum(heights(drawn, name).get(89, 0) for name in ("down", "degraded", "planned"))
    assert total == HEIGHT
    assert tell(day(0, 60.0, degraded=5.0, planned=7.0, unknown=9.0), FRAME, WORDS) == (
        "2022-10-25: down 1 min, slow 5 s, announced 7 s, not seen 9 s"
    )


def test_hours_are_named_by_their_hour() -> None:
    frame = Frame(step=HOUR, count=48, now=NOW)
    drawn = bars([Stretch(begin=int(NOW) - HOUR, up=3000, down=600)], frame, words_in("it"), is_marked=True)
    assert drawn.marks[0].text == "2022-10-25 11:00 UTC: guasto 10 min"
    assert drawn.label.startswith("Ultime 48 ore: guasto in 1 ora, 10 min in tutto")


_SECONDS = st.floats(0, DAY)


@given(st.lists(st.tuples(st.integers(0, 200), _SECONDS, _SECONDS, _SECONDS, _SECONDS), max_size=30))
def test_no_past_draws_outside_its_frame(days: list[tuple[int, float, float, float, float]]) -> None:
    drawn = draw(*(Stretch(begin=TODAY - ago * DAY, up=u, down=d, unknown=b, degraded=s) for ago, u, d, b, s in days))
    for name in ("down", "degraded", "planned", "unseen"):
        assert all(0 <= place < 90 and 0 < height <= HEIGHT for place, height in heights(drawn, name).items())


def test_what_the_judgement_books_can_be_drawn() -> None:
    """The store's rows and the judgement's have the same names for the same seconds."""
    row = StateSeconds(hour=TODAY, service="s", component="", down=3.0)
    assert all(hasattr(row, name) for name in ("up", "degraded", "down", "unknown", "planned"))


def change(at: float, state: State, check: str = "whatsapp/chat/h/tcp", vantage: str = "eu-par") -> Transition:
    return Transition(
        check_id=check,
        vantage=vantage,
        at=at,
        after=None,
        decided=at + 6,
        before=State.DOWN if state is State.UP else State.UP,
        state=state,
        layer=None if state is State.UP else Layer.TLS,
        reason=None if state is State.UP else Reason.TIMEOUT,
    )


def test_a_lane_shows_the_worst_of_its_checks_at_any_time() -> None:
    window = whatsapp_2022()
    start, end = window.start, window.end or 0.0
    course = [
        change(start, State.DEGRADED, "whatsapp/chat/a/tcp"),
        change(start + 100, State.DOWN, "whatsapp/chat/b/tcp"),
        change(start + 300, State.UP, "whatsapp/chat/b/tcp"),
        change(end, State.UP, "whatsapp/chat/a/tcp"),
    ]
    (lane, *others) = lanes(window, course, end + 900, by_component=True)
    assert others == []
    assert (lane.vantage, lane.component, lane.layers) == ("eu-par", "whatsapp.chat", (Layer.TLS,))
    assert lane.pieces == (
        Piece(start=start, end=start + 100, state=State.DEGRADED, layer=Layer.TLS),
        Piece(start=start + 100, end=start + 300, state=State.DOWN, layer=Layer.TLS),
        Piece(start=start + 300, end=end, state=State.DEGRADED, layer=Layer.TLS),
    )


def test_lanes_come_in_the_order_of_their_fall_and_whoever_saw_nothing_comes_last() -> None:
    window = whatsapp_2022(vantages_fine=("us-nyc",))
    course = [change(window.start + 60, State.DOWN, vantage="in-bom"), change(window.start, State.DOWN)]
    drawn = lanes(window, course, window.start + 600, by_component=False)
    assert [(lane.vantage, len(lane.pieces)) for lane in drawn] == [("eu-par", 1), ("in-bom", 1), ("us-nyc", 0)]


def test_without_a_course_the_window_itself_tells_since_when_each_vantage_saw_it() -> None:
    window = whatsapp_2022()
    paris, bombay = lanes(window, (), NOW, by_component=False)
    assert (paris.pieces[0].start, bombay.pieces[0].start) == (window.start, window.start + 41.25)
    assert (paris.layers, bombay.layers) == ((Layer.HANDSHAKE,), (Layer.HTTP,))
    slow = lanes(telegram_recovering(), (), NOW, by_component=False)
    assert {piece.state for lane in slow for piece in lane.pieces} == {State.DEGRADED}


_CHANGES = st.lists(
    st.tuples(st.floats(-1000, 5000), st.sampled_from(list(State)), st.integers(0, 3), st.integers(0, 2)), max_size=40
)


@given(_CHANGES, st.booleans())
def test_no_course_makes_pieces_that_overlap_or_leave_the_window(
    changes: list[tuple[float, State, int, int]], by_component: bool
) -> None:
    window = signal_open()
    until = window.start + 3600
    course = [
        replace(change(window.start + at, state, f"signal/c{check}/h/tcp", f"v{vantage}"), before=State.UNKNOWN)
        for at, state, check, vantage in changes
    ]
    for lane in lanes(window, course, until, by_component=by_component):
        _in_order(lane, window.start, until)


def _in_order(lane: Lane, start: float, until: float) -> None:
    edges = [moment for piece in lane.pieces for moment in (piece.start, piece.end)]
    assert edges == sorted(edges)
    assert all(start <= moment <= until for moment in edges)


def test_a_picture_begins_a_little_before_and_ends_now_or_a_little_after() -> None:
    lasting, over = stretch(signal_open(), NOW), stretch(whatsapp_2022(), NOW)
    assert lasting.start < signal_open().start
    assert lasting.end == NOW
    assert (over.x(over.start), over.x(over.end), over.x(0.0), over.x(9e9)) == (0, WIDTH, 0, WIDTH)
    assert over.end == pytest.approx((whatsapp_2022().end or 0.0) + 0.04 * 10500)


def test_a_line_of_latency_has_a_gap_where_nothing_answered() -> None:
    frame = Frame(step=HOUR, count=48, now=NOW)
    now = int(NOW)
    hours = {now: Tally(10, 0, 0, 1.0), now - HOUR: Tally(10, 0, 0, 0.5), now - 3 * HOUR: Tally(1, 9, 0, 0.2)}
    hours[now - 2 * HOUR] = Tally(0, 10, 0, 0.0)
    drawn = sparkline(hours, frame, WORDS)
    assert drawn is not None
    ((_, data),) = drawn.paths
    assert (data.count("M"), data.count("L")) == (2, 1)
    assert drawn.label == (
        "Mean time of an answer by the hour, last 48 hours: 100\u00a0ms now, from 50\u00a0ms to 200\u00a0ms"
    )
    assert sparkline({now: Tally(1, 0, 0, 1.0)}, frame, WORDS) is None, "one point is no line"
    assert sparkline({}, frame, WORDS) is None


def test_the_phases_of_an_attempt_fill_its_bar_in_the_order_of_the_ladder() -> None:
    attempt = replace(ok(a_check("a")), phases={Phase.TLS: 0.03, Phase.RESOLVE: 0.01, Phase.CONNECT: 0.0})
    drawn = phases(attempt, WORDS)
    assert drawn is not None
    assert drawn.paths == (("phase-resolve", "M0.0 5H60.0"), ("phase-tls", "M60.0 5H240.0"))
    assert drawn.label == "resolve 10\u00a0ms, tls 30\u00a0ms"
    assert phases(replace(attempt, phases={}), WORDS) is None
