"""Everything that one monitor is made of, wired together, and the configuration that it follows."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import structlog

from monitor import __version__
from monitor.asking import ask
from monitor.blackbox.handler import Blackbox
from monitor.blackbox.modules import load_modules
from monitor.claims import Claims
from monitor.clock import Pulse, SystemClock
from monitor.config import Configuration, Peer
from monitor.dispatch import Dispatch, Standing
from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.ruling import Ruling
from monitor.domain.words import State
from monitor.judgement.judge import Judge
from monitor.judgement.rules import Rules
from monitor.metrics.outages import OutageMetrics
from monitor.metrics.probes import ProbeMetrics
from monitor.metrics.states import StateMetrics
from monitor.net.network import Network
from monitor.net.resolve import system_name_servers
from monitor.net.second import SecondResolver
from monitor.peers import Ears, Line, Peers
from monitor.registry import PROBES
from monitor.runner import Doubts, Runner, Slot
from monitor.scheduling import Member, Schedule
from monitor.sittings import Clerk, Past, Sittings
from monitor.store import Store
from monitor.web.board import Board
from monitor.web.ring import Ring
from monitor.witnesses import Witness, Witnesses

_log = structlog.get_logger(__name__)


class Parts:
    """The parts of one monitor. Raises ConfigError when the file of /probe's modules is wrong."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.clock = SystemClock()
        self.schedule = Schedule(self.clock)
        self.pulse = Pulse(self.clock, self._on_clock_step, self.schedule.realign)
        self.network = make_network(configuration, self.clock)
        self.second = SecondResolver(self.network, system_name_servers())
        self.witnesses = Witnesses(self.clock)
        self.store = Store(configuration.store)
        self.judge = Judge(Rules(quiet=configuration.quiet))
        self.dispatch = Dispatch(
            self.clock,
            self.store,
            Standing(state_of=self.state_of, windows=lambda: self.judge.windows),
            self.network.user_agent,
        )
        self.sittings = Sittings(self.judge, self.clock, self._clerk())
        self.claims = Claims(self.store.keep)
        self.board = Board()
        self.ring = Ring()
        self.peers = Peers(self.clock, self._ears(), self.network.user_agent)
        self.metrics = ProbeMetrics(configuration.vantage)
        self.states = StateMetrics(configuration.vantage, self.judge)
        self.outages = OutageMetrics(configuration.vantage)
        self.runner = Runner(
            self.clock,
            Doubts(
                late_since=self.pulse.late_since,
                online=self.witnesses.online_since,
                resolves=self.witnesses.resolve_since,
                second=self.second.opinion,
            ),
            (self.metrics, self.board, self.witnesses, self.sittings, self.store, self.ring, self.claims),
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
        self.peers.replace([_line(peer) for peer in configuration.peers], configuration.vantage, checks)
        self.dispatch.follow(configuration)
        self._appoint()
        self.witnesses.replace(
            [Witness(w, partial(self._ask_witness, self.slots[w.id])) for w in configuration.witnesses]
        )
        self.second.replace(configuration.second_resolver)
        self.schedule.apply(self._member(slot) for slot in self.slots.values())

    def _appoint(self) -> None:
        configuration = self.configuration
        self._meet()
        self.sittings.replace(configuration.vantage, configuration.maintenance)
        self.states.replace(self._judged())
        self.outages.replace(self._judged())
        self.claims.replace(configuration.checks)

    def _meet(self) -> None:
        """Judge from our own vantage and from those of the peers, as far as they are known."""
        configuration, now = self.configuration, self.clock.now()
        vantages = (configuration.vantage, *self.peers.vantages)
        self.judge.replace(self._judged(), configuration.witnesses, vantages, now, self.titles())

    def _judged(self) -> tuple[Check, ...]:
        """The checks whose attempts say something of availability."""
        return tuple(check for check in self.configuration.checks if check.settings.evidence)

    def titles(self) -> Mapping[str, str]:
        """Names of services for people."""
        return {service.name: service.title for service in self.configuration.services}

    def _member(self, slot: Slot) -> Member:
        check = slot.check
        return Member(
            key=check.id, interval=check.interval, start=partial(self.runner.launch, slot), jitter=check.foreign
        )

    async def _ask_witness(self, slot: Slot) -> Attempt:
        """One attempt at face value, of which whoever judges hears as well."""
        attempt, _ = await ask(slot.check, slot.probe, self.clock, (slot.rounds, 0))
        self.sittings.observe(slot.check, attempt)
        self.ring.observe(slot.check, attempt)
        return attempt

    def state_of(self, service: str, component: str = "") -> State:
        """Of a component or, without one, of a whole service; unknown for what is not watched."""
        account = self.judge.accounts.get((service, component))
        return account.state if account else State.UNKNOWN

    def _clerk(self) -> Clerk:
        return Clerk(
            mind=self.pulse.mind,
            recall=self._recall,
            keep=self._keep,
            kept=self.store.kept,
            keep_seconds=self.store.keep_seconds,
            advise=self.dispatch.advise,
            tell=self.dispatch.take,
        )

    def _ears(self) -> Ears:
        return Ears(
            hear=self.sittings.hear,
            sit=self.sittings.sit,
            remember=lambda key, text: self.store.keep(Ruling(at=self.clock.now(), memory=((key, text),))),
            meet=self._meet,
        )

    async def _recall(self) -> Past:
        past = await self.store.resume()
        self.peers.recall(past.memory)
        self.outages.resume(past.windows)
        await self.dispatch.resume(past)
        self.claims.resume(past.memory)
        return past

    def _keep(self, ruling: Ruling) -> None:
        self.outages.follow(ruling.windows)
        self.store.keep(ruling)

    def _on_clock_step(self, seconds: float) -> None:
        _log.warning("the wall clock stepped", seconds=round(seconds, 3))
        self.judge.shift(seconds)
        self.peers.shift(seconds)


def _line(peer: Peer) -> Line:
    basic = peer.basic_auth
    return Line(
        url=peer.url,
        interval=peer.interval,
        token=peer.token.get_secret_value() if peer.token else "",
        username=basic.username if basic else "",
        password=basic.password.get_secret_value() if basic else "",
        ca_file=peer.ca_file or "",
    )


def make_network(configuration: Configuration, clock: SystemClock) -> Network:
    """The ladder's shared parts, with a User-Agent that says who asks."""
    contact = f" (+{configuration.contact})" if configuration.contact else ""
    return Network(clock.monotonic, clock.now, user_agent=f"lastseen/{__version__}{contact}")
