"""Documents that the code can prove wrong."""

import re
from pathlib import Path

import pytest
import yaml

from monitor.config import Catalogue, catalogue_folder, loads
from monitor.registry import PROBES
from scripts.manuals import manuals

ROOT = Path(__file__).parents[1]
KINDS = {name: kind.settings_type for name, kind in PROBES.items()}
RULES = yaml.safe_load((ROOT / "config/prometheus/rules.yml").read_text())
ALERTS = [rule["alert"] for group in RULES["groups"] for rule in group["rules"] if "alert" in rule]


def examples(path: Path) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_a_runbook(alert: str) -> None:
    assert (ROOT / f"docs/runbooks/{alert}.md").read_text().startswith(f"# {alert}\n")


def test_every_runbook_has_an_alert() -> None:
    assert {path.stem for path in (ROOT / "docs/runbooks").glob("*.md")} == set(ALERTS)


def test_the_first_configuration_of_the_readme_loads() -> None:
    (example,) = examples(ROOT / "README.md")
    configuration = loads(example, KINDS, Catalogue.load(catalogue_folder()), {})
    assert {service.name for service in configuration.services} >= {"whatsapp", "acme-chat"}


def test_every_metric_that_the_alert_rules_name_exists() -> None:
    source = "".join(path.read_text() for path in (ROOT / "monitor/metrics").glob("*.py"))
    names = set(re.findall(r"\b(?:lastseen|probe)_[a-z_]+\b", str(RULES)))
    assert names
    for name in names:
        assert re.search(rf'"{name.removesuffix("_total")}"', source), name


def test_the_manuals_are_those_of_the_docstrings() -> None:
    written = {path.name: path.read_text() for path in (ROOT / "docs/probes").glob("*.md")}
    assert written == manuals(), "run: make manuals"


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} -> {target}"
