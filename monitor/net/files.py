"""Small system files that are read again when they change."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

Parsed = TypeVar("Parsed")


class Reread(Generic[Parsed]):
    """What a file says now: parsed again only when its identity, size or time of change differ."""

    def __init__(self, path: Path, parse: Callable[[str], Parsed]) -> None:
        self._path = path
        self._parse = parse
        self._seen: tuple[int, int, int] | None = None
        self._value: Parsed | None = None

    def __call__(self) -> Parsed:
        """The parsed text; that of an empty file when it cannot be read."""
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
            if self._value is None or seen != self._seen:
                self._value, self._seen = self._parse(self._path.read_text("utf-8", "replace")), seen
        except OSError:
            self._value, self._seen = self._parse(""), None
        return self._value
