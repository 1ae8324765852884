import base64
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from canonicaljson import encode_canonical_json
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire.matrix import (
    ServerKey,
    canonical,
    read_base_url,
    read_delegation,
    read_error,
    read_keys,
    read_software,
    read_text,
    read_versions,
    verifies,
)

# The seed and the signatures of the specification's appendices, "Cryptographic Test Vectors".
SEED = base64.b64decode("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1=")
PUBLIC = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
GOOD = {
    "server_name": "domain",
    "valid_until_ts": 1_700_000_000_000,
    "verify_keys": {"ed25519:1": {"key": base64.b64encode(PUBLIC).decode().rstrip("=")}, "other:1": {"key": "x"}},
    "signatures": {"domain": {"ed25519:1": "AAAA"}, "elsewhere": {"ed25519:1": "BBBB"}},
    "unsigned": {"age": 1},
}
READERS: list[Callable[[bytes], object]] = [
    read_base_url,
    read_delegation,
    read_error,
    read_keys,
    read_software,
    read_versions,
    lambda body: read_text(body, "user_id"),
]
EXACT = st.none() | st.booleans() | st.integers() | st.text(max_size=8)


def _documents(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaf,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=12,
    )


ANY_JSON = _documents(EXACT | st.floats())


@pytest.mark.parametrize(
    ("document", "signature"),
    [
        ({}, "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"),
        (
            {"two": "Two", "one": 1},
            "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw",
        ),
    ],
    ids=["empty", "two keys"],
)
def test_signatures_of_the_specification_verify(document: Any, signature: str) -> None:
    key = ServerKey("ed25519:1", PUBLIC, base64.b64decode(signature + "=="))
    assert verifies(key, canonical(document))
    assert not verifies(key, canonical({**document, "three": 3}))
    assert not verifies(key._replace(key=bytes(32)), canonical(document))
    assert not verifies(key._replace(key=b"short"), canonical(document))
    assert not verifies(key._replace(signature=None), canonical(document))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"b": "2", "a": "1"}, '{"a":"1","b":"2"}'),
        ({"本": 2, "日": 1}, '{"日":1,"本":2}'),
        ({"a": "日"}, '{"a":"日"}'),
        ({"a": None, "b": [True, -0, 10]}, '{"a":null,"b":[true,0,10]}'),
    ],
    ids=["order", "order of code points", "not escaped", "values"],
)
def test_canonical_json_of_the_specification(document: Any, expected: str) -> None:
    assert canonical(document) == expected.encode()


def test_published_keys() -> None:
    found = read_keys(json.dumps(GOOD).encode())
    assert (found.server_name, found.valid_until) == ("domain", 1_700_000_000.0)
    assert found.keys == (ServerKey("ed25519:1", PUBLIC, b"\0\0\0"),)
    assert json.loads(found.signed) == {key: GOOD[key] for key in ("server_name", "valid_until_ts", "verify_keys")}


@pytest.mark.parametrize(
    "change",
    [
        {"server_name": 1},
        {"server_name": ""},
        {"valid_until_ts": True},
        {"valid_until_ts": 1.5},
        {"valid_until_ts": -1},
        {"valid_until_ts": 10**20},
        {"verify_keys": []},
        {"verify_keys": {"ed25519:1": "x"}},
        {"verify_keys": {"ed25519:1": {"key": "***"}}},
        {"verify_keys": {f"ed25519:{number}": {"key": ""} for number in range(100)}},
        {"signatures": []},
        {"signatures": {"domain": []}},
        {"signatures": {"domain": {"ed25519:1": 1}}},
        {"more": float("nan")},
        {"more": "\ud800"},
    ],
    ids=lambda change: json.dumps(change)[:40],
)
def test_documents_that_are_no_published_keys(change: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_keys(json.dumps({**GOOD, **change}).encode())


def test_the_smaller_documents() -> None:
    assert read_delegation(b'{"m.server": "a.example:443"}') == "a.example:443"
    assert read_base_url(b'{"m.homeserver": {"base_url": "https://a.example"}}') == "https://a.example"
    assert read_versions(b'{"versions": ["r0.6.1", "v1.1", 7, "a b", ""]}') == ("r0.6.1", "v1.1")
    assert read_software(b'{"server": {"name": "Synapse", "version": "1.2"}}') == "Synapse 1.2"
    assert read_software(b"{}") == ""
    assert read_error(b'{"errcode": "M_MISSING_TOKEN"}') == "M_MISSING_TOKEN"


def bodies(depth: int) -> list[bytes]:
    inside = b"[" * depth + b"]" * depth
    return [
        b"[" * depth,
        b'{"x":' * depth,
        b'{"server_name":"a","valid_until_ts":1,"verify_keys":{},"x":' + inside + b"}",
    ]


def test_nesting_without_end_is_refused() -> None:
    for body in bodies(60_000):
        for read in READERS:
            with pytest.raises(ValueError, match=r".+"):
                read(body)


@pytest.mark.parametrize("depth", range(100, 1300, 100))
def test_nesting_as_deep_as_the_stack_allows_is_read_or_refused(depth: int) -> None:
    for body in bodies(depth):
        for read in READERS:
            with suppress(ValueError):
                read(body)


@settings(max_examples=300)
@given(_documents(EXACT))
def test_canonical_json_is_what_the_reference_makes(document: Any) -> None:
    assert canonical(document) == encode_canonical_json(document)


@settings(max_examples=400)
@given(
    st.binary(max_size=60)
    | ANY_JSON.map(lambda value: json.dumps(value).encode())
    | st.tuples(st.sampled_from(sorted(GOOD)), ANY_JSON).map(
        lambda pair: json.dumps({**GOOD, pair[0]: pair[1]}).encode()
    )
    | st.tuples(st.integers(0, 400), st.binary(max_size=3)).map(
        lambda cut: json.dumps(GOOD).encode()[: cut[0]] + cut[1] + json.dumps(GOOD).encode()[cut[0] + len(cut[1]) :]
    )
)
def test_any_bytes_are_a_document_or_a_value_error(body: bytes) -> None:
    for read in READERS:
        try:
            found = read(body)
        except ValueError:
            continue
        assert found is not None
        if read is read_keys:
            for key in read_keys(body).keys:
                assert verifies(key, b"x") in (True, False)
