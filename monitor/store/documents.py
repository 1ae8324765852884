"""Windows and notes as text."""

import json

import structlog
from pydantic import TypeAdapter

from monitor.domain.outage import Window

_WINDOW = TypeAdapter(Window)
_log = structlog.get_logger(__name__)


def encode(window: Window) -> str:
    """The whole window as JSON."""
    return _WINDOW.dump_json(window).decode()


def decode(document: str) -> Window:
    """What `encode` wrote. Raises ValueError. Fields that this version does not know are left out."""
    return _WINDOW.validate_json(document)


def decode_known(document: str) -> Window | None:
    """The same, or None for one with words that only another version knows."""
    try:
        return decode(document)
    except ValueError as error:
        _log.warning("an outage that another version wrote is left out", why=str(error).partition("\n")[0])
        return None


def encode_changes(changes: tuple[tuple[str, str], ...]) -> str:
    """The changes of a note."""
    return json.dumps(changes)


def decode_changes(text: str) -> tuple[tuple[str, str], ...]:
    """What `encode_changes` wrote."""
    return tuple((str(field), str(value)) for field, value in json.loads(text))
