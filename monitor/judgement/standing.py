"""How components and services stand, as the own vantage sees them: states now, and the time spent in each."""

from collections.abc import Iterable, Mapping

from monitor.domain.maintenance import Announced
from monitor.domain.outage import StateSeconds
from monitor.domain.words import State
from monitor.judgement.ledger import Account, Key, Ledger
from monitor.judgement.places import Place


class Standing:
    """The states of all components and services at one vantage."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._home = ""
        self._places: Mapping[str, Place] = {}
        self._services: dict[str, list[Place]] = {}

    def replace(self, places: Mapping[str, Place], home: str, now: float) -> None:
        """Follow these components from the vantage ``home``."""
        self._places, self._home, self._services = places, home, {}
        for place in places.values():
            self._services.setdefault(place.service, []).append(place)
        keys = [(place.service, place.name) for place in places.values()]
        self._ledger.keep([*keys, *((service, "") for service in self._services)], now)

    def announce(self, announced: tuple[Announced, ...]) -> None:
        """Bad time in these stretches counts for nothing."""
        self._ledger.announce(announced)

    def shift(self, seconds: float) -> None:
        """The wall clock was set by so much."""
        self._ledger.shift(seconds)

    def follow(self, names: Iterable[str], now: float) -> None:
        """These components may have changed."""
        services: dict[str, float] = {}
        for name in names:
            place = self._places.get(name)
            if place is None:
                continue
            state = place.state_at(self._home)
            at = min(now, place.since_at(self._home, state) or now)
            self._ledger.change((place.service, place.name), state, at)
            services[place.service] = at
        for service, at in services.items():
            self._ledger.change((service, ""), self._service_state(service), at)

    def _service_state(self, service: str) -> State:
        """Down when something critical is; anything else that is bad degrades it."""
        places = self._services[service]
        states = {place.id: self._ledger.accounts[place.service, place.name].state for place in places}
        if any(place.is_critical and states[place.id] is State.DOWN for place in places):
            return State.DOWN
        known = set(states.values()) - {State.UNKNOWN}
        if known & {State.DOWN, State.DEGRADED}:
            return State.DEGRADED
        return State.UP if known else State.UNKNOWN

    def book(self, now: float) -> None:
        """Bring the totals up to date."""
        self._ledger.book(now, self._certain)

    def settle(self, now: float) -> tuple[StateSeconds, ...]:
        """The time booked since the last time."""
        return self._ledger.settle(now, self._certain)

    def _certain(self, key: Key, account: Account) -> float:
        if account.state is not State.DOWN:
            return float("inf")
        service, component = key
        places = [p for p in self._services[service] if not component or p.name == component]
        return max((place.failed_at(self._home) for place in places), default=0.0)

    @property
    def accounts(self) -> Mapping[Key, Account]:
        """State and totals, by service and component; the component is empty for the whole service."""
        return self._ledger.accounts
