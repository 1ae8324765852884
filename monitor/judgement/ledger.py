"""How long every component and service was in which state, as one vantage sees it.

Time is booked when it is certain: what is down is down up to its last failure,
so what the counters say never has to be taken back. Only time booked as up may
turn out to have been down already, because a fall is dated back to its first
failure.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from monitor.domain.maintenance import Announced
from monitor.domain.outage import StateSeconds
from monitor.domain.words import State

_HOUR = 3600
_BAD = (State.DOWN, State.DEGRADED)
Key = tuple[str, str]
"""Service and component; the component is empty for the service as a whole."""


@dataclass(slots=True)
class Account:
    """One component or service."""

    state: State
    settled: float
    """Time is booked up to here."""
    since: float = 0.0
    """When it came to its state: nothing that follows can be dated before that."""
    down: float = 0.0
    unknown: float = 0.0
    """Totals in seconds since this process began; they never go down."""


class Ledger:
    """Books time to states, hour by hour."""

    def __init__(self) -> None:
        self.accounts: dict[Key, Account] = {}
        self._cells: dict[tuple[int, str, str], dict[str, float]] = {}
        self._announced: tuple[Announced, ...] = ()

    def keep(self, keys: Iterable[Key], now: float) -> None:
        """Keep books on these and no others; new ones begin as unknown."""
        old, self.accounts = self.accounts, {}
        for key in keys:
            self.accounts[key] = old.get(key) or Account(State.UNKNOWN, now, now)

    def announce(self, announced: tuple[Announced, ...]) -> None:
        """Bad time in these stretches is planned."""
        self._announced = announced

    def shift(self, seconds: float) -> None:
        """The wall clock was set by so much: no time passed by that."""
        for account in self.accounts.values():
            account.settled += seconds
            account.since += seconds

    def change(self, key: Key, state: State, at: float) -> None:
        """It has been in ``state`` since ``at``, which may lie before what is booked."""
        account = self.accounts[key]
        if state is account.state:
            return
        if account.state is not State.UP:
            at = max(at, account.settled)  # only what was taken for up is ever taken back
        at = max(at, account.since)
        if at >= account.settled:
            self._book(key, account, at)
        else:
            self._add(key, account.state, at, account.settled, -1)
            self._add(key, state, at, account.settled, 1)
        account.state, account.since = state, at

    def book(self, now: float, certain: Callable[[Key, Account], float]) -> None:
        """Book what is certain by now. ``certain`` tells until when the state is."""
        for key, account in self.accounts.items():
            self._book(key, account, min(now, certain(key, account)))

    def settle(self, now: float, certain: Callable[[Key, Account], float]) -> tuple[StateSeconds, ...]:
        """`book`, and hand out all that was booked since the last time."""
        self.book(now, certain)
        cells, self._cells = self._cells, {}
        return tuple(
            StateSeconds(hour=hour, service=service, component=component, **seconds)
            for (hour, service, component), seconds in cells.items()
        )

    def _book(self, key: Key, account: Account, until: float) -> None:
        if until > account.settled:
            self._add(key, account.state, account.settled, until, 1)
            account.settled = until

    def _add(self, key: Key, state: State, start: float, end: float, sign: int) -> None:
        planned = self._planned(key, start, end) if state in _BAD else 0.0
        account = self.accounts[key]
        if state is State.DOWN:
            account.down += max(0.0, sign * (end - start - planned))
        elif state is State.UNKNOWN:
            account.unknown += max(0.0, sign * (end - start))
        share = planned / (end - start) if end > start else 0.0
        while start < end:
            hour = int(start // _HOUR) * _HOUR
            stop = min(end, hour + _HOUR)
            cell = self._cells.setdefault((hour, *key), {})
            cell[state] = cell.get(state, 0.0) + sign * (stop - start) * (1 - share)
            if share:
                cell["planned"] = cell.get("planned", 0.0) + sign * (stop - start) * share
            start = stop

    def _planned(self, key: Key, start: float, end: float) -> float:
        service, component = key
        covering = [a for a in self._announced if a.covers(service, component)]
        stretches = sorted((max(start, a.starts), min(end, a.ends)) for a in covering)
        total, reached = 0.0, start
        for begin, stop in stretches:
            if stop > max(begin, reached):
                total += stop - max(begin, reached)
                reached = stop
        return total
