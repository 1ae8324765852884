"""Text of others in our messages, and text of the user's that is a pattern."""

import re
from typing import Annotated

from pydantic import AfterValidator

_SHOWN = 80


def shown(value: object) -> str:
    """``value`` as a message may repeat it: escaped, and at most 80 characters of it."""
    text = repr(value[:_SHOWN] if isinstance(value, str | bytes) else value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def check_expression(text: str) -> str:
    """``text`` itself when it is a regular expression. Raises ValueError."""
    try:
        re.compile(text)
        re.compile(text.encode())
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text


def compiled(text: str) -> re.Pattern[bytes]:
    """An `Expression` as it is searched in bytes: multi-line, as operators know it from grep."""
    return re.compile(text.encode(), re.MULTILINE)


Expression = Annotated[str, AfterValidator(check_expression)]
"""A regular expression that compiles."""


def milliseconds(seconds: float) -> str:
    """A duration as people read it: 0.4 ms, 35 ms, 1.25 s, 12.0 s."""
    if seconds >= 1:
        return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds:.2f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
