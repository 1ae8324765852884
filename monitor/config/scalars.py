"""What a YAML scalar means, and ``${NAME}`` inside it."""

import re
from collections.abc import Mapping

from monitor.config.nodes import Plain
from monitor.config.problems import Mark, Problems

_PREFIX = "tag:yaml.org,2002:"
_STR = _PREFIX + "str"
TAGS = frozenset(_PREFIX + name for name in ("str", "int", "float", "bool", "null", "map", "seq")) | {"!"}

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,4})?")
_NO_TEXT = frozenset(("", *"~nNtTfF+-.0123456789"))
"""How a value begins that may be something else than text: most need no second look."""
_VARIABLE = re.compile(r"\$(?:\$|\{([^{}]*)\})")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def resolve(text: str, plain: bool | str) -> Plain:  # noqa: FBT001  # the parser's own word for it
    """The value of a scalar by the core schema. ``plain``: written without quotes, or its tag."""
    if text[:1] not in _NO_TEXT or plain in (False, _STR, "!"):
        return text
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text, 0 if text[1:2] in ("o", "x") else 10)
    return float(text) if _FLOAT.fullmatch(text) else text


class Substitution:
    """Puts variables of the environment in place of ``${NAME}``; ``$$`` is one dollar.

    A value with a variable in it is always text, and never shown. Without an environment nothing is put in.
    """

    def __init__(self, environ: Mapping[str, str] | None, problems: Problems) -> None:
        self._environ = environ
        self._problems = problems

    def apply(self, text: str, mark: Mark) -> tuple[str, bool]:
        """The text with its variables filled in, and whether there were any."""
        environ = self._environ
        if environ is None or "$" not in text:
            return text, False
        names = [match.group(1) for match in _VARIABLE.finditer(text) if match.group(1) is not None]
        for name in names:
            if not _NAME.fullmatch(name):
                self._problems.spoil(mark, f"${{{name}}} is not a variable; write ${{NAME}}, or $$ for a dollar")
            elif name not in environ:
                self._problems.spoil(mark, f"the environment variable {name} is not set")
        return _VARIABLE.sub(lambda m: environ.get(m[1], "") if m[1] else "$", text), bool(names)
