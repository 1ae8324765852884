"""Other ways to make a fresh probe: blackbox_exporter behind a paced client, and a plain aiohttp client."""

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import uvloop

from bench.processes import PROBER, Process
from bench.servers import Site

_WARM_UP = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often and how long, in seconds; the same for all contestants of a round."""

    rate: float
    seconds: float

    async def keep(self, act: Callable[[], Awaitable[None]], seconds: float = 0.0) -> int:
        """Call ``act`` at the rate, whether or not earlier calls have ended; how often."""
        count = round(self.rate * (seconds or self.seconds))
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for number in range(count):
                await asyncio.sleep(began + number / self.rate - loop.time())
                tasks.create_task(_awaited(act))
        return count


async def _awaited(act: Callable[[], Awaitable[None]]) -> None:
    await act()


def blackbox_cost(exporter: tuple[Process, int], site: Site, kind: str, pace: Pace) -> float:
    """CPU seconds of the exporter a probe. The client that drives it, over kept connections, is not counted."""
    process, port = exporter
    url = f"http://127.0.0.1:{port}/probe?module={kind}&target={site.target(kind)}"

    async def drive() -> float:
        async with aiohttp.ClientSession(headers={"Accept-Encoding": "identity"}) as session:

            async def probe() -> None:
                async with session.get(url) as response:
                    if b"\nprobe_success 1" not in await response.read():
                        raise RuntimeError(f"blackbox_exporter failed to probe {url}")

            await pace.keep(probe, _WARM_UP)
            before = process.cpu()
            count = await pace.keep(probe)
            return (process.cpu() - before) / count

    return asyncio.run(drive())


def aiohttp_cost(site: Site, kind: str, pace: Pace) -> float:
    """CPU seconds a fresh request of an aiohttp client on uvloop, in a process and on the core of the prober."""
    cpus = ",".join(map(str, PROBER))
    command = ["taskset", "--cpu-list", cpus, sys.executable, "-m", "bench.rivals", site.target(kind)]
    arguments = [str(site.ca_file), str(pace.rate), str(pace.seconds)]
    ended = subprocess.run([*command, *arguments], check=True, capture_output=True)
    return float(json.loads(ended.stdout))


async def _aiohttp(url: str, ca_file: str, pace: Pace) -> float:
    context = ssl.create_default_context(cafile=ca_file)
    connector = aiohttp.TCPConnector(force_close=True, ssl=context, limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask() -> None:
            async with session.get(url) as response:
                await response.read()
                response.raise_for_status()

        await pace.keep(ask, _WARM_UP)
        before = time.process_time()
        count = await pace.keep(ask)
        return (time.process_time() - before) / count


def _main() -> None:
    parser = argparse.ArgumentParser(description="An aiohttp client that weighs itself.")
    parser.add_argument("url")
    parser.add_argument("ca_file")
    parser.add_argument("rate", type=float)
    parser.add_argument("seconds", type=float)
    given = parser.parse_args()
    work = _aiohttp(given.url, given.ca_file, Pace(rate=given.rate, seconds=given.seconds))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(work)))


if __name__ == "__main__":
    _main()
