"""Each line of the score, with windows made by hand."""

from pathlib import Path
from typing import Any

import pytest

from monitor.replay.found import Found, FoundSpan, FoundWindow
from monitor.replay.scenario import Scenario, alone
from monitor.replay.score import Verdict, score
from tests.replay.making import expecting, found, made, window

BLIND = {"vantage": "eu-par", "state": "offline", "start": 600, "end": 1200, "tol": 120}


def judged(scenario: Scenario, *windows: FoundWindow) -> Verdict:
    return score(scenario, Found(windows=windows))


def points(folder: Path, *windows: FoundWindow, expected: dict[str, Any] | None = None) -> float:
    return judged(made(folder, expected=expected or expecting(window())), *windows).points


def test_a_window_that_is_right_in_all_is_worth_all(tmp_path: Path) -> None:
    verdict = judged(made(tmp_path, expected=expecting(window())), found())
    assert (verdict.points, verdict.is_right) == (100, True)


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({"decided_open": 2160.5}, 30),
        ({"start": 1739.0}, 10),
        ({"start": 2041.0}, 10),
        ({"end": 3539.0}, 15),
        ({"end": 3841.0}, 15),
        ({"decided_closed": 5401.0}, 15),
        ({"decided_closed": None}, 15),
        ({"end": None, "decided_closed": None}, 15),
        ({"breadth": "component", "target": "whatsapp.chat"}, 10),
        ({"reach": "regional"}, 10),
        ({"kind": "degraded"}, 5),
        ({"layer": "tcp"}, 5),
        ({"layer": None}, 5),
    ],
    ids=str,
)
def test_each_line_costs_what_it_is_worth(tmp_path: Path, change: dict[str, Any], lost: float) -> None:
    assert points(tmp_path, found(**change)) == 100 - lost


@pytest.mark.parametrize(
    "change",
    [
        {"decided_open": 2160.0},
        {"start": 1740.0},
        {"start": 2040.0},
        {"end": 3540.0},
        {"end": 3840.0, "decided_closed": 5400.0},
    ],
    ids=str,
)
def test_the_edges_of_a_tolerance_are_inside(tmp_path: Path, change: dict[str, Any]) -> None:
    assert points(tmp_path, found(**change)) == 100


def test_what_is_accepted_is_right(tmp_path: Path) -> None:
    accept = {"breadth": ["component"], "reach": ["regional"], "kind": ["intermittent"]}
    given = found(target="whatsapp.chat", breadth="component", reach="regional", kind="intermittent", layer="dns")
    assert points(tmp_path, given, expected=expecting(window(accept=accept, layer=[]))) == 100


def test_a_window_that_is_late_is_missed_though_it_earns_the_rest(tmp_path: Path) -> None:
    verdict = judged(made(tmp_path, expected=expecting(window())), found(decided_open=2400.0))
    assert (verdict.points, verdict.is_right, verdict.answers[0].is_missed) == (70, False, True)


def test_nothing_found_leaves_only_the_points_for_nothing_invented(tmp_path: Path) -> None:
    verdict = judged(made(tmp_path, expected=expecting(window())))
    assert (verdict.points, verdict.is_right) == (15, False)


def test_an_end_that_never_comes_is_right_for_a_window_that_is_still_open(tmp_path: Path) -> None:
    expected = expecting(window(end=None, close_by=None))
    assert points(tmp_path, found(end=None, decided_closed=None), expected=expected) == 100
    assert points(tmp_path, found(), expected=expected) == 85


@pytest.mark.parametrize(
    "other",
    [
        {"target": "facebook"},
        {"start": 3900.0, "end": 4200.0, "decided_open": 3960.0},
        {"start": 600.0, "end": 1700.0, "decided_open": 720.0},
    ],
    ids=str,
)
def test_a_window_about_something_else_answers_nothing(tmp_path: Path, other: dict[str, Any]) -> None:
    assert points(tmp_path, found(**other)) == 15


def test_a_window_seen_from_elsewhere_answers_nothing(tmp_path: Path) -> None:
    expected = expecting(window(where=["as-bom", "as-sin"]))
    assert points(tmp_path, found(vantages=("eu-par",)), expected=expected) == 15
    assert points(tmp_path, found(vantages=("eu-par", "as-sin")), expected=expected) == 100


def test_the_mean_of_several_windows_counts(tmp_path: Path) -> None:
    expected = expecting(window(), window(id="w2", target="telegram"))
    assert points(tmp_path, found(), expected=expected) == 42.5 + 15
    assert points(tmp_path, found(), found(target="telegram", reach="local"), expected=expected) == 95


