"""A program for a place without DNS: one letter by each channel, and what came of it as JSON."""

import asyncio
import json
import sys
from typing import Any

import aiohttp

from monitor.domain.alert import ChannelFailed
from monitor.registry import CHANNEL_SETTINGS, CHANNELS
from tests.support.letters import a_letter


async def _try(kind: str, values: dict[str, Any], session: aiohttp.ClientSession) -> dict[str, Any]:
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    channel = CHANNELS[kind](CHANNEL_SETTINGS[kind].model_validate(values), session)
    try:
        await channel.send(a_letter())
    except ChannelFailed as failure:
        return {"message": failure.message, "permanent": failure.permanent, "retry_after": failure.retry_after}
    raise AssertionError(f"{kind} sent a letter into nothing")


async def _main() -> None:
    async with aiohttp.ClientSession() as session:
        told = {kind: await _try(kind, values, session) for kind, values in json.loads(sys.argv[1]).items()}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(_main())
