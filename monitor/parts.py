"""Everything that one monitor is made of, wired together, and the configuration that it follows."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import structlog

from monitor import __version__
from monitor.blackbox import Blackbox, load_modules
from monitor.clock import Pulse, SystemClock
from monitor.config import Configuration
from monitor.domain.outage import Ruling
from monitor.domain.words import Outcome
from monitor.judgement.judge import Judge
from monitor.judgement.rules import Rules
from monitor.metrics.outages import OutageMetrics
from monitor.metrics.probes import ProbeMetrics
from monitor.metrics.states import StateMetrics
from monitor.net.network import Network
from monitor.registry import PROBES
from monitor.runner import Doubts, Runner, Slot, ask
from monitor.scheduling import Member, Schedule
from monitor.sittings import Clerk, Past, Sittings
from monitor.store import Store
from monitor.web.board import Board
from monitor.witnesses import Witnesses

_log = structlog.get_logger(__name__)


class Parts:
    """The parts of one monitor. Raises ConfigError when the file of /probe's modules is wrong."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.clock = SystemClock()
        self.pulse = Pulse(self.clock, self._on_clock_step)
        self.schedule = Schedule(self.clock)
        self.network = make_network(configuration, self.clock)
        self.witnesses = Witnesses(self.clock)
        self.store = Store(configuration.store)
        self.judge = Judge(Rules(quiet=configuration.quiet))
        self.sittings = Sittings(self.judge, self.clock, self._clerk())
        self.board = Board()
        self.metrics = ProbeMetrics(configuration.vantage)
        self.states = StateMetrics(configuration.vantage, self.judge)
        self.outages = OutageMetrics(configuration.vantage)
        self.runner = Runner(
            self.clock,
            Doubts(late_since=self.pulse.late_since, online=self.witnesses.online_since),
            (self.metrics, self.board, self.witnesses, self.sittings, self.store),
            configuration.limits.max_in_flight,
        )
        self.blackbox = Blackbox(self.network, self.clock, configuration.limits.max_in_flight)
        self.modules = load_modules(configuration.modules)
        self.slots: dict[str, Slot] = {}

    def apply(self, configuration: Configuration) -> None:
        """Follow this configuration from now on. What stays keeps its state, phase and history."""
        self.configuration = replace(configuration, written={})  # where things were written is for `explain` alone
        self.blackbox.use(self.modules, configuration.web.probe_allow)
        checks = (*configuration.checks, *configuration.witnesses)
        old, self.slots = self.slots, {}
        for check in checks:
            slot = old.get(check.id)
            if slot is None or slot.check != check:
                slot = Slot(check, PROBES[check.kind](check.settings, self.network))
            self.slots[check.id] = slot
        self.metrics.replace(checks)
        self.board.replace(checks)
        self._appoint(configuration)
        self.witnesses.replace([partial(self._ask_witness, self.slots[w.id]) for w in configuration.witnesses])
        self.schedule.apply(self._member(slot) for slot in self.slots.values())

    def _appoint(self, configuration: Configuration) -> None:
        vantages = (configuration.vantage,)
        now = self.clock.now()
        self.judge.replace(configuration.checks, configuration.witnesses, vantages, now, self.titles())
        self.sittings.replace(configuration.vantage, configuration.maintenance)
        self.states.replace(configuration.checks)
        self.outages.replace(configuration.checks)

    def titles(self) -> Mapping[str, str]:
        """Names of services for people."""
        return {service.name: service.title for service in self.configuration.services}

    def _member(self, slot: Slot) -> Member:
        check = slot.check
        return Member(
            key=check.id, interval=check.interval, start=partial(self.runner.launch, slot), jitter=check.foreign
        )

    async def _ask_witness(self, slot: Slot) -> bool:
        attempt, _ = await ask(slot.check, slot.probe, self.clock, (slot.rounds, 0))
        self.sittings.observe(slot.check, attempt)
        return attempt.outcome is Outcome.OK

    def _clerk(self) -> Clerk:
        return Clerk(
            recall=self._recall,
            keep=self._keep,
            kept=self.store.kept,
            keep_seconds=self.store.keep_seconds,
            tell=lambda _: None,
        )

    async def _recall(self) -> Past:
        past = await self.store.resume()
        self.outages.resume(past.windows)
        return past

    def _keep(self, ruling: Ruling) -> None:
        self.outages.follow(ruling.windows)
        self.store.keep(ruling)

    def _on_clock_step(self, seconds: float) -> None:
        _log.warning("the wall clock stepped", seconds=round(seconds, 3))
        self.schedule.realign()
        self.judge.shift(seconds)


def make_network(configuration: Configuration, clock: SystemClock) -> Network:
    """The ladder's shared parts, with a User-Agent that says who asks."""
    contact = f" (+{configuration.contact})" if configuration.contact else ""
    return Network(clock.monotonic, clock.now, user_agent=f"lastseen/{__version__}{contact}")
