"""One TCP connection to a numeric address, and a second one for a question about the first."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from typing_extensions import override

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeError, ProbeFailed, ProbeInconclusive
from monitor.domain.settings import Tls
from monitor.domain.words import Phase, Reason
from monitor.net.faults import os_fault
from monitor.net.room import require_room
from monitor.net.stream import Stream
from monitor.net.tls import TlsContexts

_BROKEN = (Reason.RESET, Reason.CLOSED)


async def dial(run: Run, contexts: TlsContexts, address: tuple[str, int], source: str | None = None) -> Stream:
    """A stream to ``address`` (numeric host, port), from the local address ``source``; the caller closes it.

    Raises ProbeFailed or ProbeInconclusive in the current phase.
    """
    loop = asyncio.get_running_loop()
    local = (source, 0) if source else None
    made = partial(_Dialled, run, contexts, loop, partial(_answers, contexts, address, source))
    try:
        _, stream = await loop.create_connection(made, *address, local_addr=local)
    except OSError as error:
        raise os_fault(run, error, address[0]) from error
    try:
        require_room(stream.descriptor)
    except ProbeInconclusive:
        stream.close()
        raise
    return stream


class _Dialled(Stream):
    """A stream that asks whether it was the name, when its TLS hello is the last thing that ever went through.

    Filters that read the server's name in the hello (SNI, RFC 6066 section 3)
    break the connection then, and let one to the same address pass that names
    somebody else. Only where the settings have a neutral name; one connection.
    """

    def __init__(
        self,
        run: Run,
        contexts: TlsContexts,
        loop: asyncio.AbstractEventLoop,
        answers: Callable[[Tls, str], Awaitable[bool]],
    ) -> None:
        super().__init__(run, contexts, loop)
        self._answers = answers

    @override
    async def start_tls(self, tls: Tls, server_name: str) -> None:
        try:
            await super().start_tls(tls, server_name)
        except ProbeFailed as failure:
            if tls.neutral_name is None or self.heard or failure.reason not in _BROKEN:
                raise
            before, self._run.excuse = self._run.excuse, failure  # what a deadline would cut off happened all the same
            is_the_name = await self._answers(tls, tls.neutral_name)
            self._run.excuse = before
            if is_the_name:
                but = f"but after one that names {tls.neutral_name} it answers"
                raise self._run.failed(Reason.NAME_RESET, f"{failure.message}, {but}") from failure
            raise


async def _answers(contexts: TlsContexts, address: tuple[str, int], source: str | None, tls: Tls, name: str) -> bool:
    """Whether ``address`` answers a TLS hello that names ``name``, with whatever certificate or alert."""
    # A run of its own: what is seen there are no facts of the attempt.
    run = Run(asyncio.get_running_loop().time)
    run.enter(Phase.TLS)
    lenient = Tls(verify=False, min_version=tls.min_version, max_version=tls.max_version, alpn=tls.alpn)
    try:
        async with await dial(run, contexts, address, source) as stream:
            try:
                await stream.start_tls(lenient, name)
            except ProbeFailed as failure:
                return stream.heard and failure.reason is not Reason.MALFORMED
            return True
    except ProbeError:
        return False