def test_one_found_window_cannot_answer_two(tmp_path: Path) -> None:
    later = window(id="w2", start=4800, open_by=5100, end=6000, close_by=7100)
    merged = found(end=6000.0, decided_closed=6900.0)
    assert points(tmp_path, merged, expected=expecting(window(), later)) == 75 / 2 + 15


def test_windows_are_shared_out_so_that_the_sum_is_greatest(tmp_path: Path) -> None:
    expected = expecting(window(id="any", kind="degraded"), window(id="total"))
    assert points(tmp_path, found(), found(kind="degraded"), expected=expected) == 100


def test_several_windows_may_answer_a_list_of_targets(tmp_path: Path) -> None:
    wanted = window(target=["whatsapp.media", "facebook.media", "telegram.media"], breadth="component")
    names = ("whatsapp.media", "facebook.media", "telegram.media")
    given = [found(target=name, breadth="component") for name in names]
    assert points(tmp_path, *given, expected=expecting(wanted)) == 100
    assert points(tmp_path, *given[:2], expected=expecting(wanted)) == 90
    late = found(target="telegram.media", breadth="component", decided_open=3000.0)
    assert points(tmp_path, *given[:2], late, expected=expecting(wanted)) == 90


def test_a_provider_may_be_answered_by_its_services_where_that_is_accepted(tmp_path: Path) -> None:
    wanted = window(target="provider:meta", breadth="provider", accept={"breadth": ["service"]})
    given = [found(), found(target="facebook")]
    assert points(tmp_path, *given, expected=expecting(wanted)) == 100
    assert points(tmp_path, found(target="provider:meta", breadth="provider"), expected=expecting(wanted)) == 100


def test_optional_windows_earn_and_cost_nothing(tmp_path: Path) -> None:
    expected = expecting(window(), window(id="w2", target="telegram", optional=True))
    wrong = found(target="telegram", reach="local", kind="degraded")
    assert points(tmp_path, found(), expected=expected) == 100
    assert points(tmp_path, found(), wrong, expected=expected) == 100


def test_a_window_goes_to_the_one_that_must_be_found_first(tmp_path: Path) -> None:
    better = window(id="w0", optional=True)
    expected = expecting(better, window(kind="degraded"))
    assert points(tmp_path, found(), expected=expected) == 95


QUIET = {"targets": ["facebook.*"], "from": 0, "to": None}


def test_a_window_in_a_silence_costs_25_points_where_something_was_to_be_found(tmp_path: Path) -> None:
    expected = expecting(window(), silence=[QUIET])
    false = found(target="facebook.web", breadth="component")
    assert points(tmp_path, found(), false, expected=expected) == 75
    assert points(tmp_path, found(), false, false, expected=expected) == 65


def test_the_score_can_be_negative(tmp_path: Path) -> None:
    false = [found(target="facebook.web", breadth="component")] * 4
    assert points(tmp_path, *false, expected=expecting(window(), silence=[QUIET])) == -40


def test_where_nothing_is_to_be_found_each_false_window_costs_25(tmp_path: Path) -> None:
    expected = expecting(silence=[{"targets": ["*"]}], max_windows=0)
    scores = [points(tmp_path, *[found()] * count, expected=expected) for count in range(6)]
    assert scores == [100, 75, 50, 25, 0, -25]


def test_more_windows_than_allowed_are_false_though_each_answers(tmp_path: Path) -> None:
    halves = [found(end=2400.0, decided_closed=3300.0), found(start=3000.0)]
    verdict = judged(made(tmp_path, expected=expecting(window(), max_windows=1)), *halves)
    assert (verdict.excess, verdict.false, verdict.is_right) == (1, (), False)
    assert verdict.points == 75 - 10  # the second half is the better answer: only its start is wrong


def test_a_false_window_that_is_also_one_too_many_counts_once(tmp_path: Path) -> None:
    expected = expecting(window(), silence=[QUIET], max_windows=1)
    assert points(tmp_path, found(), found(target="facebook"), expected=expected) == 75


