"""Other ways to make a fresh probe: blackbox_exporter behind a busy client, and a plain aiohttp client."""

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
import uvloop

from bench.processes import MACHINE, Process
from bench.servers import Site

_AT_ONCE = 20
_WARM_UP = 100


async def _keep_busy(act: Callable[[], Awaitable[None]], count: int) -> None:
    """Call ``act`` so often, twenty calls always under way."""

    async def work() -> None:
        for _ in range(count // _AT_ONCE):
            await act()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(_AT_ONCE):
            tasks.create_task(work())


def blackbox_cost(exporter: tuple[Process, int], site: Site, kind: str, count: int) -> float:
    """CPU seconds of the exporter a probe. The client that drives it, over kept connections, is not counted."""
    process, port = exporter
    url = f"http://127.0.0.1:{port}/probe?module={kind}&target={site.target(kind)}"

    async def drive() -> float:
        async with aiohttp.ClientSession(headers={"Accept-Encoding": "identity"}) as session:

            async def probe() -> None:
                async with session.get(url) as response:
                    if b"\nprobe_success 1" not in await response.read():
                        raise RuntimeError(f"blackbox_exporter failed to probe {url}")

            await _keep_busy(probe, _WARM_UP)
            before = process.cpu()
            await _keep_busy(probe, count)
            return (process.cpu() - before) / count

    return asyncio.run(drive())


def aiohttp_cost(site: Site, kind: str, count: int) -> float:
    """CPU seconds a fresh request of an aiohttp client on uvloop, in a process of its own."""
    cpus = ",".join(map(str, MACHINE))
    command = ["taskset", "--cpu-list", cpus, sys.executable, "-m", "bench.rivals"]
    arguments = [site.target(kind), str(site.ca_file), str(count)]
    ended = subprocess.run([*command, *arguments], check=True, capture_output=True)
    return float(json.loads(ended.stdout))


async def _aiohttp(url: str, ca_file: str, count: int) -> float:
    context = ssl.create_default_context(cafile=ca_file)
    connector = aiohttp.TCPConnector(force_close=True, ssl=context, limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask() -> None:
            async with session.get(url) as response:
                await response.read()
                response.raise_for_status()

        await _keep_busy(ask, _WARM_UP)
        before = time.process_time()
        await _keep_busy(ask, count)
        return (time.process_time() - before) / count


def _main() -> None:
    parser = argparse.ArgumentParser(description="An aiohttp client that weighs itself.")
    parser.add_argument("url")
    parser.add_argument("ca_file")
    parser.add_argument("count", type=int)
    given = parser.parse_args()
    work = _aiohttp(given.url, given.ca_file, given.count)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(work)))


if __name__ == "__main__":
    _main()
