"""Conditions on JSON documents: a path to one value, and what that value must be.

A path is keys with dots between them and indexes in brackets:
``page.components[0].status``. A key that holds a dot itself is written in
brackets and quotes: ``["m.homeserver"].base_url``.
"""

import json
import re
from collections.abc import Mapping
from functools import reduce
from typing import Annotated, Any, Self

from pydantic import AfterValidator, model_validator

from monitor.domain.settings import Settings
from monitor.domain.text import Expression, shown

_STEP = re.compile(r'\["([^"]+)"\]|\[(\d+)\]|\.?([^.\[\]"]+)')


class _Absent:
    """What a path finds where nothing is; JSON's null is a value."""


_ABSENT = _Absent()


def _steps(path: str) -> tuple[str | int, ...]:
    """The keys and indexes of ``path``. Raises ValueError."""
    steps: list[str | int] = []
    position = 0
    while position < len(path):
        found = _STEP.match(path, position)
        if found is None:
            raise ValueError(f"not a JSON path: {path!r}; write keys and indexes, as in page.components[0].status")
        quoted, index, key = found.groups()
        steps.append(int(index) if index else quoted or key)
        position = found.end()
    return tuple(steps)


class JsonCondition(Settings):
    """What the value at a path must be: every key that is given must hold.

    Written short, ``present`` and ``absent`` are words, and any other plain value must be equaled.
    """

    present: bool = True
    equals: str | int | float | bool | None = None
    regex: Expression | None = None
    """Searched in a string; a number or a boolean is matched as JSON writes it."""
    min: float | int | None = None
    max: float | int | None = None
    min_length: int | None = None
    max_length: int | None = None
    """Of a string, a list or an object."""

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: object) -> object:
        if isinstance(value, Mapping):
            return value
        return {"present": value == "present"} if value in ("present", "absent") else {"equals": value}

    @model_validator(mode="after")
    def _check_absent(self) -> Self:
        if not self.present and self.model_fields_set != {"present"}:
            raise ValueError("a value that must be absent cannot meet other conditions")
        return self

    def complaint(self, value: object) -> str | None:
        """Why ``value`` does not satisfy this condition, None when it does."""
        if isinstance(value, _Absent):
            return "is absent" if self.present else None
        if not self.present:
            return f"is present: {shown(value)}"
        if "equals" in self.model_fields_set and not _equal(value, self.equals):
            return f"is {shown(value)}, not {self.equals!r}"
        if self.regex is not None and not re.search(self.regex, _text(value)):
            return f"is {shown(value)}, which does not match {self.regex!r}"
        return self._out_of_range(value)

    def _out_of_range(self, value: object) -> str | None:
        size = len(value) if isinstance(value, str | list | dict) else None
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
        for what, given, low, high in (
            ("length", size, self.min_length, self.max_length),
            ("value", number, self.min, self.max),
        ):
            if low is None and high is None:
                continue
            if given is None or (low is not None and given < low) or (high is not None and given > high):
                return f"is {shown(value)}, {what} not between {low} and {high}"
        return None


def _equal(value: object, wanted: object) -> bool:
    return value == wanted and isinstance(value, bool) == isinstance(wanted, bool)  # True is not 1


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _check_paths(conditions: Mapping[str, JsonCondition]) -> Mapping[str, JsonCondition]:
    for path in conditions:
        _steps(path)
    return conditions


JsonConditions = Annotated[Mapping[str, JsonCondition], AfterValidator(_check_paths)]


def find(document: object, path: str) -> object:
    """The value at ``path``, or a value that satisfies only ``absent``."""
    try:
        return reduce(_descend, _steps(path), document)
    except LookupError:
        return _ABSENT


def _descend(value: Any, step: str | int) -> Any:  # whatever JSON holds
    fits = isinstance(value, list if isinstance(step, int) else dict)
    if not fits:
        raise LookupError(step)
    return value[step]


def complaint(body: bytes, conditions: Mapping[str, JsonCondition]) -> str | None:
    """Why ``body`` does not satisfy ``conditions``, None when it does."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return f"not JSON: {shown(body)}"
    for path, condition in conditions.items():
        wrong = condition.complaint(find(document, path))
        if wrong:
            return f"{path} {wrong}"
    return None
