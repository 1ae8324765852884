"""When trouble of a component is enough for a case, and what the case is at its beginning."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from monitor.domain.maintenance import Announced
from monitor.domain.words import Breadth, State, Status
from monitor.judgement.cases import Case
from monitor.judgement.health import Health
from monitor.judgement.places import Networks, Place
from monitor.judgement.rules import Rules


class Opening:
    """Decides what may become a case."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.announced: tuple[Announced, ...] = ()
        self.shaky: frozenset[str] = frozenset()
        """Vantages whose own way out lost something lately."""
        self.pending: dict[str, float] = {}
        """Components that are bad in one network only, and since when: they may have to wait."""
        self._closed: dict[str, tuple[float, float]] = {}
        """Of components: the end of their last case, and its quiet period."""
        self._written = ""

    def is_due(self, place: Place, networks: Networks, now: float) -> bool:
        """Two networks are enough. One is, when there is no other, or when it lasts while others see it working."""
        states = {vantage: place.state_at(vantage) for vantage in place.checks}
        bad = [vantage for vantage, state in states.items() if state in (State.DOWN, State.DEGRADED)]
        vote = networks.vote(bad, [vantage for vantage, state in states.items() if state is State.UP])
        if len(vote.bad) < 2 and bad and all(self._is_doubtful(place, vantage) for vantage in bad):
            self.pending[place.id] = now  # to be looked at again, and to wait from then on
            return False
        if len(vote.bad) >= 2 or not vote.fine:
            return bool(vote.bad)
        if not vote.bad:
            return False
        since = self.pending.setdefault(place.id, now)
        interval = max(health.check.interval for health in place.healths())
        rounds = self._rules.alone if State.DOWN in states.values() else self._rules.alone_slow
        return now - since >= rounds * interval

    def _is_doubtful(self, place: Place, vantage: str) -> bool:
        """It is bad from there by lost packets only, fewer than an outage loses, and that vantage loses some anyway."""
        bad = place.bad_at(vantage) if vantage in self.shaky else ()
        return bool(bad) and all(health.is_patchy for health in bad)

    def open(self, place: Place, bad: Sequence[Health], now: float) -> Case:
        """A case of this component, without members yet."""
        firsts = [first for health in bad if (first := health.bad_since) is not None]
        first = min(firsts, key=lambda mark: mark.at, default=None)
        start = first.at if first else now
        planned = self.planned_until(place, start, now)
        return Case(
            id=f"{datetime.fromtimestamp(start, UTC):%Y%m%dT%H%M%SZ}-{place.id}",
            target=place.id,
            breadth=Breadth.COMPONENT,
            provider=place.provider,
            rules=self._rules,
            status=Status.PLANNED if planned else Status.OPEN,
            start=start,
            start_after=first.before if first else None,
            opened=now,
            width=min(self._rules.kind_rounds * max(health.check.interval for health in bad), self._rules.quiet / 3),
            planned_until=planned,
            quiet=self._quiet(place, start),
        )

    def note_closed(self, case: Case) -> None:
        """Remember when it ended: what comes back soon is watched for longer."""
        if case.end is not None:
            self._closed |= dict.fromkeys(case.places, (case.end, case.quiet))

    def _quiet(self, place: Place, start: float) -> float:
        """Trouble that comes back soon after it was said to be over is given twice the time."""
        end, quiet = self._closed.get(place.id, (0.0, self._rules.quiet))
        if start - end > 2 * quiet:
            return self._rules.quiet
        return min(2 * quiet, max(self._rules.longest_quiet, self._rules.quiet))

    def planned_until(self, place: Place, start: float, now: float) -> float | None:
        """When the announced maintenance ends in which trouble that began at ``start`` is still now."""
        ends = [
            announced.ends
            for announced in self.announced
            if announced.starts <= start and now < announced.ends and announced.covers(place.service, place.name)
        ]
        return max(ends, default=None)

    def shift(self, seconds: float) -> None:
        """The wall clock was set by so much."""
        self.pending = {name: since + seconds for name, since in self.pending.items()}
        self._closed = {name: (end + seconds, quiet) for name, (end, quiet) in self._closed.items()}

    def memory(self, now: float) -> Iterable[tuple[str, str]]:
        """What changed of what must outlive a restart."""
        recent = 2 * max(self._rules.longest_quiet, self._rules.quiet)
        self._closed = {name: (end, quiet) for name, (end, quiet) in self._closed.items() if now - end <= recent}
        known = json.dumps([self.pending, self._closed]) if self.pending or self._closed else ""
        if known != self._written:
            self._written = known
            yield "p", known

    def resume(self, memory: Mapping[str, str]) -> None:
        """Go on where another one stopped."""
        self._written = memory.get("p", "")
        if self._written:
            with suppress(AttributeError, TypeError, ValueError):  # another version wrote it
                pending, closed = json.loads(self._written)
                self._closed = {name: (end, quiet) for name, (end, quiet) in closed.items()}
                self.pending = dict(pending)
