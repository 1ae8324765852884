"""Components and services: that of which states, downtime and outages are shown."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from monitor.domain.check import Check
from monitor.judgement.ledger import Key

_T = TypeVar("_T")


def parts(checks: Iterable[Check]) -> dict[Key, None]:
    """The services and components of these checks, a service before its components. Both in the order of the checks."""
    found: dict[str, dict[Key, None]] = {}
    for check in checks:
        found.setdefault(check.service, {(check.service, ""): None})[check.service, check.component] = None
    return {key: None for keys in found.values() for key in keys}


def block(key: Key) -> str:
    """The name of its lines within a family."""
    return "/".join(key)


def slices(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """``items`` in order, at most ``size`` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
