"""One TCP connection to a numeric address."""

import asyncio

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeInconclusive
from monitor.net.faults import os_fault
from monitor.net.room import require_room
from monitor.net.stream import Stream
from monitor.net.tls import TlsContexts


async def dial(run: Run, contexts: TlsContexts, address: tuple[str, int], source: str | None = None) -> Stream:
    """A stream to ``address`` (numeric host, port), from the local address ``source``; the caller closes it.

    Raises ProbeFailed or ProbeInconclusive in the current phase.
    """
    loop = asyncio.get_running_loop()
    local = (source, 0) if source else None
    try:
        _, stream = await loop.create_connection(lambda: Stream(run, contexts, loop), *address, local_addr=local)
    except OSError as error:
        raise os_fault(run, error, address[0]) from error
    try:
        require_room(stream.descriptor)
    except ProbeInconclusive:
        stream.close()
        raise
    return stream
