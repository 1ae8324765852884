"""Windows and notes as text."""

import json

from pydantic import TypeAdapter

from monitor.domain.outage import Window

_WINDOW = TypeAdapter(Window)


def encode(window: Window) -> str:
    """The whole window as JSON."""
    return _WINDOW.dump_json(window).decode()


def decode(document: str) -> Window:
    """What `encode` wrote. Raises ValueError. Fields that this version does not know are left out."""
    return _WINDOW.validate_json(document)


def encode_changes(changes: tuple[tuple[str, str], ...]) -> str:
    """The changes of a note."""
    return json.dumps(changes)


def decode_changes(text: str) -> tuple[tuple[str, str], ...]:
    """What `encode_changes` wrote."""
    return tuple((str(field), str(value)) for field, value in json.loads(text))
