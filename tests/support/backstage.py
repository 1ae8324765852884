"""Asyncio servers for tests that are not asynchronous: a loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar

_T = TypeVar("_T")


class Backstage:
    """Enters asynchronous context managers in its own loop and leaves all of them at the end.

    ``step_in`` is what its thread does first: into a namespace, where then all its sockets are.
    """

    def __init__(self, step_in: Callable[[], None] = lambda: None) -> None:
        self._loop = asyncio.new_event_loop()
        self._step_in = step_in
        self._thread = threading.Thread(target=self._run, name="backstage")
        self._stack = AsyncExitStack()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stack.aclose(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        self._step_in()
        self._loop.run_forever()

    def enter(self, manager: AbstractAsyncContextManager[_T]) -> _T:
        """What ``async with manager`` would give, until the end."""
        return asyncio.run_coroutine_threadsafe(self._stack.enter_async_context(manager), self._loop).result(10)
