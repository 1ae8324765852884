"""The life of a monitor: starts its parts in order, follows reloads, stops in reverse."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import partial

import structlog

from monitor.blackbox.modules import load_modules
from monitor.config import ConfigError, Configuration
from monitor.parts import Parts
from monitor.process import collect_garbage, raise_file_limit, set_aside, share_interpreter
from monitor.view import Life, View, listen_as
from monitor.web.server import make_app, serve

_DRAIN = 3.0
"""Seconds that running attempts get to end by themselves at a stop; all of it must fit in 5 s."""
_SIT = 0.5
_STALE = 5.0
_FLUSH = 60.0
_FLUSH_PAUSE = 0.1
_FORGET = 3600.0  # so often that a monitor which is started anew every day does forget

_log = structlog.get_logger(__name__)


class App:
    """One monitor. `run` it once. Raises ConfigError when its file of modules is wrong."""

    def __init__(self, configuration: Configuration, load: Callable[[], Configuration]) -> None:
        self._parts = Parts(configuration)
        self._load = load
        self._life = Life(reload_time=self._parts.clock.now())
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._reload_wanted = asyncio.Event()

    def stop(self) -> None:
        """Begin an orderly stop; `run` returns within 5 s."""
        self._stopping.set()

    async def run(self, on_ready: Callable[[str], None]) -> None:
        """Watch until `stop`. ``on_ready`` gets the URL of the page once everything listens.

        Raises OSError when the address to listen on is taken, StoreError when the store cannot be ours.
        """
        parts = self._parts
        raise_file_limit(parts.configuration.limits.max_in_flight)
        share_interpreter()
        parts.store.claim()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(parts.store.close)
            listen = listen_as(parts.configuration)
            view = View(parts, self._life)
            backend = view.backend(self.reload)
            await serve(make_app(backend, listen, parts.blackbox.routes()), listen, stack)
            async with asyncio.TaskGroup() as background:
                works = (
                    collect_garbage(),
                    parts.pulse.beat(),
                    parts.peers.follow(),
                    parts.sittings.announce(),
                    parts.dispatch.run(view.trouble),
                    self._reload_on_request(),
                )
                tasks = [background.create_task(work) for work in works]
                with suppress(TimeoutError):  # the drain's: what still ran was cancelled
                    await self._watch(partial(on_ready, listen.url))
                await parts.sittings.sit()  # what was heard since the last sitting must not be forgotten
                parts.sittings.settle()
                for task in tasks:
                    task.cancel()

    async def _watch(self, on_ready: Callable[[], None]) -> None:
        parts = self._parts
        async with asyncio.timeout(None) as drain, asyncio.TaskGroup() as attempts:
            parts.runner.use(attempts)
            parts.second.use(attempts)
            attempts.create_task(asyncio.to_thread(parts.network.contexts.read_again))
            attempts.create_task(parts.sittings.begin())
            parts.apply(parts.configuration)
            for seconds, work in (
                (_SIT, parts.sittings.sit),
                (_STALE, self._forget_stale),
                (_FLUSH, self._flush),
                (_FORGET, self._forget_old),
            ):
                parts.schedule.every(seconds, work)
            set_aside()
            parts.schedule.start()
            self._life.started = parts.clock.now()
            on_ready()
            await self._stopping.wait()
            parts.schedule.stop()
            parts.runner.finish()
            drain.reschedule(asyncio.get_running_loop().time() + _DRAIN)

    def request_reload(self) -> None:
        """Reload soon; what SIGHUP does."""
        self._reload_wanted.set()

    async def reload(self) -> str | None:
        """Take the configuration anew, whole or not at all; what is wrong with it, or None."""
        parts, life = self._parts, self._life
        async with self._reloading:
            try:
                configuration = await asyncio.to_thread(self._load)
                parts.modules = await asyncio.to_thread(load_modules, configuration.modules)
            except ConfigError as error:
                life.reload_ok = False
                _log.warning("configuration not taken; the old one stays", problems=str(error))
                return str(error)
            fixed = _fixed_at_start(parts.configuration, configuration)
            if fixed:
                _log.warning("changed, and taken only at the next start", settings=fixed)
            await asyncio.to_thread(parts.network.contexts.read_again)
            parts.apply(configuration)
            life.reload_ok, life.reload_time = True, parts.clock.now()
            _log.info("configuration taken", checks=len(parts.slots))
            return None

    async def _reload_on_request(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            await self.reload()

    async def _flush(self) -> None:
        self._parts.sittings.settle()
        self._parts.sittings.look_ahead()
        await self._parts.store.flush(pause=_FLUSH_PAUSE)

    async def _forget_stale(self) -> None:
        self._parts.metrics.forget_stale(self._parts.clock.now())

    async def _forget_old(self) -> None:
        await self._parts.store.forget(self._parts.clock.now())


def _fixed_at_start(old: Configuration, new: Configuration) -> list[str]:
    """The settings that differ and that a reload cannot change."""
    names = ("vantage", "contact", "store", "limits", "log", "quiet")
    web = ("listen", "basic_auth", "bearer_token", "tls", "url", "public")
    changed = [name for name in names if getattr(old, name) != getattr(new, name)]
    return changed + [f"web.{name}" for name in web if getattr(old.web, name) != getattr(new.web, name)]
