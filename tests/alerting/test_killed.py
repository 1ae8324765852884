"""kill -9 at a hundred random points between decision and delivery: nothing is lost, and nothing comes twice to
whoever honours the key."""

import asyncio
import json
import random
import sys
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.monitor import ROOT, environment
from tests.support.webhooks import serving

_KILLS = 25
_LIVES_OF_ONE_FILE = 9


class Receiver:
    """Takes letters slowly, now and then not at all, and notes the key of each: what it knows is not taken again."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.taken: list[str] = []
        self.again: Counter[str] = Counter()

    async def answer(self, request: web.Request) -> web.Response:
        if request.method != "POST":
            return web.Response()
        body = await request.text()
        fate = self._chance.random()
        if fate < 0.1:
            return web.Response(status=503)
        key = json.loads(body)["key"]
        assert key == json.loads(request.headers["Idempotency-Key"])
        if key in self.taken:
            self.again[key] += 1
        else:
            self.taken.append(key)
        await asyncio.sleep(self._chance.uniform(0, 0.01))
        return web.Response()


class Mortal:
    """`tests.alerting.mortal` in a process of its own."""

    async def start(self) -> None:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.alerting.mortal", cwd=ROOT, env=environment(), stdin=pipe, stdout=pipe
        )

    async def live(self, path: Path, port: int, seconds: float) -> int:
        """The number of the last message that this life decided."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path} {port} {seconds}\n".encode())
        await self._process.stdin.drain()
        return int(await self._process.stdout.readline())

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


@pytest.mark.parametrize("seed", range(100 // _KILLS))
async def test_nothing_is_lost_and_nothing_comes_twice_to_who_honours_the_key(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # a die that falls the same way each time
    receiver, mortal = Receiver(chance), Mortal()
    await mortal.start()
    kept, kills = 0, 0
    async with serving(receiver.answer) as port:
        while kills < _KILLS:
            path, told = tmp_path / f"{kills}.db", -1
            before = len(receiver.taken)
            for _ in range(min(_LIVES_OF_ONE_FILE, _KILLS - kills)):
                told = max(told, await mortal.live(path, port, chance.uniform(0.05, 0.4)))
                kills += 1
            last = await mortal.live(path, port, 0)
            assert last >= told
            mine = receiver.taken[before:]
            kept += last + 1
            assert len(mine) == last + 1, "every message that was decided arrived, once"
            _assert_in_order(mine)
    await mortal.stop()
    again = sum(receiver.again.values())
    counts = f"{kept} messages decided, {len(receiver.taken)} taken, {again} came again and were known by their key"
    print(f"\n{_KILLS} kills: {counts}")  # noqa: T201  # counts to report
    assert kept > _KILLS, "it was always killed too early to prove anything"


def _assert_in_order(keys: list[str]) -> None:
    talks: dict[str, list[int]] = {}
    for key in keys:
        _, talk, number, _ = key.split("/")
        talks.setdefault(talk, []).append(int(number))
    assert all(numbers == sorted(numbers) for numbers in talks.values())
