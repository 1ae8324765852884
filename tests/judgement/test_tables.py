import re
from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from monitor.domain.attempt import Attempt
from monitor.domain.words import Breadth, State, Status
from monitor.judgement.cases import Case
from monitor.judgement.health import Health
from monitor.judgement.rules import Rules
from monitor.judgement.tables import CHECK, WINDOW, Event, IllegalTransition, Sign, after, diagram
from scripts.manuals import JUDGEMENT, with_diagrams
from tests.judgement.court import FINE, STUCK, T0, attempt, check

Table = Mapping[tuple[StrEnum, StrEnum], StrEnum]
EVERY_PAIR = [
    *((CHECK, state, sign) for state, sign in product(State, Sign)),
    *((WINDOW, status, event) for status, event in product(Status, Event)),
]


@pytest.mark.parametrize(("table", "state", "event"), EVERY_PAIR, ids=str)
def test_every_pair_leads_where_the_table_says_or_is_refused(table: Table, state: StrEnum, event: StrEnum) -> None:
    if (state, event) in table:
        assert after(table, state, event) is table[state, event]
        return
    with pytest.raises(IllegalTransition, match=f"^{event} while {state}$"):
        after(table, state, event)


@pytest.mark.parametrize(("status", "event"), list(product(Status, Event)))
def test_a_case_takes_the_same_steps_and_no_others(status: Status, event: Event) -> None:
    case = a_case(status)
    if (status, event) in WINDOW:
        case.happen(event)
        assert case.status is WINDOW[status, event]
        return
    with pytest.raises(IllegalTransition):
        case.happen(event)
    assert vars_of(case) == vars_of(a_case(status))


def a_case(status: Status) -> Case:
    return Case(
        id="20221025T060000Z-whatsapp.chat",
        target="whatsapp.chat",
        breadth=Breadth.COMPONENT,
        provider="meta",
        rules=Rules(),
        status=status,
        start=T0,
        start_after=None,
        opened=T0,
        width=150.0,
        quiet=900.0,
    )


def vars_of(case: Case) -> dict[str, object]:
    return {name: getattr(case, name) for name in Case.__slots__ if name != "rules"}


def test_every_state_can_be_reached_and_left() -> None:
    assert {to for _, to in walk(CHECK)} == {State.UP, State.DEGRADED, State.DOWN}, "nothing leads back to unknown"
    assert {before for before, _ in CHECK} == set(State)
    ends = {Status.CLOSED, Status.ABSORBED}
    assert {before for before, _ in WINDOW} == set(Status) - ends, "an end is an end"
    assert {to for _, to in walk(WINDOW)} == {Status.OPEN, Status.RECOVERING, *ends}


def walk(table: Mapping[Any, StrEnum]) -> list[tuple[StrEnum, StrEnum]]:
    return [(before, to) for (before, _), to in table.items()]


def test_every_sign_and_event_is_of_use() -> None:
    assert {sign for _, sign in CHECK} == set(Sign)
    assert {event for _, event in WINDOW} == set(Event)


@pytest.mark.parametrize("verdict", State)
def test_a_check_never_takes_a_step_that_is_not_in_the_table(verdict: State) -> None:
    """From every verdict, by every attempt: `observe` raises nothing, and a step it takes is one of the table."""
    for seen in (FINE, STUCK):
        health = Health(check(), "fra-1", verdict=verdict)
        for number in range(6):
            told: Attempt = attempt(health.check, T0 + 30 * number, seen)
            before = health.verdict
            sign = health.observe(told)
            assert health.verdict is (before if sign is None else CHECK[before, sign])


@pytest.mark.parametrize("table", [CHECK, WINDOW], ids=["check", "window"])
def test_the_diagram_has_one_line_for_each_row_of_the_table(table: Table) -> None:
    first, *lines, last = diagram(table).split("\n")
    assert (first, last) == ("stateDiagram-v2", "")
    drawn = [re.fullmatch(r"    (\w+) --> (\w+): ([\w ]+)", line) for line in lines]
    assert [found and found.groups() for found in drawn] == [
        (str(before), str(to), str(event)) for (before, event), to in table.items()
    ]


def test_the_diagram_of_a_check_reads_like_this() -> None:
    assert diagram(CHECK).startswith("stateDiagram-v2\n    unknown --> up: answered\n    unknown --> down: fell\n")


def test_the_manual_of_the_judgement_has_the_diagrams_of_the_tables() -> None:
    text = JUDGEMENT.read_text()
    assert text == with_diagrams(text), "run: make manuals"
    for drawn in (diagram(CHECK), diagram(WINDOW)):
        assert f"```mermaid\n{drawn}```\n" in text


def test_diagrams_that_have_aged_are_drawn_anew(tmp_path: Path) -> None:
    aged = JUDGEMENT.read_text().replace("answered", "replied").replace("    open --> recovering: calmed\n", "")
    assert with_diagrams(aged) != aged
    assert "unknown --> up: answered\n" in with_diagrams(aged)
    assert "    open --> recovering: calmed\n" in with_diagrams(aged)
