"""Every example of docs/configuration.md is read as it stands."""

import re
from pathlib import Path

import pytest

from monitor.config import Catalogue, catalogue_folder, loads
from monitor.config.envelope import WebSettings
from monitor.config.judging import JudgementSettings
from monitor.config.maintenance import MaintenanceSettings
from monitor.config.shapes import keys
from monitor.registry import PROBE_SETTINGS

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_of_the_page_loads(number: int, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret")
    text = re.sub(r"/run/secrets/\w+", str(tmp_path / "secret"), EXAMPLES[number])
    loads(text, PROBE_SETTINGS, Catalogue.load(catalogue_folder()), {})


def test_what_the_page_says_of_its_examples_holds() -> None:
    judging, maintenance, ours, _, _, names = EXAMPLES
    first, second = loads(judging, PROBE_SETTINGS, None, {}).checks
    assert (first.judging.fall, first.judging.rise, first.judging.slow) == (2, 4, 2.0)
    assert (second.judging.fall_failed, second.judging.fall_of, second.judging.slow) == (8, 15, 0.5)
    announced = loads(maintenance, PROBE_SETTINGS, Catalogue.load(catalogue_folder()), {}).maintenance
    assert [each.name for each in announced] == ["weekly patches", "backup", "database", "new rack", "carrier"]
    default = loads("{}", PROBE_SETTINGS, None, {})
    same = loads(ours, PROBE_SETTINGS, None, {})
    assert [check.id for check in same.witnesses] == [check.id for check in default.witnesses]
    assert same.second_resolver == default.second_resolver
    assert [check.id for check in loads(names, PROBE_SETTINGS, None, {}).checks] == [
        "acme-dns/zone/acme.example A @192.0.2.53:53/dns",
        "acme-dns/zone/acme.example over tcp/dns",
    ]


def test_every_setting_of_these_groups_is_on_the_page() -> None:
    for key in (*keys(JudgementSettings), *keys(MaintenanceSettings), *keys(WebSettings)):
        assert re.search(rf"`{key}[`:]|{key}: ", PAGE), key
