"""Components as seen from every vantage, and the votes of the networks these stand in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from monitor.domain.check import Vantage
from monitor.domain.words import Reach, Require, State
from monitor.judgement.health import Health


@dataclass(slots=True, eq=False)
class Place:
    """One component: the health of its checks, by vantage."""

    service: str
    name: str
    provider: str
    is_critical: bool
    require: Require
    checks: dict[str, list[Health]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """``service.component``."""
        return f"{self.service}.{self.name}"

    def healths(self) -> Iterable[Health]:
        """Of all checks from all vantages."""
        return (health for members in self.checks.values() for health in members)

    def state_at(self, vantage: str) -> State:
        """What the component is from one vantage: redundant targets may fail without it."""
        seen = [health for health in self.checks.get(vantage, ()) if health.is_observed]
        if not seen:
            return State.UNKNOWN
        if self._is_broken(sum(health.verdict is State.DOWN for health in seen), len(seen)):
            return State.DOWN
        if self._is_broken(sum(health.is_bad for health in seen), len(seen)):
            return State.DEGRADED
        return State.UP if any(health.verdict is not State.UNKNOWN for health in seen) else State.UNKNOWN

    def since_at(self, vantage: str, state: State) -> float | None:
        """When it came to ``state``, as far as its checks can tell."""
        if state is State.UNKNOWN:
            return max((health.seen for health in self.checks.get(vantage, ())), default=None) or None
        members = [health for health in self.checks.get(vantage, ()) if health.is_observed]
        if state in (State.DOWN, State.DEGRADED):
            bad = [(health, first) for health in members if health.is_bad and (first := health.bad_since) is not None]
            return min((max(first.at, health.watched_since) for health, first in bad), default=None)
        if state is State.UP:
            back = max((health.recovered_at for health in members), default=0.0)
            return max(back, *(health.watched_since for health in members)) if back else None
        return None

    def failed_at(self, vantage: str) -> float:
        """The last failure seen from there, of what is bad."""
        members = self.checks.get(vantage, ())
        return max((health.failed_at or health.seen for health in members if health.is_bad), default=0.0)

    def is_failing_at(self, vantage: str, since: float) -> bool | None:
        """Whether it is bad or about to be.

        None when nothing was seen from there since ``since``, or no more than a
        first failure, which may be chance.
        """
        seen = [health for health in self.checks.get(vantage, ()) if health.is_observed and health.seen >= since]
        if not seen:
            return None
        if self._is_broken(sum(health.is_bad or len(health.run) > 1 for health in seen), len(seen)):
            return True
        return None if self._is_broken(sum(health.is_bad or bool(health.run) for health in seen), len(seen)) else False

    def bad_at(self, vantage: str) -> list[Health]:
        """The checks that make it bad from one vantage; none when redundancy makes up for them."""
        if self.state_at(vantage) not in (State.DOWN, State.DEGRADED):
            return []
        return [health for health in self.checks[vantage] if health.is_bad]

    def _is_broken(self, bad: int, seen: int) -> bool:
        if self.require is Require.ALL:
            return bad > 0
        if self.require is Require.MAJORITY:
            return 2 * bad >= seen
        return bad == seen


@dataclass(frozen=True, slots=True)
class Vote:
    """The networks in which something is bad, and those in which it is seen to be fine."""

    bad: frozenset[str]
    fine: frozenset[str]


class Networks:
    """The vantages by the networks they stand in: two in one network have one vote."""

    def __init__(self, vantages: Iterable[Vantage]) -> None:
        self.vantages = {vantage.name: vantage for vantage in vantages}

    def of(self, vantage: str) -> str:
        """The network of a vantage; one that names none is its own."""
        known = self.vantages.get(vantage)
        return (known.network if known else "") or vantage

    def vote(self, bad: Iterable[str], fine: Iterable[str]) -> Vote:
        """Votes from vantages: where half of a network's vantages or more are bad, it is."""
        counts: dict[str, int] = {}
        for vantages, weight in ((set(bad), 1), (set(fine), -1)):
            for vantage in vantages:
                network = self.of(vantage)
                counts[network] = counts.get(network, 0) + weight
        return Vote(
            frozenset(network for network, count in counts.items() if count >= 0),
            frozenset(network for network, count in counts.items() if count < 0),
        )

    def countries(self, networks: Iterable[str]) -> set[str]:
        """The countries of these networks, as far as they are told."""
        return {v.country for v in self.vantages.values() if v.country and self.of(v.name) in set(networks)}

    def reach(self, vote: Vote) -> Reach:
        """From where it is seen: most of two or more regions, one region, or less."""
        if len(vote.bad) + len(vote.fine) < 2:
            return Reach.UNDETERMINED
        regions = self.regions(vote)
        others = set(self._by_region(vote.fine)) - regions
        if len(vote.bad) > len(vote.fine) and len(regions) > max(1, len(others)):
            return Reach.GLOBAL
        if not vote.fine:
            return Reach.UNDETERMINED  # nobody looks from another region
        countries = self.countries(vote.bad)
        is_one_place = len(vote.bad) == 1 or (len(countries) == 1 and bool(vote.fine))
        return Reach.REGIONAL if regions and not is_one_place else Reach.LOCAL

    def regions(self, vote: Vote) -> set[str]:
        """The regions in which most networks are bad."""
        bad, fine = self._by_region(vote.bad), self._by_region(vote.fine)
        return {region for region, networks in bad.items() if len(networks) > len(fine.get(region, ()))}

    def _by_region(self, networks: frozenset[str]) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for vantage in self.vantages.values():
            if self.of(vantage.name) in networks:
                found.setdefault(vantage.region, set()).add(self.of(vantage.name))
        return found
