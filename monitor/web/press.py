"""One thread writes all pages and lists: in the loop that would hold up probes, and in many threads as well."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aiohttp import web

_T = TypeVar("_T")
_PRESS = web.AppKey("press", ThreadPoolExecutor)


async def press(app: web.Application) -> AsyncIterator[None]:
    """Have the thread for as long as the application runs; what is being written at its end goes to nobody."""
    app[_PRESS] = executor = ThreadPoolExecutor(1, "press")
    yield
    executor.shutdown(wait=False, cancel_futures=True)


async def written(request: web.Request, write: Callable[[], _T]) -> _T:
    """What ``write`` gives, which touches nothing that changes meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(request.app[_PRESS], write)
