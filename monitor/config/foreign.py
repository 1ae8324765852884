"""Files of other programs that we read too: strictly, with positions, but by their own rules."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from monitor.config.document import read
from monitor.config.nodes import Entry, Items, Node, Scalar, Table
from monitor.config.problems import Mark, Problems
from monitor.config.validate import fill_secrets, validate

Model = TypeVar("Model", bound=BaseModel)


def load_foreign(path: Path, model: type[Model]) -> Model:
    """What a file says, as ``model``. Raises ConfigError with every mistake.

    A dollar is a dollar, and a key without a value is as good as absent.
    ``<key>_file`` stands for a secret ``<key>``, as in our own files.
    """
    problems = Problems()
    root = read(path, None, problems)
    if root is None or (isinstance(root, Scalar) and root.value is None):
        root = Table(mark=Mark(str(path), 1, 1), entries={})
    if not isinstance(root, Table):
        problems.add(root.mark, "must be a mapping")
    elif not problems:
        found = validate(model, fill_secrets(_without_nulls(root), model, problems), problems)
        if found is not None and not problems:
            return found
    raise problems.error()


def _without_nulls(table: Table) -> Table:
    entries = {
        key: Entry(entry.key, _deeper(entry.node))
        for key, entry in table.entries.items()
        if not (isinstance(entry.node, Scalar) and entry.node.value is None)
    }
    return Table(mark=table.mark, entries=entries)


def _deeper(node: Node) -> Node:
    if isinstance(node, Table):
        return _without_nulls(node)
    if isinstance(node, Items):
        return Items(mark=node.mark, items=tuple(_deeper(item) for item in node.items))
    return node
