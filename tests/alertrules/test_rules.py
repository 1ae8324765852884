"""The rule files as such: labels, texts, links, and that every name in them is somebody's.

What the rules do is tested by promtool: config/prometheus/rules_test, which .ci/run runs.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.alertrules.promtool import ROOT, RULES
from tests.metrics.test_documented import families

GROUPS = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
RECORDED = {rule["record"] for group in GROUPS for rule in group["rules"] if "record" in rule}
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}
TESTS = sorted((ROOT / "config/prometheus/rules_test").glob("*.yml"))
BOARDS = {
    board["uid"]: {variable["name"] for variable in board["templating"]["list"]}
    for board in (json.loads(path.read_text()) for path in (ROOT / "grafana/dashboards").glob("*.json"))
}
each_alert = pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
Rule = Mapping[str, Any]


def expressions() -> str:
    """All that is asked of Prometheus: by rules, and by the templates of their texts."""
    return "\n".join(str(rule) for group in GROUPS for rule in group["rules"])


def test_every_alert_is_seen_to_fire_in_a_test_of_the_rules() -> None:
    cases = [case for file in TESTS for test in yaml.safe_load(file.read_text())["tests"] for case in cases_of(test)]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == set(ALERTS)


def cases_of(test: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = test.get("alert_rule_test", [])
    return found


@each_alert
def test_every_alert_has_a_severity_that_the_routes_know(alert: Rule) -> None:
    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in {"page", "ticket", "info"}


@each_alert
def test_every_alert_says_in_one_line_what_it_is_and_where_to_read_on(alert: Rule) -> None:
    texts = alert["annotations"]
    assert texts.keys() == {"summary", "description", "runbook_url", "dashboard_url"}
    assert "\n" not in texts["summary"]
    assert texts["runbook_url"] == f"{{{{ $externalLabels.runbooks }}}}/{alert['alert']}.md"


@each_alert
def test_every_alert_links_to_a_dashboard_that_there_is_with_variables_that_it_has(alert: Rule) -> None:
    link = alert["annotations"]["dashboard_url"]
    found = re.fullmatch(r"\{\{ \$externalLabels\.grafana \}\}/d/([a-z-]+)(?:\?(.+))?", link)
    assert found is not None, link
    variables = set(re.findall(r"var-(\w+)=", found[2] or ""))
    assert variables <= BOARDS[found[1]], link


@each_alert
def test_every_alert_has_a_runbook_with_the_four_parts(alert: Rule) -> None:
    text = (ROOT / f"docs/runbooks/{alert['alert']}.md").read_text()
    assert text.startswith(f"# {alert['alert']}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def test_every_runbook_has_an_alert() -> None:
    assert {path.stem for path in (ROOT / "docs/runbooks").glob("*.md")} == set(ALERTS)


def test_every_metric_that_the_rules_name_is_there_or_recorded() -> None:
    recorded = re.compile(r"\b\w+:lastseen_\w+:\w+")
    assert set(recorded.findall(expressions())) == RECORDED
    names = set(re.findall(r"\b(?:lastseen|probe)_[a-z_]+\b", recorded.sub("", expressions())))
    assert names - {name for name, _ in families()} == set()
    assert len(names) > 20


def test_no_alert_is_named_by_the_inhibitions_that_there_is_not() -> None:
    rules = yaml.safe_load((ROOT / "config/alertmanager/alertmanager.yml").read_text())["inhibit_rules"]
    named = set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b", str(rules)))
    assert named <= set(ALERTS)
    assert all(rule["equal"][0] == "job" for rule in rules)
