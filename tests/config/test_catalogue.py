"""The built-in services and the default file, as they are shipped."""

from pathlib import Path

import pytest

from monitor.config import Catalogue, ConfigError, Configuration, catalogue_folder, load, loads
from monitor.registry import PROBE_SETTINGS

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.stem for path in (ROOT / "config" / "services").glob("*.yaml"))


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return Catalogue.load(catalogue_folder())


@pytest.fixture(scope="module")
def default(shipped: Catalogue) -> Configuration:
    return load(ROOT / "config" / "monitor.yaml", PROBE_SETTINGS, shipped, {})


def test_a_source_checkout_has_its_catalogue_in_config_services() -> None:
    assert catalogue_folder() == ROOT / "config" / "services"


@pytest.mark.parametrize("name", SERVICES)
def test_use_is_enough_to_watch_a_service(name: str, shipped: Catalogue) -> None:
    configuration = loads(f"services: [{{use: {name}}}]", PROBE_SETTINGS, shipped, {})
    (service,) = configuration.services
    assert service.name == name, "a file is named after its service"
    assert service.title
    assert service.provider
    assert service.sources
    assert any(component.critical for component in service.components)
    for component in service.components:
        for target in component.targets:
            assert target.proves, target.check_id
            assert target.source, target.check_id
    assert all(check.foreign and check.interval >= 60 for check in configuration.checks), "manners"


def test_the_default_file_watches_the_whole_catalogue(default: Configuration) -> None:
    assert sorted(service.name for service in default.services) == SERVICES


def test_no_witness_stands_with_a_provider_that_is_watched(default: Configuration) -> None:
    assert not {check.provider for check in default.witnesses} & {check.provider for check in default.checks}
    assert len({check.provider for check in default.witnesses}) == 3


def test_mistakes_of_all_files_of_a_catalogue_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: [\n")
    (tmp_path / "b.yaml").write_text("title: B\n")
    (tmp_path / "c.yaml").write_text("name: c\n")
    (tmp_path / "d.yaml").write_text("name: c\n")
    with pytest.raises(ConfigError) as caught:
        Catalogue.load(tmp_path)
    assert [(Path(p.file).name, p.line, p.message) for p in caught.value.problems] == [
        ("a.yaml", 2, "not YAML: while parsing a flow node, expected the node content, but found '<stream end>'"),
        ("b.yaml", 1, "a service with a name must stand here"),
        ("d.yaml", 1, "service 'c' stands in two files"),
    ]


def test_a_mistake_in_a_service_of_the_catalogue_names_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\ncomponents: [{name: b, targets: [{probe: tcp, address: nowhere}]}]\n")
    with pytest.raises(ConfigError) as caught:
        loads("services: [{use: a}]", PROBE_SETTINGS, Catalogue.load(tmp_path), {})
    assert str(caught.value) == f"{tmp_path}/a.yaml:2:56: no port in 'nowhere'; write host:port"
