"""A case: a window while it can still change.

It has members, the checks that are or were bad in it, from each vantage. It
opens with the first of them, is calm when none is bad any more, and closes when
it stayed calm. Everything is dated by the attempts of its members.
"""

from collections import Counter
from dataclasses import dataclass, field

from monitor.domain.attempt import Attempt
from monitor.domain.outage import Evidence, Stage, Window
from monitor.domain.words import Breadth, Cause, Fact, Kind, Layer, Outcome, Reach, Reason, State, Status
from monitor.judgement.health import Health, Mark
from monitor.judgement.places import Place
from monitor.judgement.rules import Rules
from monitor.judgement.tables import WINDOW, Event, after

_STAGES = 100
"""A window keeps this many stages at most; the last one is then stretched."""
_RELAPSE = 2
"""Fewer failures than this in a quiet period are chance, whatever their share."""
_LASTING = (Status.OPEN, Status.PLANNED)
_WEIGHT = 10
"""What a critical component says of the layer counts this much more than what a minor one says."""
_WIDTH = {Reach.UNDETERMINED: 0, Reach.LOCAL: 1, Reach.REGIONAL: 2, Reach.GLOBAL: 3}


@dataclass(slots=True)
class Member:
    """One check's part in a case."""

    health: Health
    start: float
    after: float | None
    end: float | None = None
    """Its first fine attempt after; None while it is bad."""
    end_after: float | None = None
    is_seen: bool = True
    """False when nobody looked at the moment of its recovery."""


@dataclass(slots=True)
class Round:
    """What was asked of the members in one stretch of time."""

    asked: int = 0
    failed: int = 0
    slow: int = 0


