"""What the witnesses say about one vantage: is it down, or is it me?

Witnesses are control targets of unrelated networks. While all of them fail,
failures seen from here are ours; why they fail says what is wrong with us. A
single witness that fails is only itself. What a witness measures is judged with
the same health as any check.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Check, Vantage
from monitor.domain.endpoints import is_by_address
from monitor.domain.words import Layer, Outcome, Reason, VantageState
from monitor.judgement.health import Health, Mark
from monitor.judgement.losses import Losses

BLIND = frozenset({VantageState.OFFLINE, VantageState.RESOLVER_BROKEN, VantageState.CAPTIVE, VantageState.CLOCK_WRONG})
"""In these states nothing that was seen counts."""
_CUT_OFF = {Reason.SELF_NETWORK: Layer.ROUTE, Reason.SELF_RESOLVER: Layer.DNS}
"""What an attempt says when there is no way out at all, and the layer that this means."""
_RESOLVES_ONLY = frozenset({"dns", "name"})
"""Kinds of witness that prove a resolver, not the way out: name servers often stand inside the own network."""
_EXPIRY = frozenset({Reason.CERT_EXPIRED, Reason.CERT_NOT_YET_VALID})
_STRANGER = frozenset({Reason.CERT_UNTRUSTED, Reason.CERT_NAME, Reason.CERT_FOREIGN, Reason.INJECTED})
_FOREIGN_ANSWER = _STRANGER | {Reason.REDIRECTS, Reason.STATUS, Reason.DENIED, Reason.BODY, Reason.MALFORMED}
_NO_NAME = frozenset({Reason.NXDOMAIN, Reason.SERVFAIL, Reason.RCODE, Reason.REFUSED, Reason.NO_ANSWER})
_ANSWERED_WRONG = _NO_NAME | {Reason.ANSWER, Reason.FOREIGN_ADDRESS}
_ROW = 4
"""Failures in a row that losing some packets does not explain."""
_SHORT, _LONG = 3, 10
"""Attempts of a witness that are looked at: for a cut, and for slowness."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A state and since when; ``void_since`` is where the last sign of the contrary was."""

    state: VantageState
    since: float
    void_since: float


