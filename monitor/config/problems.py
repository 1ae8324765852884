"""What is wrong in a file: collected, so that all mistakes are told at once."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from typing_extensions import override


class Mark(NamedTuple):
    """A place in a file; line and column count from 1, the column in characters.

    A tuple, as one is made for every value: 10,000 checks have 130,000.
    """

    file: str
    line: int
    column: int

    @override
    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One mistake and its place. ``hint`` is what was probably meant."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    @override
    def __str__(self) -> str:
        meant = f" (did you mean {self.hint!r}?)" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{meant}"


class ConfigError(Exception):
    """A configuration that cannot be used, with every mistake that was found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


class Problems:
    """The collector. The same mistake at the same place counts once, however many checks it spoils."""

    def __init__(self) -> None:
        self._found: set[Problem] = set()
        self._broken: set[Mark] = set()

    def add(self, mark: Mark, message: str, hint: str = "") -> None:
        """Note a mistake, unless one at ``mark`` makes all that follow from it meaningless."""
        if mark not in self._broken:
            self._found.add(Problem(file=mark.file, line=mark.line, column=mark.column, message=message, hint=hint))

    def spoil(self, mark: Mark, message: str, hint: str = "") -> None:
        """Note a mistake that leaves no value at ``mark``: nothing else is said about it."""
        self.add(mark, message, hint)
        self._broken.add(mark)

    def __bool__(self) -> bool:
        return bool(self._found)

    def error(self) -> ConfigError:
        """What to raise for everything that was noted."""
        return ConfigError(self._found)


def closest(word: object, known: Iterable[str]) -> str:
    """The known word that was probably meant; empty when none is near."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(str(word).lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else ""
