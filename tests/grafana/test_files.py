"""The committed dashboards: made by the code beside them, and as readable as we want them."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.builder import FOLDER, dashboards
from grafana.builder.palette import BAD, DOUBTFUL, FINE, SERIES, UNKNOWN
from tests.grafana.boards import BOARDS, Question, panels, questions, selectors

ROOT = Path(__file__).parents[2]
PALETTE = {FINE, DOUBTFUL, BAD, UNKNOWN, *SERIES, "transparent", "text"}
OVER_TIME = ("state-timeline", "status-history")
NAMES = sorted(BOARDS)
QUESTIONS = [*questions()]
PANELS = [pytest.param(panel, id=f"{name}: {panel['title']}") for name in NAMES for panel in panels(BOARDS[name])]

board = pytest.mark.parametrize("name", NAMES)
panel_of_any = pytest.mark.parametrize("panel", PANELS)
question_of_any = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)


def test_the_committed_files_are_what_the_code_makes_byte_for_byte() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert committed == dashboards(), "run: make dashboards"


def test_there_are_four() -> None:
    assert NAMES == ["health", "overview", "service", "vantages"]


@board
def test_nothing_is_lost_when_grafanas_own_schema_reads_it(name: str) -> None:
    register_default_plugins()
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(BOARDS[name])))
    assert read == BOARDS[name]


@board
def test_a_dashboard_has_what_people_and_links_find_it_by(name: str) -> None:
    found = BOARDS[name]
    assert found["uid"] == f"lastseen-{name}"
    assert found["title"].startswith("lastseen: ")
    assert found["tags"] == ["lastseen"]
    assert found["description"].endswith(".")
    assert (found["editable"], found["refresh"], found["graphTooltip"]) == (False, "1m", 1)
    assert found["schemaVersion"] >= 41
    (links,) = found["links"]
    assert (links["tags"], links["includeVars"], links["keepTime"]) == (["lastseen"], True, True)


@board
def test_the_variables_are_asked_anew_for_each_range_and_begin_with_the_source(name: str) -> None:
    source, *others = BOARDS[name]["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    names = [variable["name"] for variable in others if variable["type"] == "query"]
    assert names == (["instance"] if name == "health" else ["provider", "service", "vantage"])
    for variable in others:
        assert variable["description"].endswith(".")
        assert variable["type"] == "custom" or variable["refresh"] == 2


def sources(thing: Any) -> Iterator[Any]:
    """Every data source that is named anywhere in it."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            if key == "datasource":
                yield value
            else:
                yield from sources(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from sources(value)


@board
def test_no_data_source_is_written_into_it(name: str) -> None:
    found = [*sources(BOARDS[name])]
    assert len(found) > len([*panels(BOARDS[name])])
    assert all(one == {"type": "prometheus", "uid": "${datasource}"} for one in found)


@board
def test_panels_have_ids_and_places_of_their_own(name: str) -> None:
    found = BOARDS[name]["panels"]
    assert [panel["id"] for panel in found] == [*range(1, len(found) + 1)]
    for one, other in combinations(found, 2):
        a, b = one["gridPos"], other["gridPos"]
        apart_across = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        apart_down = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert apart_across or apart_down, (one["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in found)


@panel_of_any
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["type"] in {"stat", "table", "timeseries", *OVER_TIME}
    assert panel["fieldConfig"]["defaults"].get("noValue") or panel["type"] in {"timeseries", *OVER_TIME}


@panel_of_any
def test_numbers_have_a_unit_or_words(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if panel["type"] in {"timeseries", "stat"}:
        assert defaults.get("unit") or defaults.get("mappings")
    if panel["type"] in OVER_TIME:
        assert defaults["mappings"]


@panel_of_any
def test_how_long_something_lasts_is_said_to_the_second(panel: dict[str, Any]) -> None:
    config = panel["fieldConfig"]
    properties = [one for override in config.get("overrides", []) for one in override["properties"]]
    units = {config["defaults"].get("unit"), *(one["value"] for one in properties if one["id"] == "unit")}
    assert "dtdurations" not in units, "an hour and 51 minutes would be 1 hour"
    assert "s" not in units or panel["type"] == "timeseries", "ten days would be a week"


@panel_of_any
def test_a_timeline_of_nothing_says_what_we_say_of_nothing(panel: dict[str, Any]) -> None:
    """Grafana's own words are that data does not have a time field, as long as there is a frame without fields."""
    if panel["type"] in OVER_TIME:
        assert panel["transformations"] == [{"id": "filterFieldsByName", "options": {"include": {"pattern": ".*"}}}]


@panel_of_any
def test_the_rows_of_a_table_have_an_order(panel: dict[str, Any]) -> None:
    if panel["type"] == "table":
        assert panel["transformations"][-1]["id"] == "sortBy"


@panel_of_any
def test_a_count_of_zero_has_no_axis_up_to_a_hundred(panel: dict[str, Any]) -> None:
    if panel["fieldConfig"]["defaults"].get("unit") == "suffix:/min":
        assert panel["fieldConfig"]["defaults"]["custom"]["axisSoftMax"] == 1


def test_the_link_to_a_service_takes_along_what_was_chosen() -> None:
    overrides = [one for panel in panels(BOARDS["overview"]) for one in panel["fieldConfig"].get("overrides", [])]
    properties = [one for override in overrides for one in override["properties"]]
    ((link,),) = (one["value"] for one in properties if one["id"] == "links")
    path, _, chosen = link["url"].partition("?")
    assert path == f"/d/{BOARDS['service']['uid']}"
    assert set(chosen.split("&")) == {
        "var-service=${__data.fields.Service}",
        "${vantage:queryparam}",
        "var-datasource=${datasource}",
        "${__url_time_range}",
    }


@panel_of_any
def test_a_colour_never_stands_without_a_word(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    for mapping in defaults.get("mappings", []):
        if mapping["type"] == "value":
            assert all(result["text"] and result["color"] for result in mapping["options"].values())
        else:  # the text is the value itself: a moment
            assert defaults["unit"].startswith("time:[since] ")


def colours(thing: Any) -> Iterator[str]:
    """Every colour that is written anywhere in it."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            if key in {"color", "fixedColor", "iconColor"} and isinstance(value, str):
                yield value
            else:
                yield from colours(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from colours(value)


@board
def test_every_colour_is_of_the_palette(name: str) -> None:
    assert set(colours(BOARDS[name])) <= PALETTE


@question_of_any
def test_a_query_counts_over_the_range_or_over_grafanas_own_interval(question: Question) -> None:
    for function, window in re.findall(r"\b(rate|increase)\([^\[\]]*\[([^\]]+)\]", question.expression):
        is_budget = question.board == "service" and "$objective" in question.expression
        assert is_budget or window == {"rate": "$__rate_interval", "increase": "$__range"}[function]
    assert "vector(0)" not in question.expression, "no data is not zero"
    says_the_same_everywhere = "lastseen_provider_claim" in question.expression
    assert "$service" not in question.expression or "$vantage" in question.expression or says_the_same_everywhere
    assert question.legend or question.is_instant or "Outages" in question.where


@panel_of_any
def test_what_is_shown_over_time_misses_nothing_between_two_steps(panel: dict[str, Any]) -> None:
    if panel["type"] == "stat" or all(target.get("instant") for target in panel["targets"]):
        return
    for target in panel["targets"]:
        assert not [*bare_gauges(target["expr"])]


def bare_gauges(expression: str) -> Iterator[str]:
    """Gauges that are looked at only once a step, and not just where a step is too short to hold a scrape."""
    for found in re.finditer(r"(\S*?)([a-z_]+)\{[^}]*\}(\[?)", expression):
        before, name, window = expression[: found.start(2)], found[2], found[3]
        is_counter = name.endswith(("_total", "_bucket"))
        if not (is_counter or window or before.endswith(("]) or ", " > 0 or "))):
            yield name


def test_a_gauge_without_its_interval_would_be_found() -> None:
    assert [*bare_gauges("max by (service) (lastseen_service_state{})")] == ["lastseen_service_state"]


def test_each_time_series_has_windows_as_annotations_without_any_plug_in() -> None:
    for name in NAMES:
        outages, blind = BOARDS[name]["annotations"]["list"]
        assert (outages["name"], outages["useValueForTime"], outages["enable"]) == ("Outages", True, True)
        assert (blind["name"], blind["enable"]) == ("Blind time", True)
        assert {name for name, _ in selectors(outages["expr"])} == {"lastseen_outage_start_timestamp_seconds"}
        assert all("filter" not in one for one in (outages, blind)), "on every panel"


def test_the_manuals_pictures_are_small() -> None:
    pictures = [*(ROOT / "docs/images").glob("grafana-*.png")]
    assert {picture.stem.removeprefix("grafana-") for picture in pictures} == BOARDS.keys()
    assert all(picture.stat().st_size < 150_000 for picture in pictures)


def test_compose_mounts_what_the_provisioning_names_and_the_scrape_interval_is_the_same() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    mounts = dict(volume.split(":")[:2] for volume in compose["services"]["grafana"]["volumes"])
    provisioning = ROOT / "grafana/provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards/lastseen.yml").read_text())["providers"]
    assert mounts["./grafana/dashboards"] == provider["options"]["path"]
    for kind in (folder.name for folder in provisioning.iterdir()):
        assert mounts[f"./grafana/provisioning/{kind}"] == f"/etc/grafana/provisioning/{kind}"
    home = compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/overview.json"
    assert (provider["allowUiUpdates"], provider["disableDeletion"]) == (False, True)
    found = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    (prometheus,) = (one for one in found if one["type"] == "prometheus")
    scraping = yaml.safe_load((ROOT / "config/prometheus/prometheus.yml").read_text())
    assert prometheus["jsonData"]["timeInterval"] == scraping["global"]["scrape_interval"]
    assert prometheus["isDefault"]