class VantageWatch:
    """The witnesses of one vantage and the state that they add up to."""

    def __init__(self, vantage: Vantage) -> None:
        self.vantage = vantage
        self.state = VantageState.ONLINE
        self.since: float | None = None
        """Start of the present state; None before the first finding."""
        self.witnesses: dict[str, Health] = {}
        self._dropped: frozenset[str] = frozenset()
        self.losses = Losses()
        self._is_contradicted = False

    def replace(self, witnesses: Iterable[Check]) -> None:
        """Trust these from now on; those that stay keep what is known of them."""
        old = self.witnesses
        self.witnesses = {w.id: old.get(w.id) or Health(w, self.vantage.name) for w in witnesses}

    def observe(self, check: Check, attempt: Attempt) -> None:
        """Learn from an attempt of a witness."""
        health = self.witnesses.get(check.id)
        if health is not None:
            self.losses.note(health, attempt, is_blind=self.is_blind)
            health.observe(_at_face_value(attempt))

    @property
    def is_blind(self) -> bool:
        """Nothing seen from here counts."""
        return self.state in BLIND

    @property
    def is_steady(self) -> bool:
        """What is slow from here is slow by itself."""
        return self.state is not VantageState.DEGRADED

    def holds(self, failure: Failure | None) -> bool:
        """Whether such a failure (None: slowness), seen from here now, says nothing about the target."""
        if self.is_blind:
            return True
        if self.state is VantageState.DEGRADED and (failure is None or failure.reason is Reason.TIMEOUT):
            return True
        if self.state is VantageState.TRUST_STORE_OLD and failure and failure.reason is Reason.CERT_UNTRUSTED:
            return True
        return self._is_suspect(failure)

    def _is_suspect(self, failure: Failure | None) -> bool:
        """Whether all witnesses that could tell failed in their last attempt, though it is too early for a finding."""
        ways = self._ways()
        if ways and not self._is_contradicted and all(way.run for way in ways):
            return True
        named = self._named()
        at_dns = failure is not None and failure.layer is Layer.DNS
        return at_dns and bool(named) and all(way.run and _layer(way) is Layer.DNS for way in named)

    def judge(self, dropped: frozenset[str], *, is_resolver_shared: bool, is_contradicted: bool) -> Finding | None:
        """Look at the witnesses; the finding, if the state changed.

        ``dropped`` are witnesses that fail everywhere; ``is_resolver_shared``
        tells that other networks lost the same resolver at the same time, and
        ``is_contradicted`` that most targets answer while the witnesses do not.
        """
        self._is_contradicted = is_contradicted
        failing = frozenset(name for name, way in self.witnesses.items() if len(way.run) >= _ROW)
        self._dropped = dropped | failing if is_contradicted else dropped
        finding = self._find(is_resolver_shared=is_resolver_shared)
        if finding.state is self.state:
            return None
        self.state, self.since = finding.state, finding.since
        return finding

    def _find(self, *, is_resolver_shared: bool) -> Finding:
        if self.is_blind and not self._has_recovered():
            since = self.since or 0.0
            state = self._diagnosis(is_resolver_shared=is_resolver_shared) or self.state
            return Finding(state, since, since)
        if self.is_blind:
            for way in self.witnesses.values():
                way.marks = []  # that was the cut, which is over: it is no sign of anything more
            self.losses.see_again(self.since or 0.0)
        ways = self._ways()
        cut = ways and not self._is_contradicted and all(self._is_cut(way) for way in ways)
        if cut:
            state = self._diagnosis(is_resolver_shared=is_resolver_shared) or VantageState.OFFLINE
            return _from_marks(state, [_recent(way, _SHORT)[0] for way in ways])
        named, addressed = self._named(), [way for way in ways if _is_address(way.check)]
        lost_names = named and all(_failed(way, _SHORT) >= 2 and _layer(way) is Layer.DNS for way in named)
        if lost_names and addressed and any(not way.run for way in addressed):
            return _from_marks(VantageState.RESOLVER_BROKEN, [_recent(way, _SHORT)[0] for way in named])
        if ways and all(way.run for way in ways) and not self._is_contradicted:
            return Finding(self.state, self.since or 0.0, 0.0)  # soon it is clear what this is; a slow line it is not
        return self._find_reservations(ways)

    def _is_cut(self, way: Health) -> bool:
        """It fails now and did before; where losses are usual only a row of them means more than that."""
        if self.state is VantageState.DEGRADED:
            return len(way.run) >= _ROW
        return _failed(way, _SHORT) >= 2 and bool(way.run)

    def _find_reservations(self, ways: list[Health]) -> Finding:
        untrusted = [way for way in ways if len(way.run) >= 2 and _reason(way) is Reason.CERT_UNTRUSTED]
        if untrusted:
            return _from_marks(VantageState.TRUST_STORE_OLD, [way.run[0] for way in untrusted])
        if self.losses.are_shared(self._asked(), was_so=self.state is VantageState.DEGRADED):
            if self.is_blind:
                return Finding(VantageState.DEGRADED, self._fine_since(ways), self.since or 0.0)
            return _from_marks(VantageState.DEGRADED, self.losses.recent(self._asked()))
        unsteady = [way for way in ways if _is_unsteady(way, was=self.state is VantageState.DEGRADED)]
        if len(unsteady) >= min(2, len(ways)) and unsteady:
            return _from_marks(VantageState.DEGRADED, [_recent(way, _LONG)[0] for way in unsteady])
        return Finding(VantageState.ONLINE, self._fine_since(ways), 0.0)

    @property
    def is_shaky(self) -> bool:
        """A witness lost something lately: too little for a finding, enough to doubt what only this vantage sees."""
        return self.losses.is_shaky(self._asked())

    def _fine_since(self, ways: list[Health]) -> float:
        """The first fine attempt after the last bad one."""
        if self.is_blind:
            start = self.since or 0.0
            return min((way.fine_since for way in self._asked() if way.fine and way.fine_since > start), default=start)
        return max((way.quick_since for way in ways if way.quick), default=self.since or 0.0)

    def _has_recovered(self) -> bool:
        ways = self._ways()
        if self.state is VantageState.RESOLVER_BROKEN:
            ways = self._named() or ways
        if not ways or all(way.fine >= 2 for way in ways):
            return True
        shares = [way.share_since(max(self.since or 0.0, _some_turns_ago(way))) for way in ways]
        asked, failed = sum(share[0] for share in shares), sum(share[1] for share in shares)
        return any(not way.run for way in ways) and 2 * failed <= asked

    def _diagnosis(self, *, is_resolver_shared: bool) -> VantageState | None:
        """Why all of them fail, if all of them do."""
        failures = [way.run[-1].failure for way in self._ways() if way.run]
        reasons = {failure.reason for failure in failures if failure}
        layers = {failure.layer for failure in failures if failure}
        if len(failures) < len(self._ways()) or not layers:
            return None
        if layers == {Layer.DNS}:
            # An answer, though a wrong one, proves the way to the resolver. Silence does not, unless it is the silence
            # of a resolver that networks without anything else in common use.
            broken = reasons <= _ANSWERED_WRONG or is_resolver_shared
            return VantageState.RESOLVER_BROKEN if broken else VantageState.OFFLINE
        if reasons <= _EXPIRY:
            return VantageState.CLOCK_WRONG
        return VantageState.CAPTIVE if reasons <= _FOREIGN_ANSWER else VantageState.OFFLINE

    @property
    def failing_since(self) -> float | None:
        """Since when no witness that proves the way answers, while it is not blind; None when one does."""
        ways = [way for way in self.witnesses.values() if way.turn and _proves_way(way.check)]
        if self.is_blind or not ways or not all(way.run for way in ways):
            return None
        return min(way.run[0].at for way in ways)

    @property
    def has_silent_resolver(self) -> bool:
        """All names fail for want of an answer."""
        named = self._named()
        return bool(named) and all(
            way.run and _layer(way) is Layer.DNS and _reason(way) is Reason.TIMEOUT for way in named
        )

    def answers_elsewhere(self, witness_id: str) -> bool | None:
        """Whether a witness other than this one answers here; None when there is no other."""
        others = [way for way in self.witnesses.values() if way.check.id != witness_id and _proves_way(way.check)]
        return any(not way.run for way in others) if others else None

    def _ways(self) -> list[Health]:
        return [way for way in self._asked() if _proves_way(way.check)]

    def _named(self) -> list[Health]:
        return [way for way in self._asked() if not _is_address(way.check)]

    def _asked(self) -> list[Health]:
        return [way for way in self.witnesses.values() if way.turn and way.check.id not in self._dropped]


