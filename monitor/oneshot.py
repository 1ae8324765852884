"""One look at some targets, now: every ladder, the witnesses, and a verdict in one sentence."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.ports import Clock
from monitor.domain.text import milliseconds
from monitor.domain.words import Outcome
from monitor.net.network import Network
from monitor.registry import PROBES
from monitor.runner import ask

_AT_ONCE = 50
_TLS_PORTS = (443, 465, 636, 853, 993, 995, 2197, 5223, 5228, 6697, 8443, 8883)
"""Ports whose protocol begins with TLS (IANA service names): ask for the handshake, not only the connection."""


@unique
class Verdict(StrEnum):
    """What one look says."""

    UP = "up"
    DOWN = "down"
    INCONCLUSIVE = "inconclusive"

    @property
    def exit_code(self) -> int:
        """0 up, 1 down, 3 inconclusive."""
        return {Verdict.UP: 0, Verdict.DOWN: 1, Verdict.INCONCLUSIVE: 3}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A check and what its one attempt saw."""

    check: Check
    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All that was seen, and the witnesses that were consulted because something failed."""

    targets: Sequence[Seen]
    witnesses: Sequence[Seen]

    @property
    def offline(self) -> bool:
        """No witness answers: nothing that failed says anything about its target."""
        return bool(self.witnesses) and not any(seen.attempt.outcome is Outcome.OK for seen in self.witnesses)


class Onlooker:
    """Asks each check once."""

    def __init__(self, network: Network, clock: Clock) -> None:
        self._network = network
        self._clock = clock

    async def look(self, checks: Iterable[Check], witnesses: Iterable[Check], on_seen: Callable[[Seen], None]) -> Look:
        """Ask all ``checks`` side by side, and the witnesses when one fails."""
        targets = await self._ask_all(checks, on_seen)
        if all(seen.attempt.outcome is Outcome.OK for seen in targets):
            return Look(targets=targets, witnesses=())
        return Look(targets=targets, witnesses=await self._ask_all(witnesses, lambda _: None))

    async def _ask_all(self, checks: Iterable[Check], on_seen: Callable[[Seen], None]) -> list[Seen]:
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(check: Check) -> Seen:
            async with places:
                probe = PROBES[check.kind](check.settings, self._network)
                attempt, _ = await ask(check, probe, self._clock, (0, 0))
            seen = Seen(check=check, attempt=attempt)
            on_seen(seen)
            return seen

        return await asyncio.gather(*(one(check) for check in checks))


def as_services(texts: Iterable[str]) -> list[dict[str, Any]]:
    """Entries of ``services:`` for what a person typed: catalogue names, URLs, HOST or HOST:PORT."""
    texts = dict.fromkeys(texts)
    names = [text for text in texts if not re.search(r"[.:/]", text)]
    targets = [_as_target(text) for text in texts if text not in names]
    typed = {"name": "typed", "components": [{"name": "addresses", "targets": targets}]}
    return [*({"use": name} for name in names), *([typed] if targets else [])]


def _as_target(text: str) -> dict[str, Any]:
    scheme, separator, rest = text.partition("://")
    if not separator:
        port = text.rpartition(":")[2]
        if not port.isdigit():
            return {"probe": "https", "url": f"https://{text}/"}
        return {"probe": "tls" if int(port) in _TLS_PORTS else "tcp", "address": text}
    if scheme in ("http", "https"):
        return {"probe": scheme, "url": text}
    if scheme in ("ws", "wss"):
        return {"probe": "websocket", "url": text}
    return {"probe": scheme, {"dns": "name", "icmp": "host"}.get(scheme, "address"): rest}


def judge(look: Look, name: str) -> tuple[Verdict, str]:
    """The verdict and its sentence. ``name`` is what the person asked for.

    Down is a critical component of which any target fails while a witness
    answers; a minor one that fails is told, and leaves the verdict at up.
    """
    failed = [seen for seen in look.targets if seen.attempt.outcome is Outcome.FAILED]
    answering = any(seen.attempt.outcome is Outcome.OK for seen in look.targets)
    if look.offline and (failed or not answering):
        return Verdict.INCONCLUSIVE, (
            "Cannot tell: no witness answers either, so our own network is unreachable."
            f" This says nothing about {name}."
        )
    critical = [seen for seen in failed if seen.check.critical]
    if critical:
        return Verdict.DOWN, f"{name}: {_broken(look, critical)}.{_fine(look)}{_not_us(look)}"
    unsure = [seen for seen in look.targets if seen.attempt.outcome is Outcome.INCONCLUSIVE]
    if unsure and not answering:
        failure = unsure[0].attempt.failure
        return Verdict.INCONCLUSIVE, f"Cannot tell about {name}: {failure.message if failure else 'nothing was seen'}."
    slowest = max(look.targets, key=lambda seen: seen.attempt.duration)
    answered = f"{len(look.targets) - len(failed) - len(unsure)} of {len(look.targets)} targets answer"
    trouble = f"; minor: {_broken(look, failed)}" if failed else ""
    doubt = f"; {len(unsure)} could not be asked" if unsure else ""
    return Verdict.UP, (
        f"{name} is up from here: {answered}{trouble}{doubt}"
        f" (slowest: {slowest.check.target}, {milliseconds(slowest.attempt.duration)})."
    )


def _broken(look: Look, failed: Sequence[Seen]) -> str:
    by_component: dict[str, list[Seen]] = defaultdict(list)
    for seen in failed:
        by_component[seen.check.component].append(seen)
    parts = []
    for component, members in by_component.items():
        total = sum(seen.check.component == component for seen in look.targets)
        places = "every target" if len(members) == total else f"{len(members)} of {total} targets"
        ways = sorted({_way(seen) for seen in members})
        parts.append(f"{component} fails on {places}, at {' and '.join(ways)}")
    return "; ".join(parts)


def _way(seen: Seen) -> str:
    failure = seen.attempt.failure
    return f"{failure.layer} ({failure.reason})" if failure else "?"


def _fine(look: Look) -> str:
    components = dict.fromkeys(seen.check.component for seen in look.targets)
    fine = [
        name
        for name in components
        if all(seen.attempt.outcome is Outcome.OK for seen in look.targets if seen.check.component == name)
    ]
    return f" {', '.join(fine)}: fine." if fine else ""


def _not_us(look: Look) -> str:
    answering = sum(seen.attempt.outcome is Outcome.OK for seen in look.witnesses)
    if not look.witnesses:
        return " No witness was asked, so it may be our own network."
    return f" {answering} of {len(look.witnesses)} witnesses answer, so it is not our own line."
