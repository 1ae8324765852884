"""Waiting for what happens in a thread or a process."""

import asyncio
from collections.abc import Callable


async def until(happened: Callable[[], bool], patience: float = 15.0) -> None:
    """Return once it has. Raises TimeoutError."""
    async with asyncio.timeout(patience):
        while not happened():  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.01)
