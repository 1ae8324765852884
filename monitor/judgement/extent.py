"""How far it reaches: among the components of a service, the services of a provider, the vantages.

A part counts as affected when it is in an open case, or when most of the
vantages concerned see it fail, be it for the first time: checks are spread over
their interval, so those that were asked since the start are a fair sample of
the rest, and a provider that is gone is one window from its first minute.
"""

from collections.abc import Iterable, Mapping, Set

from monitor.domain.words import Breadth, State
from monitor.judgement.cases import Case
from monitor.judgement.health import Health
from monitor.judgement.places import Networks, Place, Vote
from monitor.judgement.rules import Rules

_PATCHY = 2
"""Failures of one check among its last ones that are no chance any more, when others see it down."""


class Extent:
    """The components of every service, the services of every provider."""

    def __init__(self, places: Mapping[str, Place], rules: Rules) -> None:
        self.places = places
        self._rules = rules
        self._services: dict[str, list[Place]] = {}
        self._providers: dict[str, list[str]] = {}
        for place in places.values():
            self._services.setdefault(place.service, []).append(place)
        for service, members in self._services.items():
            if members[0].provider:
                self._providers.setdefault(members[0].provider, []).append(service)

    def services_in(self, target: str, breadth: Breadth) -> set[str]:
        """The services that a target of this breadth covers."""
        return {target} if breadth is Breadth.SERVICE else set(self._providers[target.removeprefix("provider:")])

    def places_in(self, target: str, breadth: Breadth) -> list[Place]:
        """The components that a target of this breadth covers."""
        return [place for service in self.services_in(target, breadth) for place in self._services[service]]

    def services_of(self, provider: str) -> list[str]:
        """The services of a provider, in the order of the configuration."""
        return self._providers.get(provider, [])

    def is_whole_service(self, service: str, where: Set[str], since: float, affected: Set[str]) -> bool:
        """More than half of its components are affected, of which at least half could tell."""
        places = self._services.get(service, [])
        told = [self._is_affected(place, where, since, affected) for place in places]
        bad, known = told.count(True), len(told) - told.count(None)
        return 2 * known >= len(places) and bad > self._rules.whole_service * known

    def is_whole_provider(self, provider: str, where: Set[str], since: float, affected: Set[str]) -> bool:
        """All of its services that could tell are affected as a whole: two at least, and half of all."""
        services = self._providers.get(provider, [])
        whole = known = 0
        for service in services:
            if any(self._is_affected(place, where, since, affected) is not None for place in self._services[service]):
                known += 1
                whole += self.is_whole_service(service, where, since, affected)
        return known >= 2 and whole == known and 2 * known >= len(services)

    def is_seen_up(self, service: str, vantages: Iterable[str]) -> bool:
        """All of its components that could tell are up from these vantages, and one could."""
        states = {place.state_at(vantage) for place in self._services.get(service, ()) for vantage in vantages}
        return State.UP in states and states <= {State.UP, State.UNKNOWN}

    def _is_affected(self, place: Place, where: Set[str], since: float, affected: Set[str]) -> bool | None:
        if place.id in affected:
            return True
        told = [failing for vantage in where if (failing := place.is_failing_at(vantage, since)) is not None]
        return 2 * told.count(True) > len(told) if told else None


def seen_from(case: Case, networks: Networks, resumed: float) -> tuple[Vote, tuple[str, ...]]:
    """From where the case is seen now, and the vantages from which all of it works.

    A vantage that has not spoken since we ``resumed`` is where it was before.
    """
    bad = {vantage for (vantage, _), member in case.members.items() if member.end is None and member.health.is_bad}
    bad = bad or {vantage for vantage, _ in case.members}
    bad |= {vantage for vantage in networks.vantages if vantage not in bad and _is_patchy_at(case, vantage)}
    fine = tuple(vantage for vantage in networks.vantages if vantage not in bad and _is_fine_at(case, vantage, resumed))
    return networks.vote(bad, fine), fine


def _is_fine_at(case: Case, vantage: str, resumed: float) -> bool:
    if vantage in case.fine and not any(health.seen > resumed for health in _healths_at(case, vantage)):
        return True
    found = [place.is_failing_at(vantage, case.start) for place in case.places.values()]
    return False in found and True not in found


def _is_patchy_at(case: Case, vantage: str) -> bool:
    """Some of what it covers fails now and then from there too, too seldom yet for a fall."""
    here = (health for health in _healths_at(case, vantage) if health.is_observed)
    return any(health.share_since(case.start)[1] >= _PATCHY for health in here)


def _healths_at(case: Case, vantage: str) -> Iterable[Health]:
    return (health for place in case.places.values() for health in place.checks.get(vantage, ()))
