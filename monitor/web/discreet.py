"""Windows as strangers may read them: what broke and from where it was seen, not at which host and in which words."""

from collections.abc import Sequence
from dataclasses import replace

from monitor.domain.outage import OutageQuery, Window
from monitor.web.backend import Backend, Noted


def discreet(backend: Backend) -> Backend:
    """The same backend, whose windows name no host, address or target, and quote no server."""
    history, judged = backend.history, backend.judged

    async def windows(query: OutageQuery) -> Sequence[Noted]:
        return [(_veiled(window), notes) for window, notes in await history.windows(query)]

    async def window(window_id: str) -> Noted | None:
        found = await history.window(window_id)
        return None if found is None else (_veiled(found[0]), found[1])

    return replace(
        backend,
        history=replace(history, windows=windows, window=window),
        judged=replace(judged, windows=lambda: [_veiled(window) for window in judged.windows()]),
    )


def _veiled(window: Window) -> Window:
    """Of a check only its service and component are left."""
    evidence = tuple(
        replace(item, check_id="/".join(item.check_id.split("/")[:2]), message="") for item in window.evidence
    )
    return replace(window, evidence=evidence)
