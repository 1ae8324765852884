"""How checks, components, services and vantages stand, and the time that this took from them.

The judge is asked at each scrape, for a state also changes when nothing is
attempted: a check goes stale, a vantage goes blind. Asking 10,000 times takes
10 ms, in slices; a line is rendered only when its answer is a new one.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from monitor.domain.check import Check, Vantage
from monitor.domain.words import State, VantageState
from monitor.judgement.judge import Judge
from monitor.judgement.ledger import Account, Key
from monitor.metrics.families import Family, labels
from monitor.metrics.parts import block, parts, slices

STATE_VALUES: Mapping[State, int] = {State.UP: 0, State.DEGRADED: 1, State.DOWN: 2, State.UNKNOWN: -1}
VANTAGE_VALUES: Mapping[VantageState, int] = {
    VantageState.ONLINE: 0,
    VantageState.DEGRADED: 1,
    VantageState.TRUST_STORE_OLD: 2,
    VantageState.RESOLVER_BROKEN: 3,
    VantageState.CLOCK_WRONG: 4,
    VantageState.CAPTIVE: 5,
    VantageState.OFFLINE: 6,
}
"""The worse, the more, so that max_over_time finds the worst; blind from 3 on."""
_STATES = ", ".join(f"{value} {state}" for state, value in STATE_VALUES.items())
_VANTAGE_STATES = ", ".join(f"{value} {state}" for state, value in VANTAGE_VALUES.items())
_ASKED = 2000
"""Answers compared before other work gets its turn: 2 ms."""
_RENDERED = 400
"""Checks or components rendered before other work gets its turn: 3 ms."""


class _Booked(NamedTuple):
    """A component or service as its lines have it."""

    text: str
    """The labels of its counters."""
    state: State | None = None
    down: float = -1.0
    unknown: float = -1.0


class StateMetrics:
    """Shows what `judge` finds; ``vantage`` is the one we stand at."""

    def __init__(self, vantage: Vantage, judge: Judge) -> None:
        self._vantage = vantage.name
        self._judge = judge
        self._checks: dict[str, Check] = {}
        self._shown: dict[str, State] = {}
        """The states of checks as their lines have them."""
        self._booked: dict[Key, _Booked] = {}
        self.infos = Family("lastseen_service_info", "gauge", "1 for every service that is watched: whose it is.")
        self.place = Family("lastseen_vantage_info", "gauge", "1 for the vantage that we stand at: where that is.")
        self.checks = Family("lastseen_check_state", "gauge", f"State of a check: {_STATES}.")
        self.components = Family("lastseen_component_state", "gauge", f"State of a component: {_STATES}.")
        self.services = Family("lastseen_service_state", "gauge", f"State of a service: {_STATES}.")
        self.downtime = Family(
            "lastseen_downtime_seconds",
            "counter",
            'Time down outside announced maintenance; component="" is the service as a whole.',
        )
        self.unobserved = Family(
            "lastseen_unobserved_seconds",
            "counter",
            'Time in which nobody could tell whether it was up; component="" is the service as a whole.',
        )
        self.vantages = Family(
            "lastseen_vantage_state",
            "gauge",
            f"What the witnesses say of a vantage, which is blind from 3 on: {_VANTAGE_STATES}.",
        )
        here = labels(vantage=vantage.name, region=vantage.region, country=vantage.country, network=vantage.network)
        self.place.blocks[vantage.name] = f"{self.place.name}{{{here}}} 1\n".encode()

    def families(self) -> tuple[Family, ...]:
        """All families, in the order of exposition."""
        states = (self.checks, self.components, self.services, self.downtime, self.unobserved, self.vantages)
        return (*states, self.infos, self.place)

    def replace(self, checks: Iterable[Check]) -> None:
        """Show these checks, of which none is a witness, and no others; what goes loses its series."""
        self._checks = {check.id: check for check in checks}
        for gone in self._shown.keys() - self._checks.keys():
            del self._shown[gone]
            del self.checks.blocks[gone]
        for key in self._booked.keys() - parts(self._checks.values()).keys():
            del self._booked[key]
            for family in (self.components, self.services, self.downtime, self.unobserved):
                family.blocks.pop(block(key), None)
        one_each = {check.service: check for check in self._checks.values()}
        self.infos.blocks = {service: self._info(check) for service, check in one_each.items()}

    def _info(self, check: Check) -> bytes:
        text = labels(service=check.service, provider=check.provider, vantage=self._vantage)
        return f"{self.infos.name}{{{text}}} 1\n".encode()

    def settle(self) -> Iterator[None]:
        """Render what the judge sees differently now, a slice at a time."""
        yield from self._settle_checks()
        yield from self._settle_accounts()
        name = self.vantages.name
        self.vantages.blocks = {
            vantage: f"{name}{{{labels(vantage=vantage)}}} {VANTAGE_VALUES[state]}\n".encode()
            for vantage, (state, _) in self._judge.vantage_states.items()
        }

    def _settle_checks(self) -> Iterator[None]:
        ask, here, shown = self._judge.state_of, self._vantage, self._shown
        changed: list[str] = []
        for some in slices(list(self._checks), _ASKED):
            changed += [check_id for check_id in some if ask(here, check_id) is not shown.get(check_id)]
            yield
        for some in slices(changed, _RENDERED):
            for check_id in some:
                check = self._checks.get(check_id)
                if check is not None:  # or a reload removed it meanwhile
                    self._render_check(check, ask(here, check_id))
            yield

    def _settle_accounts(self) -> Iterator[None]:
        changed: list[Key] = []
        for entries in slices(list(self._judge.accounts.items()), _ASKED):
            changed += [key for key, account in entries if not self._is_shown(key, account)]
            yield
        for keys in slices(changed, _RENDERED):
            for key in keys:
                account = self._judge.accounts.get(key)
                if account is not None:
                    self._render_account(key, account)
            yield

    def _render_check(self, check: Check, state: State) -> None:
        text = labels(
            service=check.service,
            component=check.component,
            target=check.target,
            probe=check.kind,
            vantage=self._vantage,
        )
        self._shown[check.id] = state
        self.checks.blocks[check.id] = f"{self.checks.name}{{{text}}} {STATE_VALUES[state]}\n".encode()

    def _is_shown(self, key: Key, account: Account) -> bool:
        shown = self._booked.get(key)
        return shown is not None and shown[1:] == (account.state, account.down, account.unknown)

    def _render_account(self, key: Key, account: Account) -> None:
        service, component = key
        shown = self._booked.get(key) or _Booked(labels(service=service, component=component, vantage=self._vantage))
        lines = block(key)
        if account.state is not shown.state:
            states = self.components if component else self.services
            text = shown.text if component else labels(service=service, vantage=self._vantage)
            states.blocks[lines] = f"{states.name}{{{text}}} {STATE_VALUES[account.state]}\n".encode()
        if account.down != shown.down:
            self.downtime.blocks[lines] = _seconds(self.downtime, shown.text, account.down)
        if account.unknown != shown.unknown:
            self.unobserved.blocks[lines] = _seconds(self.unobserved, shown.text, account.unknown)
        self._booked[key] = _Booked(shown.text, account.state, account.down, account.unknown)


def _seconds(family: Family, text: str, value: float) -> bytes:
    return f"{family.name}_total{{{text}}} {value:.3f}\n".encode()
