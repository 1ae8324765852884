"""Every example in every channel's manual is a configuration that loads, and what it rides on is in the catalogue."""

import inspect
import re
import sys
import textwrap
from pathlib import Path

import pytest

from monitor.channels import apprise
from monitor.config import Catalogue, catalogue_folder, load
from monitor.domain import mailboxes
from monitor.registry import CHANNEL_SETTINGS, CHANNELS, PROBE_SETTINGS


def manual(kind: str) -> str:
    return inspect.cleandoc(sys.modules[CHANNELS[kind].__module__].__doc__ or "")


def examples(kind: str) -> list[str]:
    """The literal blocks (after a line that ends in ``::``) of the manual."""
    blocks = re.findall(r"::\n\n((?:(?: {4}.*)?\n)+)", manual(kind) + "\n")
    return [inspect.cleandoc(block) for block in blocks]


@pytest.mark.parametrize("kind", sorted(CHANNELS))
def test_every_example_of_a_manual_loads(kind: str, tmp_path: Path) -> None:
    found = examples(kind)
    assert found, f"{kind} has no example"
    path = tmp_path / "monitor.yaml"
    for example in found:
        name = re.search(r"^name: (.*)$", example, re.MULTILINE)
        assert name is not None
        channel = textwrap.indent(example, "      ").replace("      ", "    - ", 1)
        routes = f"  routes: [{{name: all, channels: [{name[1]}]}}]"
        path.write_text(f"services: [{{use: whatsapp}}]\nalerts:\n  channels:\n{channel}\n{routes}\n")
        environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", example), "1234:x")
        [way] = load(path, PROBE_SETTINGS, Catalogue.load(catalogue_folder()), environ, CHANNEL_SETTINGS).alerts.ways
        assert way.kind == kind
        assert way.settings.place


@pytest.mark.parametrize("kind", sorted(CHANNELS))
def test_every_manual_names_every_setting(kind: str) -> None:
    text = manual(kind)
    names = {field.alias or name for name, field in CHANNEL_SETTINGS[kind].model_fields.items()} - {"rides_on"}
    assert not [name for name in names if f"``{name}`" not in text and f"\n    {name}: " not in text]


@pytest.mark.parametrize("kind", sorted(CHANNELS))
def test_every_manual_tells_how_failures_are_read_and_where_its_facts_are_from(kind: str) -> None:
    text = " ".join(manual(kind).split()).lower()
    assert not [words for words in ("for good", "may pass", "the check ", "sources: ") if words not in text]


@pytest.mark.parametrize("name", sorted({*apprise._RIDES.values(), *mailboxes._CARRIERS.values(), "matrix-org"}))
def test_what_a_channel_rides_on_is_a_service_of_the_catalogue(name: str) -> None:
    assert name in Catalogue.load(catalogue_folder()).names