@dataclass(slots=True, eq=False)
class Case:
    """A window in the making."""

    id: str
    target: str
    breadth: Breadth
    provider: str
    rules: Rules
    status: Status
    start: float
    start_after: float | None
    opened: float
    width: float
    """Seconds that one look at the kind takes together."""
    quiet: float
    """Seconds without a relapse after which it closes."""
    end: float | None = None
    end_after: float | None = None
    closed: float | None = None
    planned_until: float | None = None
    absorbed_by: str = ""
    reach: Reach = Reach.UNDETERMINED
    cause: Cause = Cause.UNDETERMINED
    places: dict[str, Place] = field(default_factory=dict)
    members: dict[tuple[str, str], Member] = field(default_factory=dict)
    tally: Counter[tuple[str, Layer | None, Reason | None]] = field(default_factory=Counter)
    """Failures by vantage, layer and reason; those of critical components weigh more."""
    elsewhere: Counter[bool] = field(default_factory=Counter)
    """How often a second resolver knew the name that did not resolve."""
    rounds: dict[int, Round] = field(default_factory=dict)
    kinds: dict[Kind, float] = field(default_factory=lambda: dict.fromkeys(Kind, 0.0))
    """Seconds of each kind so far."""
    stages: list[Stage] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    vantages: list[str] = field(default_factory=list)
    fine: tuple[str, ...] = ()
    unaffected: tuple[str, ...] = ()
    looked: float = 0.0
    stored: Window | None = None
    is_dirty: bool = True
    """Something changed that must be remembered over a restart."""

    def join(self, place: Place, health: Health) -> None:
        """Take a bad check in, or again."""
        first = health.bad_since or Mark(0, health.seen, None, None)
        key = (health.vantage, health.check.id)
        member = self.members.get(key)
        if member is not None:
            member.end = member.end_after = None
            member.is_seen = True
            return
        self.members[key] = Member(health, first.at, first.before)
        health.is_member = True
        self.places.setdefault(place.id, place)
        if health.vantage not in self.vantages:
            self.vantages.append(health.vantage)
        if first.at < self.start:
            self.start, self.start_after = first.at, first.before
        self._take_evidence(health)

    def _take_evidence(self, health: Health) -> None:
        kept = sum(evidence.vantage == health.vantage for evidence in self.evidence)
        for mark in health.trouble[: max(0, self.rules.evidence - kept)]:
            self.evidence.append(_evidence(health, mark))
        for mark in health.trouble:
            if mark.failure:
                self.tally[health.vantage, mark.failure.layer, mark.failure.reason] += _weight(health)
        asked, failed, _ = health.share_since(self.start)
        seen = self._round(health.seen)
        seen.asked += asked
        seen.failed += failed

    def count(self, health: Health, attempt: Attempt) -> None:
        """Note one more attempt of a member."""
        if attempt.outcome is Outcome.INCONCLUSIVE:
            return
        seen = self._round(attempt.started)
        seen.asked += 1
        failure = attempt.failure
        if failure is None and health.marks and health.marks[-1].at == attempt.started:
            seen.slow += 1
        if failure is not None:
            seen.failed += 1
            if Fact.DNS_ELSEWHERE in attempt.facts:
                self.elsewhere[bool(attempt.facts[Fact.DNS_ELSEWHERE])] += 1
            self.tally[health.vantage, failure.layer, failure.reason] += _weight(health)

    def _round(self, at: float) -> Round:
        self.is_dirty = True
        number = int(at // self.width)
        found = self.rounds.get(number)
        if found is None:
            found = self.rounds[number] = Round()
            oldest = number - self.quiet // self.width - 2
            for old in [key for key in self.rounds if key < oldest]:
                del self.rounds[old]
        return found

    def is_quiet(self, now: float) -> bool:
        """Calm for the whole quiet period, and in it hardly a failure: what fails now and then is not over."""
        start = now - self.quiet
        if self.end is None or self.end > start or self._is_failing:
            return False
        seen = [self.rounds[number] for number in self.rounds if (number + 1) * self.width > max(start, self.end)]
        asked, failed = sum(one.asked for one in seen), sum(one.failed for one in seen)
        if not self.tally and sum(one.slow for one in seen) > self.rules.slow_still * asked:
            return False
        return failed < _RELAPSE or failed < self.rules.intermittent * asked

    @property
    def _is_failing(self) -> bool:
        """Two members at least failed in their last attempt: it may be coming back just now."""
        return sum(bool(m.health.is_observed and m.health.run) for m in self.members.values()) >= _RELAPSE

    def leave(self, member: Member) -> None:
        """A member is no longer bad. Its end is only as sure as somebody looked."""
        health = member.health
        member.end, member.end_after = health.recovered_at, health.recovered_after
        unseen = health.recovered_at - (health.recovered_after or 0.0)
        member.is_seen = unseen <= self.rules.stale_after * health.check.interval

    @property
    def is_bad(self) -> bool:
        """Some member is bad now."""
        return any(member.end is None and member.health.is_bad for member in self.members.values())

    @property
    def is_calm(self) -> bool:
        """None is bad, and of one at least it was seen. Where nobody looks it is neither."""
        return not self.is_bad and any(member.end is not None for member in self.members.values())

    def shift(self, seconds: float) -> None:
        """The wall clock was set: what is measured in elapsed time goes on from there. Told stamps stay."""
        self.looked += seconds
        self.end = None if self.end is None else self.end + seconds
        self.rounds = {number + round(seconds / self.width): seen for number, seen in self.rounds.items()}
        for member in self.members.values():
            member.end = None if member.end is None else member.end + seconds

    def happen(self, event: Event) -> None:
        """Go on in the window's life. Raises IllegalTransition."""
        self.status = after(WINDOW, self.status, event)

    def date_end(self) -> None:
        """When it ended, by the members that were watched; by the others if there are none."""
        ended = [member for member in self.members.values() if member.end is not None]
        seen = [member for member in ended if member.is_seen] or ended
        last = max(seen, key=lambda member: member.end or 0.0, default=None)
        if last is not None:
            self.end, self.end_after = last.end, last.end_after

    def kind_now(self) -> Kind:
        """How much fails, by the last two rounds."""
        if not any(member.health.verdict is State.DOWN for member in self.members.values() if member.end is None):
            return Kind.DEGRADED
        newest = sorted(self.rounds)[-2:]
        asked = sum(self.rounds[key].asked for key in newest)
        share = sum(self.rounds[key].failed for key in newest) / asked if asked else 0.0
        if share >= self.rules.total:
            return Kind.TOTAL
        return Kind.INTERMITTENT

    @property
    def kind(self) -> Kind:
        """The worst that lasted."""
        whole = sum(self.kinds.values())
        for kind in (Kind.TOTAL, Kind.INTERMITTENT):
            if self.kinds[kind] >= min(self.rules.lasting, whole / 2) and self.kinds[kind]:
                return kind
        return max(self.kinds, key=lambda kind: self.kinds[kind]) if whole else self.kind_now()

    def stage(self, now: float, reach: Reach) -> None:
        """Note how it is now, as a new stage when something changed."""
        self.is_dirty = True
        last = self.stages[-1] if self.stages else None
        kind = last.kind if last and self.status not in _LASTING else self.kind_now()
        if last is None:
            self.kinds[kind] += max(now - self.start, 1.0)
        elif last.status is not Status.RECOVERING:
            self.kinds[last.kind] += now - self.looked
        if _WIDTH[reach] > _WIDTH[self.reach]:
            self.reach = reach
        self.looked = now
        same = last is not None and (last.kind, last.reach, last.status) == (kind, reach, self.status)
        if not same and len(self.stages) < _STAGES:
            since = self.start if last is None else (self.end or now if self.status is Status.RECOVERING else now)
            self.stages.append(Stage(since=since, kind=kind, reach=reach, status=self.status))

    @property
    def main(self) -> tuple[Layer | None, Reason | None]:
        """Where most of it broke, and why."""
        layers: Counter[Layer | None] = Counter()
        for (_, layer, _), count in self.tally.items():
            layers[layer] += count
        if not layers:
            return None, None
        worst = layers.most_common(1)[0][0]
        reasons: Counter[Reason | None] = Counter()
        for (_, layer, reason), count in self.tally.items():
            if layer is worst:
                reasons[reason] += count
        return worst, reasons.most_common(1)[0][0]

    def absorb(self, other: "Case") -> None:
        """Take everything of another case in; it becomes a part of this one."""
        for key, member in other.members.items():
            self.members.setdefault(key, member)
        self.places.update(other.places)
        self.tally.update(other.tally)
        self.elsewhere.update(other.elsewhere)
        self.quiet = max(self.quiet, other.quiet)
        for number, seen in other.rounds.items():
            mine = self.rounds.setdefault(number, Round())
            mine.asked += seen.asked
            mine.failed += seen.failed
            mine.slow += seen.slow
        self.vantages += [vantage for vantage in other.vantages if vantage not in self.vantages]
        room = dict.fromkeys(self.vantages, self.rules.evidence)
        self.is_dirty = True
        merged = sorted(self.evidence + other.evidence, key=lambda evidence: evidence.at)
        self.evidence = []
        for evidence in merged:
            if room.get(evidence.vantage, 0) > 0:
                room[evidence.vantage] -= 1
                self.evidence.append(evidence)
        other.happen(Event.OUTGROWN)
        other.absorbed_by = self.id


def _weight(health: Health) -> int:
    return _WEIGHT if health.check.critical else 1


def _evidence(health: Health, mark: Mark) -> Evidence:
    failure = mark.failure
    return Evidence(
        vantage=health.vantage,
        check_id=health.check.id,
        at=mark.at,
        layer=failure.layer if failure else None,
        reason=failure.reason if failure else None,
        message=failure.message if failure else "much slower than usual",
    )
