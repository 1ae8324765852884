"""YAML text -> nodes with positions. Knows no setting, only what any file must be.

Scalars follow the core schema of YAML 1.2 (section 10.3.2), not 1.1: ``NO`` is
a country, ``1:30`` is text, ``2026-01-01`` is text. Bounded in size, depth and
alias expansion, so that no file can eat the memory of a running monitor.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from monitor.config.nodes import Entry, Items, Node, Scalar, Table
from monitor.config.problems import Mark, Problems
from monitor.config.scalars import TAGS, Substitution, resolve

MAX_BYTES = 8 * 1024 * 1024
MAX_NODES = 500_000
MAX_DEPTH = 40


class _Broken(Exception):
    """The rest of the document cannot be understood."""

    def __init__(self, mark: Mark, message: str) -> None:
        super().__init__(message)
        self.mark = mark
        self.message = message


def read(path: Path, environ: Mapping[str, str] | None, problems: Problems) -> Node | None:
    """The document in a file; None after a mistake that leaves nothing to look at. See `parse`."""
    start = Mark(str(path), 1, 1)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        problems.add(start, f"cannot read the file: {getattr(error, 'strerror', None) or error}")
        return None
    try:
        text = data[: MAX_BYTES + 1].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(data) <= MAX_BYTES:
            before = data[: error.start].decode("utf-8-sig")
            problems.add(_mark_of(str(path), before), "not UTF-8 text")
            return None
        text = "x" * (MAX_BYTES + 1)  # cut inside a character: too large all the same
    return parse(text, str(path), environ, problems)


def parse(text: str, file: str, environ: Mapping[str, str] | None, problems: Problems) -> Node | None:
    """The document in a text; None after a mistake that leaves nothing to look at.

    ``environ`` is what ``${NAME}`` stands for; with None a dollar is a dollar.
    """
    if len(text) > MAX_BYTES:
        problems.add(Mark(file, 1, 1), f"larger than {MAX_BYTES // 1024 // 1024} MiB")
        return None
    try:
        return _Composer(file, Substitution(environ, problems), problems).document(_events(text, file))
    except _Broken as error:
        problems.add(error.mark, error.message)
        return None


def _events(text: str, file: str) -> Iterator[yaml.Event]:
    """Events of the fast parser. Where it refuses, the pure Python one says why, in the same words everywhere."""
    try:
        yield from yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeError) as error:
        raise _why(text, file, error) from error


def _why(text: str, file: str, error: Exception) -> _Broken:
    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):
            pass
    except yaml.YAMLError as second:
        error = second
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = Mark(file, error.problem_mark.line + 1, error.problem_mark.column + 1)
        problem = f"{error.context}, {error.problem}" if error.context else str(error.problem)
        return _Broken(mark, "a tab cannot indent; use spaces" if "'\\t'" in problem else f"not YAML: {problem}")
    if isinstance(error, yaml.reader.ReaderError) and isinstance(error.position, int):
        return _Broken(_mark_of(file, text[: error.position]), "not YAML: a character that is not allowed in a text")
    return _Broken(Mark(file, 1, 1), "not YAML: characters that are not allowed in a text")


def _mark_of(file: str, before: str) -> Mark:
    return Mark(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


class _Anchored(NamedTuple):
    node: Node
    size: int
    height: int


class _Composer:
    """Builds the tree of one document. A duplicate key or a wrong tag is noted, and the rest goes on."""

    def __init__(self, file: str, substitution: Substitution, problems: Problems) -> None:
        self._file = file
        self._substitution = substitution
        self._problems = problems
        self._anchors: dict[str, _Anchored | None] = {}
        self._count = 0
        self._deepest = 0

    def document(self, events: Iterator[yaml.Event]) -> Node | None:
        """The only document of the stream."""
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                raise _Broken(self._mark(event), "a second document; one file holds one")
            if isinstance(event, yaml.NodeEvent):
                root = self._node(event, events, 0)
        return root

    def _mark(self, event: yaml.Event) -> Mark:
        start = event.start_mark
        return Mark(self._file, start.line + 1, start.column + 1) if start else Mark(self._file, 1, 1)

    def _add(self, event: yaml.Event, number: int, depth: int) -> None:
        self._count += number
        self._deepest = max(self._deepest, depth)
        if self._count > MAX_NODES:
            raise _Broken(self._mark(event), f"more than {MAX_NODES} values, aliases counted")
        if depth > MAX_DEPTH:
            raise _Broken(self._mark(event), f"nested deeper than {MAX_DEPTH} levels")

    def _node(self, event: yaml.NodeEvent, events: Iterator[yaml.Event], depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        if not event.anchor:
            self._add(event, 1, depth)
            return self._inside(event, events, depth)
        self._anchors[event.anchor] = None
        before, deepest, self._deepest = self._count, self._deepest, depth
        self._add(event, 1, depth)
        node = self._inside(event, events, depth)
        self._anchors[event.anchor] = _Anchored(node, self._count - before, self._deepest - depth)
        self._deepest = max(deepest, self._deepest)
        return node

    def _inside(self, event: yaml.NodeEvent, events: Iterator[yaml.Event], depth: int) -> Node:
        self._check_tag(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(mark=self._mark(event), items=tuple(self._items(events, depth)))
        return self._table(self._mark(event), events, depth)

    def _alias(self, event: yaml.AliasEvent, depth: int) -> Node:
        name = str(event.anchor)
        if name not in self._anchors:
            raise _Broken(self._mark(event), f"no anchor &{name} before this alias")
        known = self._anchors[name]
        if known is None:
            raise _Broken(self._mark(event), f"the alias *{name} stands inside what it repeats")
        self._add(event, known.size, depth + known.height)
        return known.node

    def _check_tag(self, event: yaml.NodeEvent) -> None:
        tag = getattr(event, "tag", None)
        if tag and tag not in TAGS:
            self._problems.spoil(self._mark(event), "a YAML tag has no place here")

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        mark = self._mark(event)
        text, hidden = self._substitution.apply(str(event.value), mark)
        plain = event.implicit[0] if event.tag is None else event.tag
        return Scalar(mark=mark, value=text if hidden else resolve(text, plain), hidden=hidden)

    def _items(self, events: Iterator[yaml.Event], depth: int) -> Iterator[Node]:
        for event in events:
            if not isinstance(event, yaml.NodeEvent):
                return
            yield self._node(event, events, depth + 1)

    def _table(self, mark: Mark, events: Iterator[yaml.Event], depth: int) -> Table:
        entries: dict[str, Entry] = {}
        merged: list[Node] = []
        nodes = self._items(events, depth)
        for key in nodes:
            value = next(nodes)
            if isinstance(key, Scalar) and key.value == "<<":
                merged.append(value)
            elif not isinstance(key, Scalar) or not isinstance(key.value, str) or key.hidden:
                self._problems.add(key.mark, "a key must be a plain text; put it in quotes")
            elif key.value in entries:
                first = entries[key.value].key
                self._problems.add(key.mark, f"{key.value!r} is given twice (first in line {first.line})")
            else:
                entries[key.value] = Entry(key.mark, value)
        for node in merged:
            self._merge(entries, node)
        return Table(mark=mark, entries=entries)

    def _merge(self, entries: dict[str, Entry], node: Node) -> None:
        for source in node.items if isinstance(node, Items) else (node,):
            if not isinstance(source, Table):
                self._problems.add(source.mark, "'<<' takes a mapping or a list of mappings")
                continue
            for key, entry in source.entries.items():
                entries.setdefault(key, entry)