def _at_face_value(attempt: Attempt) -> Attempt:
    """An attempt that could not leave the house is, of a witness, a failed one."""
    failure = attempt.failure
    if attempt.outcome is not Outcome.INCONCLUSIVE or failure is None or failure.reason not in _CUT_OFF:
        return attempt
    seen = Failure(layer=_CUT_OFF[failure.reason], reason=Reason.TIMEOUT, message=failure.message)
    return Attempt(
        check_id=attempt.check_id,
        started=attempt.started,
        duration=attempt.duration,
        outcome=Outcome.FAILED,
        phases=attempt.phases,
        facts=attempt.facts,
        failure=seen,
    )


def _from_marks(state: VantageState, firsts: list[Mark]) -> Finding:
    first = min(firsts, key=lambda mark: mark.at)
    return Finding(state, first.at, first.at if first.before is None else first.before)


def _recent(way: Health, turns: int) -> list[Mark]:
    """The failed or slow among its last attempts; never empty while it fails."""
    return [mark for mark in way.marks if mark.turn > way.turn - turns] or way.run[-1:]


def _failed(way: Health, turns: int) -> int:
    return sum(mark.failure is not None and mark.turn > way.turn - turns for mark in way.marks)


def _some_turns_ago(way: Health) -> float:
    """The time of the first bad one among its last five attempts."""
    return next((mark.at for mark in way.marks if mark.turn > way.turn - 5), 0.0)


def _is_unsteady(way: Health, *, was: bool) -> bool:
    """Slow at present, or now and then failing. Once unsteady, it takes `_LONG` good attempts to be steady again."""
    bad = len([mark for mark in way.marks if mark.turn > way.turn - _LONG])
    slow_now = len([mark for mark in way.marks if mark.turn > way.turn - _SHORT])
    return bad >= 2 if was else (slow_now >= 2 or _failed(way, _LONG) >= 2)


def _layer(way: Health) -> Layer | None:
    return way.run[-1].failure.layer if way.run and way.run[-1].failure else None


def _reason(way: Health) -> Reason | None:
    return way.run[-1].failure.reason if way.run and way.run[-1].failure else None


def _proves_way(check: Check) -> bool:
    return check.kind not in _RESOLVES_ONLY


def _is_address(check: Check) -> bool:
    """Needs no resolver."""
    try:
        endpoint = check.settings.endpoint
    except NotImplementedError:  # a witness that is simulated has a label and nothing to ask
        endpoint = check.target
    return _needs_no_name(endpoint)


_needs_no_name = lru_cache(1024)(is_by_address)
