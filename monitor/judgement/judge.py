"""The judge: attempts in, rulings out.

`observe` learns from every attempt at once and is cheap; `sit` decides, some
times a second. Both are told the time, so the same code runs in `lastseen
replay`.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from math import ceil

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check, Vantage
from monitor.domain.maintenance import Announced
from monitor.domain.outage import Span, StateSeconds, Transition, Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import Outcome, State, VantageState
from monitor.judgement.docket import Docket
from monitor.judgement.health import Health
from monitor.judgement.ledger import Account, Key
from monitor.judgement.memory import recall_case, recall_health, remember_health
from monitor.judgement.places import Place
from monitor.judgement.rules import Rules
from monitor.judgement.scope import component_of
from monitor.judgement.standing import Standing
from monitor.judgement.tables import Sign
from monitor.judgement.vantages import VantageWatch
from monitor.judgement.watchtower import Watchtower

_REMEMBERED = 250
"""Checks that are written down for each second since the last sitting, 0.1 ms each. When thousands fail at once the
rest has its turn next."""
_SHORTEST, _LONGEST = 0.1, 60.0
"""Seconds between two sittings that count for how much may be done in one."""


class Judge:
    """All that is known of all checks from all vantages, and the windows that follow from it."""

    def __init__(self, rules: Rules | None = None) -> None:
        self._docket = Docket(rules or Rules())
        self._rules = self._docket.rules
        self._standing = Standing()
        self._health: dict[tuple[str, str], Health] = {}
        self._tower = Watchtower()
        self._touched: dict[Health, None] = {}
        self._remembered = 0.0
        self._sat = 0.0
        self._transitions: list[Transition] = []
        self._spans: list[Span] = []
        self._sweep: list[Health] = []
        self._swept = 0.0

    def replace(
        self,
        checks: Iterable[Check],
        witnesses: Iterable[Check],
        vantages: Iterable[Vantage],
        now: float,
        titles: Mapping[str, str] | None = None,
    ) -> None:
        """Judge these checks, from these vantages, of which the first is our own. What stays keeps its history.

        ``titles`` name services for people.
        """
        checks, vantages = tuple(checks), tuple(vantages)
        self._tower.replace(witnesses, vantages)
        old, self._health = self._health, {}
        places: dict[str, Place] = {}
        for vantage in vantages:
            for check in checks:
                self._add(places, old.get((vantage.name, check.id)), check, vantage.name)
        self._docket.replace(places, vantages, titles or {})
        self._standing.replace(places, vantages[0].name if vantages else "", now)
        self._sweep = []
        self._sat = now

    def _add(self, places: dict[str, Place], known: Health | None, check: Check, vantage: str) -> None:
        health = known or Health(check, vantage)
        health.check = check
        self._health[vantage, check.id] = health
        name = f"{check.service}.{check.component}"
        place = places.get(name)
        if place is None:
            place = places[name] = Place(
                service=check.service,
                name=check.component,
                provider=check.provider,
                is_critical=check.critical,
                require=check.require,
            )
        place.checks.setdefault(vantage, []).append(health)

    def announce(self, announced: Sequence[Announced]) -> None:
        """These stretches of maintenance are known, and no others."""
        self._docket.opening.announced = tuple(announced)
        self._standing.announce(tuple(announced))

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows that are not closed."""
        return tuple(case.stored for case in self._docket.cases.values() if case.stored is not None)

    def observe(self, vantage: str, check: Check, attempt: Attempt) -> None:
        """Learn from one attempt of a check, or of a witness."""
        if self._tower.observe(vantage, check, attempt):
            return
        health = self._health.get((vantage, check.id))
        if health is None:
            return
        if self._is_stale(health, attempt.started):
            self._lose_sight(attempt.started)
        outcome = attempt.outcome
        if outcome is not Outcome.OK or health.marks or health.run or health.is_member:
            self._observe_trouble(health, attempt)
            return
        watch = self._tower.watches[vantage]
        if not watch.is_blind:
            before, was_observed = health.verdict, health.is_observed
            self._take_sign(health, health.observe(attempt, may_be_slow=watch.is_steady), attempt.started, before)
            if not was_observed:
                self._note_seen(health)
            if health.is_usual_news:
                health.kept = health.usual
                self._touched[health] = None

    def _observe_trouble(self, health: Health, attempt: Attempt) -> None:
        watch = self._tower.watches[health.vantage]
        if watch.is_blind or (attempt.outcome is Outcome.FAILED and watch.holds(attempt.failure)):
            health.pass_over()
            if not health.is_clean:
                self._touched[health] = None
            return
        before, was_clean, was_observed = health.verdict, health.is_clean, health.is_observed
        sign = health.observe(attempt, may_be_slow=watch.is_steady)
        if health.is_news(was_clean=was_clean):
            self._touched[health] = None
        if health.is_observed and not was_observed:
            self._docket.stir(health)
        if health.is_member:
            self._docket.count(health, attempt)
        if sign is not None:
            self._take_sign(health, sign, attempt.started, before)

    def _take_sign(self, health: Health, sign: Sign | None, at: float, before: State) -> None:
        if sign is None:
            return
        if sign is Sign.ANSWERED:
            self._note_seen(health)
            return  # that it is watched now is no change of its own
        self._docket.stir(health)
        self._touched[health] = None
        first = health.bad_since if health.is_bad else None
        failure = health.run[-1].failure if health.run else None
        self._transitions.append(
            Transition(
                check_id=health.check.id,
                vantage=health.vantage,
                at=first.at if first else (health.recovered_at if sign in (Sign.ROSE, Sign.QUICKENED) else at),
                after=first.before if first else (health.recovered_after if sign is Sign.ROSE else None),
                decided=at,
                before=before,
                state=health.verdict,
                layer=failure.layer if failure else None,
                reason=failure.reason if failure else None,
            )
        )

    def _note_seen(self, health: Health) -> None:
        """One more fine check changes nothing in a component that is known to be up."""
        account = self._standing.accounts.get((health.check.service, health.check.component))
        if account is None or account.state is not State.UP:
            self._docket.stir(health)

    def sit(self, now: float) -> Ruling:
        """Decide what there is to decide at ``now`` (Unix seconds, not before the last attempt)."""
        elapsed = min(max(now - self._sat, _SHORTEST), _LONGEST)
        self._sat = now
        self._judge_vantages(now)
        self._sweep_stale(now)
        names = self._docket.take(elapsed)
        self._standing.follow(names, now)
        windows = self._docket.decide(names, now, elapsed)
        transitions, self._transitions = tuple(self._transitions), []
        spans, self._spans = tuple(self._spans), []
        return Ruling(
            at=now, windows=windows, transitions=transitions, spans=spans, memory=tuple(self._memory(now, elapsed))
        )

    def settle(self, now: float) -> tuple[StateSeconds, ...]:
        """The time that components and services spent in their states since this was asked last."""
        return self._standing.settle(now)

    @property
    def accounts(self) -> Mapping[Key, Account]:
        """How components and services stand at our own vantage; an empty component is the whole service."""
        return self._standing.accounts

    @property
    def vantage_states(self) -> Mapping[str, tuple[VantageState, float | None]]:
        """The state of every vantage, and since when; None: since we look."""
        return {name: (watch.state, watch.since) for name, watch in self._tower.watches.items()}

    def state_of(self, vantage: str, check_id: str) -> State:
        """The state of one check from one vantage."""
        health = self._health.get((vantage, check_id))
        return health.state if health else State.UNKNOWN

    def shift(self, seconds: float) -> None:
        """The wall clock was set by so much: what elapsed did not change."""
        for health in self._health.values():
            health.shift(seconds)
        self._tower.shift(seconds)
        self._docket.shift(seconds)
        self._standing.shift(seconds)
        self._swept += seconds
        self._sat += seconds
        self._remembered += seconds

    def _judge_vantages(self, now: float) -> None:
        for news in self._tower.judge(now, self._docket.networks, self._is_contradicted):
            self._spans += news.spans
            self._take_back(news.watch, news.finding.void_since)
        self._docket.opening.shaky = self._tower.shaky

    def _take_back(self, watch: VantageWatch, since: float) -> None:
        """What this vantage said of the targets lately was about itself."""
        if watch.state is VantageState.ONLINE:
            return
        for (vantage, _), health in self._health.items():
            if vantage != watch.vantage.name:
                continue
            before = health.verdict
            sign = health.void(since, watch.holds)
            if sign is not None:
                self._take_sign(health, sign, since, before)
                self._docket.withdraw(health)
            if watch.is_blind:
                health.is_observed = False
            self._docket.stir(health)

    def _is_contradicted(self, watch: VantageWatch) -> bool:
        """All witnesses fail, and most of what is watched answered since, of two providers: the way is fine."""
        since = watch.failing_since
        if since is None:
            return False
        here = [h for (name, _), h in self._health.items() if name == watch.vantage.name and h.seen >= since]
        fine = [health for health in here if not health.run and (health.ok_at or 0.0) >= since]
        return 2 * len(fine) > len(here) and len({health.check.provider for health in fine}) >= 2

    def _is_stale(self, health: Health, now: float) -> bool:
        check = health.check
        return health.is_observed and now - health.seen > self._rules.stale_after * check.interval + check.timeout

    def _lose_sight(self, now: float) -> None:
        """We slept, and an attempt comes before any sweep: what was seen long ago says nothing of the time since."""
        stale = [health for health in self._health.values() if self._is_stale(health, now)]
        for health in stale:
            health.is_observed = False
            self._docket.stir(health)
        self._standing.follow(dict.fromkeys(map(component_of, stale)), now)

    def _sweep_stale(self, now: float) -> None:
        """Checks that did not run for some intervals are unknown. A tenth of them is looked at each time."""
        if not self._sweep:
            if now - self._swept < 1.0:
                return
            self._sweep, self._swept = list(self._health.values()), now
        size = max(1, len(self._health) // 10)
        for health in self._sweep[-size:]:
            if self._is_stale(health, now):
                health.is_observed = False
                self._docket.stir(health)
        del self._sweep[-size:]

    def _memory(self, now: float, elapsed: float) -> Iterable[tuple[str, str]]:
        self._touched |= self._docket.take_touched()
        for health in list(islice(self._touched, ceil(_REMEMBERED * elapsed))):
            del self._touched[health]
            health.kept_at = health.seen
            yield remember_health(health, self._docket.case_of(health))
        yield from self._tower.memory()
        yield from self._docket.memory(now)
        if now - self._remembered >= self._rules.refresh:
            self._remembered = now
            self._standing.book(now)
            yield "sat", repr(now)

    def resume(self, windows: Iterable[Window], spans: Iterable[Span], memory: Mapping[str, str], now: float) -> None:
        """Go on where another judge stopped: its windows that were not closed, last spans and memory."""
        self._tower.resume(spans, memory)
        self._docket.resume([recall_case(window, memory, self._rules) for window in windows], memory, now)
        absent = now - float(memory.get("sat") or 0.0)
        for health in self._health.values():
            recent = absent <= self._rules.stale_after * health.check.interval
            part = recall_health(health, memory, is_recent=recent)
            if part is not None:
                self._docket.rejoin(health, *part)
            self._docket.stir(health)
