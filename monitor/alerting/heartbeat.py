"""The dead man's switch: somebody elsewhere hears from us as long as we work, and notices when we do not.

In the manner of healthchecks.io: a GET of ``URL/start`` when the monitor starts, of ``URL`` while its schedule
runs on time, of ``URL/fail`` while it does not.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

import aiohttp
import structlog

from monitor.domain.alert import Heartbeat

_TIMEOUT = aiohttp.ClientTimeout(total=10.0)

_FIRST = 15.0
"""Seconds from the start until it can be told whether we work."""
_LOOK = 5.0

_log = structlog.get_logger(__name__)


class Pacemaker:
    """Beats until cancelled."""

    def __init__(self, plan: Callable[[], Heartbeat | None]) -> None:
        self._plan = plan
        self.results: Counter[str] = Counter(ok=0, fail=0, error=0)
        """Beats that were taken, by what they said; and those that were not."""

    async def run(self, session: aiohttp.ClientSession, trouble: Callable[[], str | None]) -> None:
        """Beat as the plan says, which a reload may change. ``trouble``: why we do not work, if we do not."""
        begun = False
        while True:
            plan = self._plan()
            if plan is None:
                await asyncio.sleep(_LOOK)
                continue
            base = plan.url.rstrip("/")
            if not begun:
                await self._beat(session, f"{base}/start", "ok")
                await asyncio.sleep(min(plan.interval, _FIRST))
                begun = True
            ill = trouble() is not None
            await self._beat(session, f"{base}/fail" if ill else base, "fail" if ill else "ok")
            await asyncio.sleep(plan.interval)

    async def _beat(self, session: aiohttp.ClientSession, url: str, result: str) -> None:
        try:
            async with session.get(url, timeout=_TIMEOUT, allow_redirects=False) as response:
                if response.status < 300:
                    self.results[result] += 1
                    return
                why = f"status {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            why = type(error).__name__  # what it says may hold the URL, and that a token
        self.results["error"] += 1
        _log.warning("heartbeat not taken", why=why)
