from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from monitor.blackbox.handler import Blackbox
from monitor.blackbox.modules import load_modules
from monitor.clock import SystemClock
from monitor.net.network import Network
from tests.support.blackbox import Answer, BlackboxExporter, probe
from tests.support.certificates import CertificateAuthority


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """Our endpoint on loopback, and a client for both."""

    blackbox: Blackbox
    base: str
    session: aiohttp.ClientSession

    async def probe(self, module: str, target: str, **more: str) -> Answer:
        return await probe(self.session, self.base, {"module": module, "target": target, **more})


Serve = Callable[..., AbstractAsyncContextManager[Ours]]


@pytest.fixture
def serve() -> Serve:
    """Run our endpoint with a file of modules and patterns of targets."""

    @asynccontextmanager
    async def run(
        modules: Path | None, allow: tuple[str, ...] | None = None, at_once: int = 100
    ) -> AsyncIterator[Ours]:
        clock = SystemClock()
        blackbox = Blackbox(Network(clock.monotonic, clock.now), clock, at_once)
        blackbox.use(load_modules(modules), allow)
        app = web.Application()
        app.add_routes(blackbox.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            async with aiohttp.ClientSession() as session:
                yield Ours(blackbox=blackbox, base=f"http://127.0.0.1:{port}", session=session)
        finally:
            await runner.cleanup()

    return run


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], BlackboxExporter]]:
    """The reference, started once for each file of modules."""
    started: dict[Path, BlackboxExporter] = {}

    def start(modules: Path) -> BlackboxExporter:
        if modules not in started:
            started[modules] = BlackboxExporter(tmp_path_factory.mktemp("reference"), modules).__enter__()
        return started[modules]

    yield start
    for exporter in started.values():
        exporter.__exit__(None, None, None)
