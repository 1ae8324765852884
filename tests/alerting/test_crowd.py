"""5,000 checks of one provider fail in one interval: one alert."""

import random
from heapq import heapify, heappop, heappush

from monitor.alerting.desk import Desk
from monitor.domain.alert import Message, Route
from monitor.domain.check import Check
from monitor.domain.words import Breadth, Event
from monitor.judgement.judge import Judge
from tests.judgement.court import CONFIRMATIONS, FINE, HERE, REFUSED, T0, attempt, check

_SERVICES, _COMPONENTS, _TARGETS = 25, 10, 20
_INTERVAL = 10.0


def _checks(provider: str) -> list[Check]:
    return [
        check(f"c{part}", f"{provider}-{number}", provider=provider, target=f"t{target}", interval=_INTERVAL)
        for number in range(_SERVICES)
        for part in range(_COMPONENTS)
        for target in range(_TARGETS)
    ]


class World:
    """A judge and a desk, and checks that run once in each interval, each at its own moment, and confirm a failure."""

    def __init__(self, *providers: str) -> None:
        self.checks = [one for provider in providers for one in _checks(provider)]
        chance = random.Random(5000)  # noqa: S311  # a die that falls the same way each time
        self._due = [(chance.uniform(0, _INTERVAL), number, 0) for number in range(len(self.checks))]
        heapify(self._due)
        self._failing: set[int] = set()
        self.judge, self.desk = Judge(), Desk()
        self.judge.replace(self.checks, (), (HERE,), T0)
        self.desk.replace((Route(name="r", channels=()),), ())
        self.messages: list[Message] = []

    def live(self, since: float, until: float, fault: float) -> None:
        """Sit twice a second. The provider ``doomed`` is down from ``fault`` on."""
        now = since
        while now < until:
            while self._due[0][0] <= now:
                self._run(*heappop(self._due), fault)
            self.messages += self.desk.decide(self.judge.sit(T0 + now)).messages
            now += 0.5

    def _run(self, due: float, number: int, confirmation: int, fault: float) -> None:
        one = self.checks[number]
        is_down = one.provider == "doomed" and due >= fault
        if is_down and number not in self._failing:
            self._failing.add(number)
            for later, seconds in enumerate(CONFIRMATIONS, 1):
                heappush(self._due, (due + seconds, number, later))
        self.judge.observe(HERE.name, one, attempt(one, T0 + due, REFUSED if is_down else FINE, confirmation))
        if not confirmation:
            heappush(self._due, (due + _INTERVAL, number, 0))


def test_five_thousand_checks_of_one_provider_that_fail_in_one_interval_are_one_alert() -> None:
    world = World("doomed", "steady")
    world.live(0, 25, fault=1e9)
    assert world.messages == []
    world.live(25, 60, fault=25)
    assert [message.event for message in world.messages] == [Event.OPENED]
    (window,) = world.messages[0].windows
    assert (window.breadth, window.provider, len(window.services)) == (Breadth.PROVIDER, "doomed", _SERVICES)
