"""Every example in every probe's manual is a configuration that loads."""

import inspect
import re
import sys
from typing import Any

import pytest
import yaml

from monitor.registry import PROBE_SETTINGS, PROBES

_OF_THE_CONFIG = {"probe", "interval", "timeout", "confirm", "target", "name"}


def manual(kind: str) -> str:
    return inspect.cleandoc(sys.modules[PROBES[kind].__module__].__doc__ or "")


def examples(kind: str) -> list[str]:
    """The literal blocks (after a line that ends in ``::``) of the manual."""
    blocks = re.findall(r"::\n\n((?:(?: {4}.*)?\n)+)", manual(kind) + "\n")
    return [inspect.cleandoc(block) for block in blocks]


def _frozen(value: Any) -> Any:
    """Lists as tuples, and secrets in place, not in their files, as the loader hands them over."""
    if isinstance(value, dict):
        return {key.removesuffix("_file") if _is_secret(key) else key: _frozen(item) for key, item in value.items()}
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _is_secret(key: str) -> bool:
    return key.endswith(("password_file", "token_file"))


@pytest.mark.parametrize("kind", sorted(PROBES))
def test_every_example_of_a_manual_loads(kind: str) -> None:
    found = examples(kind)
    assert found, f"{kind} has no example"
    for example in found:
        document = yaml.safe_load(example)
        assert document.pop("probe") in PROBES
        fields = PROBE_SETTINGS[kind].model_fields
        settings = {key: value for key, value in document.items() if key in fields or key not in _OF_THE_CONFIG}
        assert PROBE_SETTINGS[kind].model_validate(_frozen(settings)).endpoint


@pytest.mark.parametrize("kind", sorted(PROBES))
def test_every_manual_tells_phases_and_failures(kind: str) -> None:
    assert "Phases: " in manual(kind)
    assert "Failures: " in manual(kind)
