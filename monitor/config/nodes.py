"""A YAML document as values that know where they were written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from monitor.config.problems import Mark

Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value. It stays out of every repr: it may be a secret."""

    mark: Mark
    value: Plain = field(repr=False)
    hidden: bool = False
    """The value came from the environment or from a secret file: no message may show it."""

    def show(self) -> str:
        """The value for a message."""
        return "'***'" if self.hidden else repr(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    mark: Mark
    items: tuple["Node", ...]


class Entry(NamedTuple):
    """One key of a mapping: where the key stands, and its value."""

    key: Mark
    node: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A mapping."""

    mark: Mark
    entries: Mapping[str, Entry]

    def get(self, key: str) -> "Node | None":
        """The value of a key, None when absent or null."""
        entry = self.entries.get(key)
        if entry is None or (isinstance(entry.node, Scalar) and entry.node.value is None):
            return None
        return entry.node

    def text(self, key: str) -> str | None:
        """The value of a key when it is a text."""
        node = self.get(key)
        return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None

    def part(self, keys: frozenset[str], *, inside: bool = True) -> "Table":
        """The entries whose key is among ``keys``; with ``inside=False`` the others."""
        return replace(self, entries={k: v for k, v in self.entries.items() if (k in keys) is inside})

    def put(self, key: str, node: "Node") -> "Table":
        """A copy in which ``key`` has another value."""
        old = self.entries.get(key)
        return replace(self, entries={**self.entries, key: Entry(old.key if old else node.mark, node)})


Node = Scalar | Items | Table


def scalars(node: Node) -> Iterator[Scalar]:
    """All single values inside a node."""
    if isinstance(node, Scalar):
        yield node
        return
    children = node.items if isinstance(node, Items) else [entry.node for entry in node.entries.values()]
    for child in children:
        yield from scalars(child)


def is_hidden(node: Node) -> bool:
    """True when anything inside must not be shown."""
    return any(scalar.hidden for scalar in scalars(node))
