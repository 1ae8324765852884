"""Matrix documents: discovery, versions, errors, and the signed keys of a server (Matrix specification v1.16).

Every function takes the body of an answer and raises ValueError, with a text of our own, for what it should not be.
"""

import json
import re
from binascii import Error, a2b_base64
from typing import Any, NamedTuple, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from monitor.wire.document import bounded

_WORD = re.compile(r"[\x21-\x7e]{1,32}")
_MOST_VERSIONS = 100
_MOST_KEYS = 32
_LARGEST = 2**53 - 1  # what canonical JSON can hold


class ServerKey(NamedTuple):
    """An Ed25519 key, 32 bytes, and the signature that it made over the document, if it made one."""

    id: str
    key: bytes
    signature: bytes | None


class ServerKeys(NamedTuple):
    """What a server publishes of itself (Server-Server API, "Publishing Keys")."""

    server_name: str
    valid_until: float
    """Unix seconds."""
    keys: tuple[ServerKey, ...]
    signed: bytes
    """The bytes that the signatures are of."""


def read_delegation(body: bytes) -> str:
    """The server that ``.well-known/matrix/server`` names."""
    return _text(_object(body), "m.server")


def read_base_url(body: bytes) -> str:
    """The URL that ``.well-known/matrix/client`` names."""
    homeserver = _object(body).get("m.homeserver")
    if not isinstance(homeserver, dict):
        raise ValueError("it names no homeserver")  # noqa: TRY004  # a document, not an argument
    return _text(homeserver, "base_url")


def read_versions(body: bytes) -> tuple[str, ...]:
    """The versions of the specification that a homeserver speaks, as it lists them: words of ASCII, 1 to 100."""
    versions = _object(body).get("versions")
    listed = versions if isinstance(versions, list) else []
    words = [item for item in listed if isinstance(item, str) and _WORD.fullmatch(item)]
    if not words:
        raise ValueError("it lists no versions")
    return tuple(words[:_MOST_VERSIONS])


def read_software(body: bytes) -> str:
    """Name and version of a server's software; it need not tell."""
    server = _object(body).get("server", {})
    if not isinstance(server, dict):
        raise ValueError("server is not an object")  # noqa: TRY004  # a document, not an argument
    return " ".join(str(server[key]) for key in ("name", "version") if isinstance(server.get(key), str))


def read_error(body: bytes) -> str:
    """The code of a standard error response, as in M_MISSING_TOKEN."""
    code = _text(_object(body), "errcode")
    if not code.startswith("M_"):
        raise ValueError("its error is not one of Matrix")
    return code


def read_text(body: bytes, key: str) -> str:
    """The text under ``key``, which must be there."""
    return _text(_object(body), key)


def read_keys(body: bytes) -> ServerKeys:
    """The published keys, not yet verified."""
    document = _object(body, exact=True)
    name = _text(document, "server_name")
    until = document.get("valid_until_ts")
    if type(until) is not int or not 0 <= until <= _LARGEST:
        raise ValueError("it does not tell how long its keys are valid")
    verify_keys, signatures = document.get("verify_keys"), document.pop("signatures", {})
    document.pop("unsigned", None)
    own = signatures.get(name, {}) if isinstance(signatures, dict) else None
    if not isinstance(verify_keys, dict) or not isinstance(own, dict):
        raise ValueError("it publishes no keys, or no signatures")  # noqa: TRY004  # a document, not an argument
    found = [_key(name, item, own) for name, item in verify_keys.items() if name.startswith("ed25519:")]
    if len(found) > _MOST_KEYS:
        raise ValueError(f"it publishes more than {_MOST_KEYS} keys")
    return ServerKeys(name, until / 1000, tuple(found), canonical(document))


def verifies(key: ServerKey, signed: bytes) -> bool:
    """Whether the key made its signature over ``signed``."""
    try:
        Ed25519PublicKey.from_public_bytes(key.key).verify(key.signature or b"", signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def canonical(document: Any) -> bytes:
    """``document`` as canonical JSON (appendices, "Canonical JSON"). Raises ValueError where it cannot be."""
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _key(name: str, item: object, signatures: dict[str, object]) -> ServerKey:
    if not isinstance(item, dict):
        raise ValueError("a key that is not an object")  # noqa: TRY004  # a document, not an argument
    signature = signatures.get(name)
    return ServerKey(name, _base64(item.get("key")), None if signature is None else _base64(signature))


def _base64(value: object) -> bytes:
    """Unpadded base64 (appendices); padding is forgiven."""
    if not isinstance(value, str):
        raise ValueError("a key or signature that is not a text")  # noqa: TRY004  # a document, not an argument
    text = value.rstrip("=")
    try:
        return a2b_base64((text + "=" * (-len(text) % 4)).encode("ascii"), strict_mode=True)
    except (Error, UnicodeEncodeError):
        raise ValueError("a key or signature that is not base64") from None


def _object(body: bytes, *, exact: bool = False) -> dict[str, Any]:
    """The JSON object in ``body``; ``exact`` refuses numbers that canonical JSON does not have."""
    numbers: dict[str, Any] = {"parse_float": _refuse, "parse_int": _integer} if exact else {}
    try:
        document = json.loads(bounded(body).decode(), parse_constant=_refuse, **numbers)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON, or too much of it") from None
    if not isinstance(document, dict):
        raise ValueError("it is not an object")  # noqa: TRY004  # a document, not an argument
    return document


def _refuse(_: str) -> NoReturn:
    raise ValueError


def _integer(text: str) -> int:
    number = int(text)
    if abs(number) > _LARGEST:
        raise ValueError
    return number


def _text(document: dict[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"it does not say {key}")
    return value
