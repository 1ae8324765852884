"""The docket: which cases are open, when one opens, widens and closes."""

from collections.abc import Collection, Container, Iterable, Mapping, Set
from itertools import chain, islice
from math import ceil

from monitor.domain.attempt import Attempt
from monitor.domain.check import Vantage
from monitor.domain.outage import Window
from monitor.domain.words import Breadth, State, Status
from monitor.judgement.cases import Case, Member
from monitor.judgement.cause import Contemporaries, Surroundings, find_cause
from monitor.judgement.describe import describe
from monitor.judgement.extent import Extent, seen_from
from monitor.judgement.health import Health
from monitor.judgement.life import live
from monitor.judgement.memory import remember_case
from monitor.judgement.opening import Opening
from monitor.judgement.places import Networks, Place
from monitor.judgement.rules import Rules
from monitor.judgement.scope import can_join, component_of, refit

_LOOKS = 150
"""Cases that are looked at for each second since the last sitting, 0.3 ms each: the loop must not feel hundreds."""
_PLACES = 200
"""Components that are judged, likewise."""


class Docket:
    """All open cases, by target; no two of them cover the same component."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.networks = Networks(())
        self.cases: dict[str, Case] = {}
        self.opening = Opening(rules)
        self.extent = Extent({}, rules)
        self._titles: Mapping[str, str] = {}
        self.stirred: dict[str, None] = {}
        self.urgent: dict[str, None] = {}
        self._ended: list[Case] = []
        self._touched: dict[Health, None] = {}
        self._gone: list[str] = []
        self._resumed = float("-inf")

    def replace(self, places: dict[str, Place], vantages: Iterable[Vantage], titles: Mapping[str, str]) -> None:
        """Know these components, and these networks."""
        self.networks = Networks(vantages)
        self.extent = Extent(places, self.rules)
        self._titles = titles
        alive = {(health.vantage, health.check.id) for place in places.values() for health in place.healths()}
        cases, self.cases = self.cases, {}
        for case in cases.values():
            self._take_up(case, alive)

    def _take_up(self, case: Case, alive: Container[tuple[str, str]]) -> None:
        """Have a case that comes from another configuration, or another life, cover what it can in this one."""
        self.urgent |= dict.fromkeys(sorted(refit(case, self.extent.places, alive)))
        if not case.places and case.stored is None:
            return  # nobody was told of it, and nobody watches it any more
        there = self.cases.setdefault(case.target, case)
        if there is not case:  # two providers became one
            there.absorb(case)
            self._ended.append(case)

    def stir(self, health: Health) -> None:
        """The component of this check may have changed."""
        queue = self.urgent if health.is_bad else self.stirred
        queue[component_of(health)] = None

    def case_of(self, health: Health) -> Case | None:
        """The open case that this check is a member of."""
        case = self._covering(health.check.provider, health.check.service, health.check.component)
        return case if case and (health.vantage, health.check.id) in case.members else None

    def _case_by_id(self, window_id: str) -> Case | None:
        """An open case by the id of its window."""
        return next((case for case in self.cases.values() if case.id == window_id), None)

    def count(self, health: Health, attempt: Attempt) -> None:
        """One more attempt of a check that is in trouble."""
        case = self.case_of(health)
        if case is not None:
            case.count(health, attempt)

    def withdraw(self, health: Health) -> None:
        """What was held against this check was the vantage's fault."""
        case = self.case_of(health)
        if case is not None:
            del case.members[health.vantage, health.check.id]
            health.is_member = False

    def take_touched(self) -> dict[Health, None]:
        """The checks whose part in a case changed since the last time."""
        touched, self._touched = self._touched, {}
        return touched

    def take(self, elapsed: float) -> list[str]:
        """The components to judge now; ``elapsed`` is the time since the last sitting. The rest has its turn later."""
        # In one order, whoever spoke first, so that a restart changes nothing.
        waiting = islice(chain(self.urgent, self.stirred), ceil(_PLACES * elapsed))
        names = sorted({*waiting, *self.opening.pending})
        for name in names:
            self.stirred.pop(name, None)
            self.urgent.pop(name, None)
        return names

    def decide(self, names: list[str], now: float, elapsed: float) -> tuple[Window, ...]:
        """The windows that are new, or not as they were."""
        changed = dict.fromkeys(case for name in names if (case := self._update(name, now)) is not None)
        due = [case for case in self.cases.values() if case in changed or now - case.looked >= self.rules.refresh]
        affected = {name for case in self.cases.values() for name in case.places}
        for case in sorted(due, key=lambda case: (case.start, case.id)):
            self._widen(case, affected, now)
        for case in list(self.cases.values()):
            if live(case, now):
                self._close(case, now)
        return tuple(self._changes(now, changed, ceil(_LOOKS * elapsed)))

    def _update(self, name: str, now: float) -> Case | None:
        place = self.extent.places.get(name)
        if place is None:
            self.opening.pending.pop(name, None)
            return None
        bad = [health for vantage in place.checks for health in place.bad_at(vantage)]
        case = self._covering(place.provider, place.service, place.name)
        if case is None and bad and self.opening.is_due(place, self.networks, now):
            case = self.opening.open(place, bad, now)
            self.cases[case.target] = case
        if not bad or case is not None:
            self.opening.pending.pop(name, None)
        if case is None:
            return None
        self._attend(case, place, bad)
        return case

    def _attend(self, case: Case, place: Place, bad: list[Health]) -> None:
        """Members come and go."""
        for health in bad:
            member = case.members.get((health.vantage, health.check.id))
            if member is None or member.end is not None:
                case.join(place, health)
                self._touched[health] = None
        for health in place.healths():
            member = case.members.get((health.vantage, health.check.id))
            if member and member.end is None and health.is_observed and health.verdict is State.UP:
                case.leave(member)
                self._touched[health] = None

    def _covering(self, provider: str, service: str, component: str) -> Case | None:
        own = self.cases.get(f"{service}.{component}") or self.cases.get(service)  # a planned one inside a wider one
        return own or (self.cases.get(f"provider:{provider}") if provider else None)

    def _widen(self, case: Case, affected: Set[str], now: float) -> None:
        """Let the case become what it is a part of, as far as that fails as well."""
        if case.target not in self.cases or case.breadth is Breadth.PROVIDER:
            return
        if not case.is_bad:
            return  # nothing fails at present, so nobody can tell what else would
        where = {vantage for vantage, _ in case.members}
        place = next(iter(case.places.values()))
        if case.breadth is Breadth.COMPONENT:
            is_whole = self.extent.is_whole_service(place.service, where, case.start, affected)
            if not is_whole or not self._may_cover(case, place.service, Breadth.SERVICE, now):
                return
            case = self._gather(case, place.service, Breadth.SERVICE)
        wider = f"provider:{place.provider}"
        is_whole = self.extent.is_whole_provider(place.provider, where, case.start, affected)
        if is_whole and self._may_cover(case, wider, Breadth.PROVIDER, now):
            self._gather(case, wider, Breadth.PROVIDER)

    def _may_cover(self, case: Case, target: str, breadth: Breadth, now: float) -> bool:
        """What is planned becomes no wider than was announced; and it and what is not never take each other's place."""
        there = self.cases.get(target)
        if there is not None and not can_join(case, there):
            return False
        scope = self.extent.places_in(target, breadth)
        return case.status is not Status.PLANNED or all(
            self.opening.planned_until(place, case.start, now) for place in scope
        )

    def _gather(self, case: Case, target: str, breadth: Breadth) -> Case:
        """One case of that breadth, out of all that are part of it; the one that began first stays."""
        services = self.extent.services_in(target, breadth)
        parts = [
            other
            for other in self.cases.values()
            if other.places and {place.service for place in other.places.values()} <= services and can_join(case, other)
        ]
        first = min(parts, key=lambda part: (part.start, part.opened, part.id))
        for part in parts:
            del self.cases[part.target]
            if part is not first:
                first.opened = min(first.opened, part.opened)
                first.absorb(part)
                if part.stored is not None:
                    self._ended.append(part)
        first.target, first.breadth = target, breadth
        self.cases[target] = first
        return first

    def _close(self, case: Case, now: float) -> None:
        case.closed = now
        if not case.members:
            case.status, case.end = Status.CLOSED, case.end or now
        for member in case.members.values():
            member.health.is_member = False
            if member.end is None:
                member.health.forget()  # nobody saw its end: what it will say is news
            self._touched[member.health] = None
        del self.cases[case.target]
        self._ended.append(case)
        self.opening.note_closed(case)

    def _changes(self, now: float, changed: Collection[Case], looks: int) -> Iterable[Window]:
        ended, self._ended = self._ended[:looks], self._ended[looks:]
        news = [case for case in self.cases.values() if _is_news(case)]
        due = [case for case in self.cases.values() if case in changed or now - case.looked >= self.rules.refresh]
        due.sort(key=lambda case: (case.looked, case.id))
        looked = dict.fromkeys([*ended, *news, *due][:looks])
        covered = {place.service for case in self.cases.values() for place in case.places.values()}
        peers = Contemporaries(self.cases.values(), self.rules.together)
        for case in looked:
            self._look(case, now, covered, peers)
            window = describe(case, self._titles)
            if window != case.stored:
                case.stored = window
                yield window
        self._gone += [case.id for case in ended]

    def _look(self, case: Case, now: float, covered: Set[str], peers: Contemporaries) -> None:
        """Find out again how far it reaches and why."""
        if case.status not in (Status.OPEN, Status.PLANNED) or not case.members:
            case.stage(now, case.stages[-1].reach if case.stages else case.reach)
            return
        vote, case.fine = seen_from(case, self.networks, self._resumed)
        case.stage(now, self.networks.reach(vote))
        case.cause = find_cause(case, Surroundings(self.networks, vote, peers.of(case)))
        case.unaffected = tuple(
            service
            for service in self.extent.services_of(case.provider)
            if service not in covered and self.extent.is_seen_up(service, case.vantages)
        )

    def memory(self, now: float) -> Iterable[tuple[str, str]]:
        """What changed of what must outlive a restart."""
        gone, self._gone = self._gone, []
        for case_id in gone:
            yield remember_case(case_id, None)
        for case in self.cases.values():
            if case.is_dirty and case.looked == now:
                case.is_dirty = False
                yield remember_case(case.id, case)
        yield from self.opening.memory(now)

    def resume(self, cases: Iterable[Case], memory: Mapping[str, str], now: float) -> None:
        """Take up the cases that another docket left open."""
        self._resumed = now
        for case in cases:
            names = case.stored.components if case.stored else ()
            case.places = {name: self.extent.places[name] for name in names if name in self.extent.places}
            self._take_up(case, ())
        self.opening.resume(memory)

    def shift(self, seconds: float) -> None:
        """The wall clock was set by so much."""
        self._resumed += seconds
        self.opening.shift(seconds)
        for case in self.cases.values():
            case.shift(seconds)

    def rejoin(self, health: Health, case_id: str, member: Member) -> None:
        """Take up a check's part in a case."""
        case = self._case_by_id(case_id)
        if case is not None and component_of(health) in case.places:
            case.members[health.vantage, health.check.id] = member
            health.is_member = True


def _is_news(case: Case) -> bool:
    return case.stored is None or case.stored.status is not case.status
