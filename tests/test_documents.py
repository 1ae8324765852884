"""Documents that the code can prove wrong."""

import re
from pathlib import Path

import pytest

from monitor.config import Catalogue, catalogue_folder, loads
from monitor.registry import PROBE_SETTINGS
from scripts.manuals import manuals

ROOT = Path(__file__).parents[1]


def examples(path: Path) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def test_the_first_configuration_of_the_readme_loads() -> None:
    (example,) = examples(ROOT / "README.md")
    configuration = loads(example, PROBE_SETTINGS, Catalogue.load(catalogue_folder()), {})
    assert {service.name for service in configuration.services} >= {"whatsapp", "acme-chat"}


@pytest.mark.parametrize("folder", ["probes", "channels"])
def test_the_manuals_are_those_of_the_docstrings(folder: str) -> None:
    written = {path.name: path.read_text() for path in (ROOT / "docs" / folder).glob("*.md")}
    assert written == manuals(folder), "run: make manuals"


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} -> {target}"
