"""Every query of every dashboard, asked of a real Prometheus that scrapes real monitors during an outage."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from tests.grafana.asking import Matrix
from tests.grafana.boards import Question, labels, other_words, questions, selectors
from tests.grafana.stage import Stage

QUESTIONS = [*questions()]
RIGHTLY_EMPTY = {
    "annotation Blind time": "no vantage was blind",
    **{f"Trouble with peers {letter}": "no peer was any trouble, and only trouble is drawn" for letter in "ABC"},
}
"""Where -> why nothing is there."""
FUNCTIONS = {
    *("abs", "and", "avg", "avg_over_time", "bool", "by", "clamp_max", "clamp_min", "count", "count_over_time", "end"),
    *(
        "group_left",
        "group_right",
        "histogram_quantile",
        "ignoring",
        "increase",
        "label_join",
        "label_replace",
        "on",
        "last_over_time",
        "max",
    ),
    *(
        "max_over_time",
        "min",
        "min_over_time",
        "offset",
        "or",
        "rate",
        "round",
        "scalar",
        "sum",
        "sum_over_time",
        "time",
    ),
}
"""Words of PromQL that the dashboards use."""

question_of_any = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)


@question_of_any
def test_every_metric_and_label_of_a_query_is_on_a_monitors_page(stage: Stage, question: Question) -> None:
    named = [*selectors(question.expression)]
    assert named
    missing = {
        (name, label)
        for name, chosen_by in named
        for label in ({"__name__"} if name not in stage.exposed else chosen_by - stage.exposed[name])
    }
    assert not missing
    known = {label for name, _ in named for label in stage.exposed.get(name, {"instance"})}
    assert labels(question) <= known
    assert other_words(question.expression) <= FUNCTIONS | known, "every metric is written with its braces"


@question_of_any
def test_every_query_finds_something_or_is_rightly_empty(stage: Stage, question: Question) -> None:
    found = stage.ask(question)
    assert bool(found) is (question.where not in RIGHTLY_EMPTY), question.expression
    assert not [value for points in found.values() for _, value in points if math.isnan(value) or math.isinf(value)]


def test_what_is_said_to_be_empty_is_asked() -> None:
    assert {question.where for question in QUESTIONS} >= RIGHTLY_EMPTY.keys()


@pytest.mark.parametrize("days", [1, 30])
def test_the_start_that_the_dashboards_show_is_the_stored_one_at_any_zoom(stage: Stage, days: int) -> None:
    stored = {
        name: max(outage["start"]["epoch_ms"] for outage in stage.outages(monitor) if outage["open"])
        for name, monitor in (("fra-1", stage.near), ("nyc-1", stage.far))
    }
    shown = {question.name: question for question in QUESTIONS}
    bands = stage.ask(shown["service: Outage windows by vantage A"], days * 86400.0)
    assert {dict(series)["vantage"]: {round(v) for _, v in points} for series, points in bands.items()} == {
        vantage: {start} for vantage, start in stored.items()
    }
    rows = stage.ask(shown["overview: Outages A"], days * 86400.0)
    assert {round(1000 * value) for points in rows.values() for _, value in points} <= set(stored.values())


def test_how_long_a_status_page_takes_is_in_no_latency_of_its_service(stage: Stage) -> None:
    shown = {question.name: question for question in QUESTIONS}
    assert stage.ask(shown["service: The provider's own word A"])
    components = seen(stage.ask(shown["service: Latency of components, 95th percentile A"]), "component")
    assert {"web"} <= components <= {"web", "chat"}, "chat for as long as it answered"
    for letter in "AB":
        targets = seen(stage.ask(shown[f"service: Kernel round trip against TCP handshake {letter}"]), "target")
        assert {target.rpartition(":")[0] for target in targets} == {"127.0.0.1", "https://localhost"}
    phases = shown["service: Latency by phase A"].expression
    assert [chosen_by for _, chosen_by in selectors(phases)] == [{"service", "vantage", "probe"}] * 4


def seen(found: Matrix, label: str) -> set[str]:
    """The values of a label in an answer."""
    return {dict(series)[label] for series in found}


def test_what_never_happened_is_no_line_of_its_own(stage: Stage) -> None:
    (letters,) = (question for question in QUESTIONS if question.where.startswith("Letters"))
    found = stage.ask(letters)
    assert found
    assert all(any(value > 0 for _, value in points) for points in found.values())


def test_the_exact_annotation_of_the_manual_finds_its_fields_at_the_api(stage: Stage) -> None:
    text = (Path(__file__).parents[2] / "docs/grafana.md").read_text()
    (example,) = re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    target = json.loads(example)["target"]
    shown = stage.grafana().shown
    known = {"__from": f"{shown.start * 1000:.0f}", "__to": f"{shown.end * 1000:.0f}"}
    path = target["url"].removeprefix("http://lastseen:9797")
    answer = json.loads(stage.near.get(re.sub(r"\$\{(\w+)\}", lambda name: known[name[1]], path)).body)
    (outage,) = answer[target["root_selector"]]
    fields = {column["text"]: _field(outage, column["selector"]) for column in target["columns"]}
    assert fields["time"] == outage["start"]["epoch_ms"]
    assert (fields["timeEnd"], fields["title"], fields["tags"]) == (None, outage["target"], outage["kind"])
    assert str(fields["text"]).startswith("acme")


def _field(thing: Any, selector: str) -> Any:
    """As Infinity's backend parser selects it; nothing of nothing is nothing."""
    for name in selector.split("."):
        thing = None if thing is None else thing[name]
    return thing


def test_variables_lead_from_a_provider_to_its_services(stage: Stage) -> None:
    assert stage.chosen["overview"]["service"] == "(acme|echo)"
    assert stage.chosen["overview"]["provider"] == ".*"
    assert stage.chosen["service"]["service"] == "acme"
    assert stage.chosen["service"]["objective"] == "99.9"
    assert stage.chosen["health"]["instance"].count("127\\\\.0\\\\.0\\\\.1:") == 2
