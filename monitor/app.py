"""The composition root: builds every part, starts in order, stops in reverse."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial

import structlog

from monitor import __version__
from monitor.blackbox import Blackbox, load_modules
from monitor.clock import Pulse, SystemClock
from monitor.config import ConfigError, Configuration
from monitor.domain.check import Vantage
from monitor.domain.outage import Ruling, Span
from monitor.domain.vitals import Vitals
from monitor.domain.words import Outcome, State
from monitor.judgement.judge import Judge
from monitor.judgement.rules import Rules
from monitor.metrics.exposition import Exposition, Format
from monitor.metrics.outages import OutageMetrics
from monitor.metrics.own import OwnMetrics
from monitor.metrics.probes import ProbeMetrics
from monitor.metrics.states import StateMetrics
from monitor.net.network import Network
from monitor.process import calm_collector, collect, raise_file_limit, share_interpreter
from monitor.registry import PROBES
from monitor.runner import Doubts, Runner, Slot, ask
from monitor.scheduling import Member, Schedule
from monitor.sittings import Clerk, Past, Sittings
from monitor.store import Store, StoreError
from monitor.web.backend import Backend, History, Judged, Scrape
from monitor.web.board import Board
from monitor.web.server import Listen, make_app, serve
from monitor.witnesses import Witnesses

_DRAIN = 3.0
"""Seconds that running attempts get to end by themselves at a stop; all of it must fit in 5 s."""
_FLUSH = 60.0
_FLUSH_PAUSE = 0.1
_COLLECT = 600.0
_LAG_WINDOW = 15.0
_FORGET = 86400.0

_log = structlog.get_logger(__name__)


class App:
    """One monitor. `run` it once. Raises ConfigError when its file of modules is wrong."""

    def __init__(self, configuration: Configuration, load: Callable[[], Configuration]) -> None:
        self._configuration = configuration
        self._load = load
        self._clock = SystemClock()
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._reload_wanted = asyncio.Event()
        self._schedule = Schedule(self._clock)
        self._pulse = Pulse(self._clock, self._on_clock_step)
        self._witnesses = Witnesses(self._clock)
        self._metrics = ProbeMetrics(configuration.vantage)
        self._board = Board()
        self._store = Store(configuration.store)
        self._network = make_network(configuration, self._clock)
        self._judge = Judge(Rules(quiet=configuration.quiet))
        clerk = Clerk(
            recall=self._recall,
            keep=self._keep,
            kept=self._store.kept,
            keep_seconds=self._store.keep_seconds,
            tell=lambda _: None,
        )
        self._sittings = Sittings(self._judge, self._clock, clerk)
        self._states = StateMetrics(configuration.vantage, self._judge)
        self._outages = OutageMetrics(configuration.vantage)
        self._runner = Runner(
            self._clock,
            Doubts(late_since=self._pulse.late_since, online=self._witnesses.online_since),
            (self._metrics, self._board, self._witnesses, self._sittings, self._store),
            configuration.limits.max_in_flight,
        )
        self._blackbox = Blackbox(self._network, self._clock, configuration.limits.max_in_flight)
        self._modules = load_modules(configuration.modules)
        self._blackbox.use(self._modules, configuration.web.probe_allow)
        self._slots: dict[str, Slot] = {}
        self._started = 0.0
        self._reload_ok = True
        self._reload_time = self._clock.now()

    def stop(self) -> None:
        """Begin an orderly stop; `run` returns within 5 s."""
        self._stopping.set()

    async def run(self, on_ready: Callable[[str], None]) -> None:
        """Watch until `stop`. ``on_ready`` gets the URL of the page once everything listens.

        Raises OSError when the address to listen on is taken, StoreError when the store cannot be ours.
        """
        raise_file_limit(self._configuration.limits.max_in_flight)
        share_interpreter()
        self._store.claim()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._store.close)
            listen = _listen(self._configuration)
            await serve(make_app(self._backend(), listen, self._blackbox.routes()), listen, stack)
            async with asyncio.TaskGroup() as background:
                pulse = background.create_task(self._pulse.beat())
                reloads = background.create_task(self._reload_on_request())
                telling = background.create_task(self._sittings.announce())
                with suppress(TimeoutError):  # the drain's: what still ran was cancelled
                    await self._watch(partial(on_ready, listen.url))
                pulse.cancel()
                reloads.cancel()
                telling.cancel()

    async def _watch(self, on_ready: Callable[[], None]) -> None:
        async with asyncio.timeout(None) as drain, asyncio.TaskGroup() as attempts:
            self._runner.use(attempts)
            attempts.create_task(asyncio.to_thread(self._network.contexts.read_again))
            attempts.create_task(self._sittings.begin())
            self._apply(self._configuration)
            self._schedule.every(1, self._sittings.sit)
            self._schedule.every(5, self._forget_stale)
            self._schedule.every(_FLUSH, self._flush)
            self._schedule.every(_COLLECT, collect)
            self._schedule.every(_FORGET, self._forget_old)
            self._schedule.start()
            self._started = self._clock.now()
            calm_collector()
            on_ready()
            await self._stopping.wait()
            self._schedule.stop()
            self._runner.finish()
            drain.reschedule(asyncio.get_running_loop().time() + _DRAIN)

    def request_reload(self) -> None:
        """Reload soon; what SIGHUP does."""
        self._reload_wanted.set()

    async def reload(self) -> str | None:
        """Take the configuration anew, whole or not at all; what is wrong with it, or None."""
        async with self._reloading:
            try:
                configuration = await asyncio.to_thread(self._load)
                self._modules = await asyncio.to_thread(load_modules, configuration.modules)
            except ConfigError as error:
                self._reload_ok = False
                _log.warning("configuration not taken; the old one stays", problems=str(error))
                return str(error)
            fixed = _fixed_at_start(self._configuration, configuration)
            if fixed:
                _log.warning("changed, and taken only at the next start", settings=fixed)
            await asyncio.to_thread(self._network.contexts.read_again)
            self._apply(configuration)
            self._reload_ok, self._reload_time = True, self._clock.now()
            _log.info("configuration taken", checks=len(self._slots))
            return None

    async def _reload_on_request(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            await self.reload()

    def _apply(self, configuration: Configuration) -> None:
        self._configuration = replace(configuration, written={})  # where things were written is for `explain` alone
        self._blackbox.use(self._modules, configuration.web.probe_allow)
        checks = (*configuration.checks, *configuration.witnesses)
        old, self._slots = self._slots, {}
        for check in checks:
            slot = old.get(check.id)
            if slot is None or slot.check != check:
                slot = Slot(check, PROBES[check.kind](check.settings, self._network))
            self._slots[check.id] = slot
        self._metrics.replace(checks)
        self._board.replace(checks)
        self._judge.replace(
            configuration.checks, configuration.witnesses, (configuration.vantage,), self._clock.now(), self._titles()
        )
        self._sittings.replace(configuration.vantage, configuration.maintenance)
        self._states.replace(configuration.checks)
        self._outages.replace(configuration.checks)
        self._witnesses.replace([partial(self._ask_witness, self._slots[w.id]) for w in configuration.witnesses])
        self._schedule.apply(self._member(slot) for slot in self._slots.values())

    def _member(self, slot: Slot) -> Member:
        check = slot.check
        return Member(
            key=check.id, interval=check.interval, start=partial(self._runner.launch, slot), jitter=check.foreign
        )

    async def _ask_witness(self, slot: Slot) -> bool:
        attempt, _ = await ask(slot.check, slot.probe, self._clock, (slot.rounds, 0))
        self._sittings.observe(slot.check, attempt)
        return attempt.outcome is Outcome.OK

    async def _last_day(self) -> Mapping[str, tuple[int, int]]:
        tallies = await self._store.since(self._clock.now() - 86400)
        return {check_id: (tally.ok, tally.failed) for check_id, tally in tallies.items()}

    async def _recall(self) -> Past:
        past = await self._store.resume()
        self._outages.resume(past.windows)
        return past

    def _keep(self, ruling: Ruling) -> None:
        self._outages.follow(ruling.windows)
        self._store.keep(ruling)

    async def _flush(self) -> None:
        self._sittings.settle()
        self._sittings.look_ahead()
        await self._store.flush(pause=_FLUSH_PAUSE)

    async def _forget_old(self) -> None:
        await self._store.forget(self._clock.now())

    async def _forget_stale(self) -> None:
        self._metrics.forget_stale(self._clock.now())

    def _on_clock_step(self, seconds: float) -> None:
        _log.warning("the wall clock stepped", seconds=round(seconds, 3))
        self._schedule.realign()
        self._judge.shift(seconds)

    def _backend(self) -> Backend:
        exposition = Exposition(self._metrics, OwnMetrics(self._vitals), self._states, self._outages)

        def scrape(accept: str, accept_encoding: str) -> Scrape:
            form = Format.negotiate(accept, accept_encoding)
            return Scrape(content_type=form.content_type, gzip=form.gzip, body=exposition.render(form))

        return Backend(
            clock=self._clock,
            board=self._board,
            vantage=self._vantage,
            vitals=self._vitals,
            online=lambda: self._witnesses.online,
            scrape=scrape,
            last_day=self._last_day,
            reload=self.reload,
            titles=self._titles,
            judged=Judged(
                state=self._state,
                standing=self._standing,
                windows=lambda: self._judge.windows,
                quiet=self._configuration.quiet,
            ),
            history=History(
                windows=self._store.archive.windows,
                window=self._store.archive.window,
                availability=self._store.archive.availability,
                errors=(StoreError,),
            ),
        )

    def _titles(self) -> Mapping[str, str]:
        return {service.name: service.title for service in self._configuration.services}

    def _state(self, service: str, component: str) -> State:
        account = self._judge.accounts.get((service, component))
        return account.state if account else State.UNKNOWN

    def _standing(self) -> Span | None:
        name = self._configuration.vantage.name
        state, since = self._judge.vantage_states.get(name, (None, None))
        return Span(vantage=name, state=state, start=since, end=None) if state and since is not None else None

    def _vantage(self) -> Vantage:
        return self._configuration.vantage

    def _vitals(self) -> Vitals:
        counts = self._runner.counts
        return Vitals(
            checks=len(self._slots),
            in_flight=counts.in_flight,
            max_in_flight=self._configuration.limits.max_in_flight,
            skipped=counts.skipped + self._schedule.skipped,
            lateness=counts.lateness,
            shed_ratio=self._schedule.shed_ratio,
            loop_lag=self._pulse.late_since(self._clock.monotonic() - _LAG_WINDOW),
            gaps=self._pulse.gaps,
            gap_seconds=self._pulse.gap_seconds,
            internal_errors=counts.internal_errors,
            sink_errors=counts.sink_errors,
            store_pending=self._store.pending,
            store_errors=self._store.errors,
            reload_ok=self._reload_ok,
            reload_time=self._reload_time,
            started=self._started,
        )


def make_network(configuration: Configuration, clock: SystemClock) -> Network:
    """The ladder's shared parts, with a User-Agent that says who asks."""
    contact = f" (+{configuration.contact})" if configuration.contact else ""
    return Network(clock.monotonic, clock.now, user_agent=f"lastseen/{__version__}{contact}")


def _fixed_at_start(old: Configuration, new: Configuration) -> list[str]:
    """The settings that differ and that a reload cannot change."""
    names = ("vantage", "contact", "store", "limits", "log")
    web = ("listen", "basic_auth", "bearer_token", "tls")
    changed = [name for name in names if getattr(old, name) != getattr(new, name)]
    return changed + [f"web.{name}" for name in web if getattr(old.web, name) != getattr(new.web, name)]


def _listen(configuration: Configuration) -> Listen:
    settings = configuration.web
    basic, token, tls = settings.basic_auth, settings.bearer_token, settings.tls
    return Listen(
        host=settings.listen.host,
        port=settings.listen.port,
        username=basic.username if basic else "",
        password=basic.password.get_secret_value() if basic else "",
        token=token.get_secret_value() if token else "",
        cert_file=tls.cert_file if tls else "",
        key_file=tls.key_file if tls else "",
    )
