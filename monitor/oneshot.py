"""One look at some targets, now: every ladder, the witnesses, and a verdict in one sentence."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any

from monitor.asking import ask
from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.endpoints import is_by_address
from monitor.domain.ports import Clock
from monitor.domain.text import milliseconds
from monitor.domain.words import Claim, Fact, Layer, Outcome, Reason
from monitor.judgement.cause import SIGNS
from monitor.judgement.sentences import listed, stuck
from monitor.net.network import Network
from monitor.registry import PROBES
from monitor.witnesses import is_resolved

_AT_ONCE = 50
_TYPED = "typed"
"""The service of targets that stand on the command line."""
_CLAIMS = {
    Claim.DOWN: "reports an outage",
    Claim.DEGRADED: "reports trouble",
    Claim.MAINTENANCE: "reports maintenance",
    Claim.FINE: "reports no trouble",
}
"""What a provider says of itself, the worst first."""
_OF_STATUS = (Reason.STATUS, Reason.DENIED)
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
    def asked(self) -> Sequence[Seen]:
        """What says something of availability; claims, where nothing else was asked."""
        return [seen for seen in self.targets if seen.check.settings.evidence] or self.targets

    def that_are(self, outcome: Outcome) -> list[Seen]:
        """Of those."""
        return [seen for seen in self.asked if seen.attempt.outcome is outcome]

    @property
    def nameless(self) -> bool:
        """No witness is found by its name: a name that fails says nothing either."""
        named = [seen for seen in self.witnesses if not is_by_address(seen.check.settings.endpoint)]
        return bool(named) and not any(is_resolved(seen.attempt) for seen in named)

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
    typed = {"name": _TYPED, "components": [{"name": "addresses", "targets": targets}]}
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
    What fails at dns counts only while a witness is found by its name; what
    a provider says of itself never counts.
    """
    failed, answering = look.that_are(Outcome.FAILED), look.that_are(Outcome.OK)
    if look.offline and (failed or not answering):
        return Verdict.INCONCLUSIVE, (
            "Cannot tell: no witness answers either, so our own network is unreachable."
            f" This says nothing about {name}."
        )
    if look.nameless:
        failed = [seen for seen in failed if not _is_at_dns(seen)]
    critical = [seen for seen in failed if seen.check.critical]
    if critical:
        is_down = f"{_subject(critical, name)} down from here: {_broken(look, failed)}."
        return Verdict.DOWN, f"{is_down}{_fine(look)}{_claimed(look)}{_not_us(look)}{_interference(failed)}"
    unsure = len(look.asked) - len(failed) - len(answering)
    if unsure and not answering:
        return Verdict.INCONCLUSIVE, _unknown(look, name)
    is_up = f"{name} is up from here{_but(look, failed, unsure)}{_slowest(answering)}."
    return Verdict.UP, f"{is_up}{_interference(failed)}"


def _is_at_dns(seen: Seen) -> bool:
    return seen.attempt.failure is not None and seen.attempt.failure.layer is Layer.DNS


def _unknown(look: Look, name: str) -> str:
    if look.nameless:
        return (
            "Cannot tell: no witness is found by its name either, so our own resolver is broken."
            f" This says nothing about {name}."
        )
    failures = [seen.attempt.failure for seen in look.asked if seen.attempt.failure is not None]
    return f"Cannot tell about {name}: {failures[0].message if failures else 'nothing was seen'}."


def _subject(critical: Sequence[Seen], name: str) -> str:
    """What is down: of several that were asked for, only some may be."""
    down = dict.fromkeys(seen.check.target if seen.check.service == _TYPED else seen.check.service for seen in critical)
    names = list(down) if " and " in name else [name]
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'}"


def _but(look: Look, failed: Sequence[Seen], unsure: int) -> str:
    trouble = f", but {_broken(look, failed)}" if failed else ""
    doubt = f"; {unsure} could not be asked" if unsure else ""
    answering = len(look.asked) - len(failed) - unsure
    return f"{trouble}: {answering} of {len(look.asked)} targets answer{doubt}"


def _slowest(answering: Sequence[Seen]) -> str:
    if not answering:
        return ""
    slowest = max(answering, key=lambda seen: seen.attempt.duration)
    return f" (slowest: {slowest.check.target}, {milliseconds(slowest.attempt.duration)})"


def _broken(look: Look, failed: Sequence[Seen]) -> str:
    """Component by component, the critical ones first, those that fail alike together."""
    parts: dict[str, list[Seen]] = defaultdict(list)
    for seen in sorted(failed, key=lambda seen: not seen.check.critical):
        parts[_part(look, seen)].append(seen)
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for part, members in parts.items():
        alike[_places(look, part, members), _ways(members)].append(part)
    if len(alike) == 1 and len(parts) == len({_part(look, seen) for seen in look.asked}) > 1:
        ((places, ways),) = alike
        return f"everything fails{places}, {ways}"
    is_minor = not any(seen.check.critical for seen in failed)
    return "; ".join(_fail(names, is_minor=is_minor, places=places) + ways for (places, ways), names in alike.items())


def _fail(names: Sequence[str], places: str, *, is_minor: bool) -> str:
    if list(names) == [""]:
        return ""
    return f"{listed(names)}{' (minor)' * is_minor} {'fails' if len(names) == 1 else 'fail'}{places}, "


def _places(look: Look, part: str, members: Sequence[Seen]) -> str:
    total = sum(_part(look, seen) == part for seen in look.asked)
    return "" if len(members) == total else f" on {len(members)} of {total} targets"


def _part(look: Look, seen: Seen) -> str:
    """What a component is called: with its service where there are several, and nothing when it is all there is."""
    if seen.check.service == _TYPED:
        return seen.check.target if len(look.asked) > 1 else ""
    is_alone = len({other.check.service for other in look.asked}) == 1
    return seen.check.component if is_alone else f"{seen.check.service} {seen.check.component}"


def _ways(members: Sequence[Seen]) -> str:
    ways = Counter(_way(seen) for seen in members)
    return listed([way for way, _ in ways.most_common()])


def _way(seen: Seen) -> str:
    failure = seen.attempt.failure
    if failure is None or failure.layer is None:
        return "?"
    status = seen.attempt.facts.get(Fact.HTTP_STATUS)
    detail = f" {status}" if failure.layer is Layer.HTTP and failure.reason in _OF_STATUS else ""
    return f"{stuck(failure.layer, failure.reason)} ({failure.layer}/{failure.reason}{detail})"


def _fine(look: Look) -> str:
    parts: dict[str, bool] = defaultdict(lambda: True)
    for seen in look.asked:
        parts[_part(look, seen)] &= seen.attempt.outcome is Outcome.OK
    fine = [part for part, is_fine in parts.items() if is_fine]
    return f" Fine: {listed(fine)}." if fine else ""


def _claimed(look: Look) -> str:
    claims = [seen.attempt.facts.get(Fact.CLAIM) for seen in look.targets]
    worst = next((words for claim, words in _CLAIMS.items() if claim in claims), "")
    return f" The provider itself {worst}." if worst else ""


def _not_us(look: Look) -> str:
    if not look.witnesses:
        return " No witness was asked, so it may be our own network."
    answering = sum(seen.attempt.outcome is Outcome.OK for seen in look.witnesses)
    return f" {answering} of {len(look.witnesses)} witnesses answer, so it is not our own line."


def _interference(failed: Sequence[Seen]) -> str:
    failures = [seen.attempt.failure for seen in failed]
    if not any(failure is not None and failure.reason in SIGNS for failure in failures):
        return ""
    return " It looks as if somebody interferes on the way: a look from another network would tell."