@pytest.mark.parametrize(
    ("limit", "change", "is_false"),
    [
        ({"vantages": ["as-sin"]}, {"vantages": ("eu-par", "as-sin")}, True),
        ({"vantages": ["as-sin"]}, {"vantages": ("eu-par",)}, False),
        ({"layers": ["tcp", "dns"]}, {"layer": "dns"}, True),
        ({"layers": ["tcp"]}, {"layer": "dns"}, False),
        ({"kinds": ["total"]}, {"kind": "total"}, True),
        ({"kinds": ["total"]}, {"kind": "degraded"}, False),
        ({"from": 3600}, {"end": 3600.0}, False),
        ({"from": 3599}, {"end": 3600.0}, True),
        ({"to": 1800}, {}, False),
        ({"to": 1801}, {}, True),
        ({"to": 1810, "alerts_only": True}, {"decided_open": 1920.0}, False),
        ({"to": 2000, "alerts_only": True}, {"decided_open": 1920.0}, True),
        ({}, {"end": None}, True),
    ],
    ids=str,
)
def test_a_silence_holds_within_its_limits(
    tmp_path: Path, limit: dict[str, Any], change: dict[str, Any], is_false: bool
) -> None:
    silence = {"targets": ["telegram.*"], **limit}
    verdict = judged(made(tmp_path, expected=expecting(silence=[silence])), found(target="telegram", **change))
    assert bool(verdict.false) is is_false


@pytest.mark.parametrize(
    ("silence", "change", "is_false"),
    [
        ({"targets": ["whatsapp.web"]}, {}, False),
        ({"targets": ["*"], "vantages": ["as-sin"]}, {}, False),
        ({"targets": ["*"], "vantages": ["as-sin"]}, {"vantages": ("eu-par", "as-sin")}, True),
        ({"targets": ["*"], "kinds": ["total"]}, {}, True),
        ({"targets": ["*"], "to": 1900}, {}, False),
        ({"targets": ["*"], "to": 1900}, {"decided_open": 1860.0}, True),
        ({"targets": ["facebook.*"]}, {"target": "provider:meta", "breadth": "provider"}, True),
    ],
    ids=str,
)
def test_a_window_that_answers_is_false_only_for_what_it_claims_too_much(
    tmp_path: Path, silence: dict[str, Any], change: dict[str, Any], is_false: bool
) -> None:
    expected = expecting(window(), silence=[silence])
    assert bool(judged(made(tmp_path, expected=expected), found(**change)).false) is is_false


def test_a_wider_window_is_no_false_alarm_where_its_breadth_is_accepted(tmp_path: Path) -> None:
    wanted = window(target="facebook.login", breadth="component", accept={"breadth": ["service"]})
    expected = expecting(wanted, silence=[{"targets": ["facebook.web"]}])
    assert points(tmp_path, found(target="facebook"), expected=expected) == 100


def test_a_window_that_is_our_own_fault_must_say_so(tmp_path: Path) -> None:
    expected = expecting(window(cause="probe", optional=True))
    assert points(tmp_path, found(cause="probe"), expected=expected) == 100
    assert points(tmp_path, expected=expected) == 100
    assert points(tmp_path, found(cause="provider"), expected=expected) == 75


def test_with_one_vantage_only_the_reach_is_undetermined_or_local(tmp_path: Path) -> None:
    scenario = alone(made(tmp_path, expected=expecting(window())), "eu-par")
    scores = [
        judged(scenario, found(vantages=("eu-par",), reach=reach)).points
        for reach in ("undetermined", "local", "global")
    ]
    assert scores == [100, 100, 90]


def test_with_one_vantage_a_window_it_cannot_see_is_a_false_alarm(tmp_path: Path) -> None:
    scenario = alone(made(tmp_path, expected=expecting(window(where=["na-iad"]))), "eu-par")
    assert judged(scenario).points == 100
    assert judged(scenario, found(vantages=("eu-par",))).points == 75


@pytest.mark.parametrize(
    ("span", "is_right"),
    [
        (FoundSpan(vantage="eu-par", state="offline", start=480, end=1320), True),
        (FoundSpan(vantage="eu-par", state="offline", start=479, end=1200), False),
        (FoundSpan(vantage="eu-par", state="offline", start=600, end=1321), False),
        (FoundSpan(vantage="eu-par", state="offline", start=600, end=None), False),
        (FoundSpan(vantage="eu-par", state="captive", start=600, end=1200), False),
        (FoundSpan(vantage="eu-mil", state="offline", start=600, end=1200), False),
    ],
    ids=str,
)
def test_states_of_vantages_are_told_beside_the_score(tmp_path: Path, span: FoundSpan, is_right: bool) -> None:
    scenario = made(tmp_path, expected=expecting(vantage_states=[BLIND], max_windows=0))
    verdict = score(scenario, Found(windows=(), vantage_states=(span,)))
    assert [told is span for _, told in verdict.states] == [is_right]
    assert verdict.points == 100
