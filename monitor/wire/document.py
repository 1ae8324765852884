"""JSON that strangers wrote. See `monitor.wire` for the promise of a codec."""

import json
from typing import Any

_MOST = 50_000  # values and pairs, more or less: so many take up to 50 ms and 10 MB


def parse(data: bytes) -> Any:  # whatever JSON holds
    """The value that ``data`` is in JSON (RFC 8259). Raises ValueError for anything else, however deep or long."""
    try:
        return json.loads(bounded(data), parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("JSON nested too deep") from error
    except ValueError as error:
        raise ValueError("not JSON, or too much of it") from error


def bounded(data: bytes) -> bytes:
    """``data``. Raises ValueError when it is JSON of so many parts that reading it would hold everybody else up."""
    if sum(map(data.count, (b"[", b"{", b","))) > _MOST:
        raise ValueError(f"JSON of more than {_MOST} parts")
    return data


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
