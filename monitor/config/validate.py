"""Nodes -> settings: strict validation whose errors know their place in the file."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monitor.config.nodes import Entry, Items, Node, Scalar, Table, is_hidden
from monitor.config.problems import Mark, Problems, closest
from monitor.config.shapes import (
    Shape,
    child,
    holds_secret,
    is_secret,
    keys,
    known_keys,
    models,
    parts,
    takes_list,
)
from monitor.config.wording import FREE_TEXT, TYPE_ERRORS, choices, words

_MAX_SECRET = 65536
Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], table: Table, problems: Problems, also: Iterable[str] = ()) -> Model | None:
    """The settings that a mapping holds; None after mistakes, which are noted.

    ``also`` are further keys that the mapping may have, for suggestions.
    Secrets given as ``<key>_file`` must be in place already: see `fill_secrets`.
    """
    shape: Shape = (model,)
    try:
        return model.model_validate(_plain(table, shape))
    except ValidationError as error:
        found = [_find(table, shape, details) for details in error.errors(include_url=False, include_input=False)]
    for finding in _without_unions(found):
        _note(finding, problems, also)
    return None


def fill_secrets(table: Table, model: type[BaseModel], problems: Problems) -> Table:
    """The mapping with each ``<key>_file`` of a secret replaced by ``<key>`` and what the file says."""
    filled = _fill(table, (model,), problems)
    return filled if isinstance(filled, Table) else table


def _fill(node: Node, shape: Shape, problems: Problems) -> Node:
    if not holds_secret(shape):
        return node
    if isinstance(node, Items):
        items = tuple(_fill(item, child(shape, index), problems) for index, item in enumerate(node.items))
        return Items(mark=node.mark, items=items)
    if isinstance(node, Scalar):
        return node
    entries: dict[str, Entry] = {}
    for key, entry in node.entries.items():
        secret = _secret_key(key, shape)
        if secret is None:
            entries[key] = Entry(entry.key, _fill(entry.node, child(shape, key), problems))
        elif secret in node.entries:
            problems.add(entry.key, f"{key!r} and {secret!r} exclude each other")
        else:
            entries[secret] = Entry(entry.key, _read_secret(entry.node, problems))
    return Table(mark=node.mark, entries=entries)


def _secret_key(key: str, shape: Shape) -> str | None:
    """``password`` for ``password_file`` when that is a secret here."""
    name = key.removesuffix("_file")
    for model in models(shape):
        if name != key and key not in keys(model) and is_secret(parts(keys(model).get(name, Any))):
            return name
    return None


def _read_secret(node: Node, problems: Problems) -> Scalar:
    empty = Scalar(mark=node.mark, value="", hidden=True)
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        problems.spoil(node.mark, "must be the path of a file")
        return empty
    try:
        with Path(node.value).open(encoding="utf-8") as file:
            text = file.read(_MAX_SECRET + 1)
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        problems.spoil(node.mark, f"cannot read the secret: {reason}")
        return empty
    if len(text) > _MAX_SECRET or not text.strip():
        problems.spoil(node.mark, "the file is empty" if not text.strip() else "the file is too large for a secret")
    return Scalar(mark=node.mark, value=text.strip(), hidden=True)


def _plain(node: Node, shape: Shape) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        values = [_plain(item, child(shape, index)) for index, item in enumerate(node.items)]
        return values if takes_list(shape) else tuple(values)
    return {key: _plain(entry.node, child(shape, key)) for key, entry in node.entries.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """One error of pydantic and the node it is about."""

    error: ErrorDetails
    node: Node
    shape: Shape
    place: tuple[str | int, ...]
    branch: tuple[tuple[str | int, ...], str] | None
    """Where a union branched, and into which member."""

    @property
    def is_misfit(self) -> bool:
        return self.error["type"] in TYPE_ERRORS and (self.branch is None or self.place == self.branch[0])


def _find(node: Node, shape: Shape, error: ErrorDetails) -> _Finding:
    steps = error["loc"][:-1] if error["type"] in {"missing", "extra_forbidden"} else error["loc"]
    place: tuple[str | int, ...] = ()
    branch = None
    for step in steps:
        if isinstance(node, Table) and step in node.entries:
            node = node.entries[str(step)].node
        elif isinstance(node, Items) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:  # the name of a union's member, or the index of a single value that stands for a list
            branch = branch or ((place, step) if isinstance(step, str) else None)
            continue
        shape = child(shape, step)
        place += (step,)
    return _Finding(error=error, node=node, shape=shape, place=place, branch=branch)


def _without_unions(found: list[_Finding]) -> list[_Finding]:
    """A union complains once for each member: keep the member that was meant, the one that fits best."""
    kept = [finding for finding in found if finding.branch is None]
    for place in dict.fromkeys(finding.branch[0] for finding in found if finding.branch):
        branches: dict[str, list[_Finding]] = {}
        for finding in found:
            if finding.branch and finding.branch[0] == place:
                branches.setdefault(finding.branch[1], []).append(finding)
        meant = [branch for branch in branches.values() if not any(finding.is_misfit for finding in branch)]
        best: list[_Finding] = min(meant, key=len) if meant else [_joined([branch[0] for branch in branches.values()])]
        kept += best
    return kept


def _joined(branches: list[_Finding]) -> _Finding:
    texts = dict.fromkeys(words(finding.error).removeprefix("must be ") for finding in branches)
    error = ErrorDetails(type="union", loc=branches[0].error["loc"], msg=f"must be {' or '.join(texts)}", input=None)
    first = branches[0]
    return _Finding(error=error, node=first.node, shape=first.shape, place=first.place, branch=first.branch)


def _note(finding: _Finding, problems: Problems, also: Iterable[str]) -> None:
    error, node = finding.error, finding.node
    key = str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "missing":
        problems.add(node.mark, f"{key!r} is missing")
    elif error["type"] == "extra_forbidden":
        known = [*known_keys(finding.shape), *(() if finding.place else also)]
        problems.add(_key_mark(node, key), f"unknown key {key!r}", closest(key, known))
    elif error["type"] in FREE_TEXT and _would_leak(finding, words(error)):
        problems.add(node.mark, "not valid (the value is a secret or comes from the environment, and is not shown)")
    else:
        text = words(error)
        if isinstance(node, Scalar) and text.startswith("must be "):
            text += ", not empty" if node.value is None else "; put it in quotes" if text == "must be text" else ""
        problems.add(node.mark, text, _meant(finding))


def _meant(finding: _Finding) -> str:
    """The nearest word of a closed list."""
    node = finding.node
    if not isinstance(node, Scalar) or node.hidden or holds_secret(finding.shape):
        return ""
    return closest(str(node.value), choices(finding.error))


def _key_mark(node: Node, key: str) -> Mark:
    return node.entries[key].key if isinstance(node, Table) and key in node.entries else node.mark


def _would_leak(finding: _Finding, message: str) -> bool:
    """True when a validator's own words may hold something that must not be shown."""
    if isinstance(finding.node, Scalar):
        return finding.node.hidden or holds_secret(finding.shape)
    hidden = list(_hidden(finding.node, finding.shape))
    said = set(re.findall(r"\w+", message))
    return any(text and (text in message or said.intersection(re.findall(r"\w+", text))) for text in hidden)


def _hidden(node: Node, shape: Shape) -> Iterable[str]:
    if isinstance(node, Scalar):
        if node.hidden or holds_secret(shape):
            yield str(node.value)
    elif is_hidden(node) or holds_secret(shape):
        children = enumerate(node.items) if isinstance(node, Items) else ((k, e.node) for k, e in node.entries.items())
        for step, inner in children:
            yield from _hidden(inner, child(shape, step))
