"""What a judge writes down before a restart, and what the next one makes of it."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.words import Kind, Reason, State, Status
from monitor.judgement.cases import Case, Member, Round
from monitor.judgement.health import Health
from monitor.judgement.memory import (
    recall_case,
    recall_health,
    recall_witness,
    remember_case,
    remember_health,
    remember_witness,
)
from monitor.judgement.rules import Rules
from tests.judgement.court import FINE, REFUSED, SLOW, STUCK, T0, WITNESSES, Court, Seen, attempt, check, unsure

CHAT = check()
NOT_KEPT = {"is_member", "kept", "kept_at", "watched_since"}
"""What belongs to this life: its part in a case comes back with the case, the others say what was written when."""
ANYTHING = st.lists(st.sampled_from([FINE, SLOW, STUCK, REFUSED, unsure(Reason.RATE_LIMITED)]), max_size=40)


def lived(seen: list[Seen], health: Health | None = None, start: float = T0) -> Health:
    """A check that met all this, with two confirmations of each failure."""
    health = health or Health(CHAT, "fra-1")
    for number, each in enumerate(seen):
        health.observe(attempt(CHAT, start + 30 * number, each))
        for confirmation in (1, 2) if each.failure else ():
            health.observe(attempt(CHAT, start + 30 * number + 2 * confirmation, each, confirmation))
    return health


def known(health: Health) -> dict[str, object]:
    return {name: getattr(health, name) for name in Health.__slots__ if name not in NOT_KEPT}


@given(ANYTHING)
@settings(max_examples=80)
def test_what_was_in_trouble_comes_back_as_it_was(seen: list[Seen]) -> None:
    health = lived(seen)
    back = Health(CHAT, "fra-1")
    assert recall_health(back, dict([remember_health(health, None)]), is_recent=False) is None
    if health.is_clean:
        assert (back.verdict, back.usual, back.learned) == (health.verdict, health.usual, health.learned)
        assert back.recovered_at == health.recovered_at
    else:
        assert known(back) == known(health)


@given(before=ANYTHING, after=ANYTHING)
@settings(max_examples=80)
def test_it_goes_on_as_if_nothing_had_been(before: list[Seen], after: list[Seen]) -> None:
    """Not the last fine attempt of what was clean: it was not worth writing down, so the bracket stays open."""
    health, back = lived(before), Health(CHAT, "fra-1")
    recall_health(back, dict([remember_health(health, None)]), is_recent=True)
    start = T0 + 30 * len(before)
    for number, each in enumerate(after, 1):
        lived([each], health, start + 30 * number)
        lived([each], back, start + 30 * number)
        assert back.verdict is health.verdict
        assert (back.bad_since and back.bad_since.at) == (health.bad_since and health.bad_since.at)
        assert back.recovered_at == health.recovered_at


def test_a_clean_check_takes_little_room() -> None:
    key, text = remember_health(lived([FINE] * 30), None)
    assert key == "h|fra-1|whatsapp/chat/chat.whatsapp.example/fake"
    assert set(json.loads(text)) == {"verdict", "usual", "learned", "recovered_at"}


@pytest.mark.parametrize("is_recent", [True, False])
def test_a_clean_check_counts_as_seen_when_the_last_sitting_was_a_moment_ago(is_recent: bool) -> None:
    back = Health(CHAT, "fra-1")
    memory = dict([remember_health(lived([FINE] * 30), None), ("sat", repr(T0 + 905))])
    recall_health(back, memory, is_recent=is_recent)
    assert back.state is (State.UP if is_recent else State.UNKNOWN)
    assert back.seen == T0 + 905


def test_what_was_not_written_down_stays_unknown() -> None:
    health = Health(CHAT, "fra-1")
    assert recall_health(health, {"h|other|x": "{}", "sat": "1"}, is_recent=True) is None
    assert known(health) == known(Health(CHAT, "fra-1"))


def a_case(health: Health) -> Case:
    court = Court(CHAT, check("web"))
    court.rounds(3)
    court.meet(STUCK, 5, CHAT)
    (case,) = court.judge._docket.cases.values()
    case.members = {("fra-1", CHAT.id): Member(health, T0 + 1, T0, T0 + 9, T0 + 8, False)}
    return case


def test_its_part_in_a_case_comes_back() -> None:
    health = lived([STUCK] * 3)
    case = a_case(health)
    back = Health(CHAT, "fra-1")
    part = recall_health(back, dict([remember_health(health, case)]), is_recent=False)
    assert part is not None
    case_id, member = part
    assert case_id == case.id
    assert (member.start, member.after, member.end, member.end_after, member.is_seen) == (
        T0 + 1,
        T0,
        T0 + 9,
        T0 + 8,
        False,
    )
    assert member.health is back


def test_a_clean_check_that_has_a_part_in_a_case_is_written_down_whole() -> None:
    health = lived([FINE] * 30)
    _, text = remember_health(health, a_case(health))
    assert json.loads(text)["ok_at"] == T0 + 870


@given(ANYTHING)
@settings(max_examples=40)
def test_a_witness_comes_back_as_it_was(seen: list[Seen]) -> None:
    health = lived(seen, Health(WITNESSES[0], "fra-1"))
    back = Health(WITNESSES[0], "fra-1")
    recall_witness(back, dict([remember_witness(health)]))
    assert known(back) == known(health)


def test_what_a_case_knows_beyond_its_window_comes_back() -> None:
    case = a_case(lived([STUCK] * 3))
    case.elsewhere = Counter({True: 3, False: 1})
    case.quiet = 1800.0
    assert case.stored is not None
    back = recall_case(case.stored, dict([remember_case(case.id, case)]), Rules())
    for name in Case.__slots__:
        if name not in ("places", "members", "is_dirty"):
            assert getattr(back, name) == getattr(case, name), name


def test_a_case_that_nothing_was_written_of_is_made_of_its_window() -> None:
    """The window is on disk before what goes with it when a monitor is killed in between, and after an upgrade."""
    case = a_case(lived([STUCK] * 3))
    assert case.stored is not None
    back = recall_case(case.stored, {}, Rules())
    assert (back.id, back.start, back.status) == (case.id, case.start, Status.OPEN)
    assert (back.tally, back.rounds, back.kinds) == (Counter(), {}, dict.fromkeys(Kind, 0.0))
    assert back.quiet == Rules().quiet


def test_rounds_that_were_written_before_slowness_was_counted_are_read() -> None:
    case = a_case(lived([STUCK] * 3))
    assert case.stored is not None
    old = {"tally": [], "rounds": [[7, 5, 3]], "kinds": {}, "width": 150, "looked": 0}
    assert recall_case(case.stored, {f"c|{case.id}": json.dumps(old)}, Rules()).rounds == {7: Round(5, 3, 0)}


def test_of_a_case_that_is_over_nothing_is_remembered() -> None:
    assert remember_case("20221025T060000Z-x", None) == ("c|20221025T060000Z-x", "")


@pytest.mark.parametrize("part", ["h|", "w|", "v|", "c|", "p"])
@pytest.mark.parametrize("text", ['{"known": "to another version"}', "[[]]", "{", '"x"'])
def test_what_another_version_wrote_is_as_if_it_were_not_remembered(part: str, text: str) -> None:
    court = Court(CHAT, check("web"), witnesses=WITNESSES)
    court.rounds(10)
    court.meet(STUCK, 5, CHAT)
    court.kept.memory = {key: text if key.startswith(part) else old for key, old in court.kept.memory.items()}
    court.restart()
    court.rounds(5)
    assert [window.status for window in court.judge.windows] == [Status.OPEN]
    if part != "h|":  # without the checks' own memory it is another one
        assert court.window.start == T0 + 300
    court.meet(FINE, 60)
    assert {window.status for window in court.windows} == {Status.CLOSED}


def test_a_reason_that_another_version_knew_is_as_if_it_were_not_remembered() -> None:
    court = Court(CHAT, check("web"))
    court.rounds(10)
    court.meet(STUCK, 5, CHAT)
    court.kept.memory = {key: old.replace('"timeout"', '"unheard_of"') for key, old in court.kept.memory.items()}
    court.restart()
    court.rounds(5)
    assert [window.status for window in court.judge.windows] == [Status.OPEN]
