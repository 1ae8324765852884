"""No file may eat the machine, or raise anything but ConfigError."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import ConfigError, Configuration, load, loads
from monitor.config.document import MAX_BYTES, MAX_NODES
from monitor.config.shapes import known_keys
from monitor.registry import PROBE_SETTINGS
from tests.config.kinds import KINDS, mistakes, target


def test_a_billion_laughs_are_refused_at_once() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    began = time.monotonic()
    (message,) = mistakes(text)
    assert message.endswith(f"more than {MAX_NODES} values, aliases counted")
    assert time.monotonic() - began < 2


def test_merge_keys_multiply_nothing_unseen() -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(1000))
    text = f"a: &a {{{keys}}}\nb: [" + ", ".join(["{<<: *a}"] * 1000) + "]\n"
    (message,) = mistakes(text)
    assert message.endswith(f"more than {MAX_NODES} values, aliases counted")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused(opening: str) -> None:
    (message,) = mistakes(opening * 20000)
    assert message.endswith("nested deeper than 40 levels")


def test_nesting_through_aliases_counts() -> None:
    text = "".join(f"a{n}: &a{n} {'[' * 30}{f'*a{n - 1}' if n else 'x'}{']' * 30}\n" for n in range(50))
    (message,) = mistakes(text)
    assert message == "f.yaml:2:39: nested deeper than 40 levels"


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes("é".encode() * (MAX_BYTES // 2 + 1))
    with pytest.raises(ConfigError) as caught:
        load(path, KINDS, None, {})
    assert str(caught.value) == f"{path}:1:1: larger than 8 MiB"


def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="larger than 8 MiB"):
        load(Path("/dev/zero"), KINDS, None, {})


def is_read_or_refused(read: Callable[[], Configuration]) -> bool:
    """Any other exception is a failed test."""
    try:
        read()
    except ConfigError as error:
        return bool(error.problems)
    return True


WORDS = [*"ab1:-[]{}&*!|>'\"%@`#?, \n\t.~<$", "use: ", "probe: tcp", "services:\n", "${A}", "<<: ", "&a ", "*a", "- "]
YAMLISH = st.lists(st.sampled_from(WORDS), max_size=60).map("".join)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["tcp", "5s", "a:1", "sunday", "02:00", "2026-12-24 22:00", "UTC"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "services",
                    "use",
                    "name",
                    "components",
                    "targets",
                    "probe",
                    "address",
                    "interval",
                    "only",
                    "witnesses",
                    "maintenance",
                    "every",
                    "at",
                    "for",
                    "from",
                    "zone",
                    "judgement",
                    "fall_of",
                    "peers",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.text() | YAMLISH)
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: str) -> None:
    assert is_read_or_refused(lambda: loads(text, KINDS, None, {"A": "b"}))


@given(data=st.binary(max_size=300))
@settings(max_examples=150)
def test_any_bytes_are_read_or_refused(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(data)
    assert is_read_or_refused(lambda: load(path, KINDS, None, {}))


@given(value=VALUES)
@settings(max_examples=300)
def test_any_tree_of_values_is_read_or_refused(value: object) -> None:
    text = json.dumps({"services": [value]} if not isinstance(value, dict) else value)
    assert is_read_or_refused(lambda: loads(text, KINDS, None, {}))


KEYS = sorted({key for kind in PROBE_SETTINGS.values() for key in known_keys((kind,))})
ODD = st.sampled_from(
    ["a:1", "https://[", "socks5://u:p@h:99999999", "[::1]:\u00b2", "(", "((a+)+)+", "9" * 5000, "\x00", "-1.5s"]
)


@pytest.mark.parametrize("kind", sorted(PROBE_SETTINGS))
@given(settings_=st.dictionaries(st.sampled_from(KEYS), ODD | VALUES | st.lists(ODD, max_size=3), max_size=8))
@settings(max_examples=60)
def test_any_settings_of_a_real_kind_are_read_or_refused(kind: str, settings_: dict[str, object]) -> None:
    text = json.dumps(settings_ | {"probe": kind})
    assert is_read_or_refused(lambda: loads(target(text), PROBE_SETTINGS, None, {}))
