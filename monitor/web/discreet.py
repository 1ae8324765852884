"""Windows as strangers may read them: what broke and from where it was seen, not at which host and in which words."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from monitor.domain.claim import Said
from monitor.domain.outage import OutageQuery, Window
from monitor.web.backend import Backend, Noted


def discreet(backend: Backend) -> Backend:
    """The same backend, which names no host, address or target, and quotes no server but status pages."""
    history, judged = backend.history, backend.judged

    async def windows(query: OutageQuery) -> Sequence[Noted]:
        return [(_veiled(window), notes) for window, notes in await history.windows(query)]

    async def window(window_id: str) -> Noted | None:
        found = await history.window(window_id)
        return None if found is None else (_veiled(found[0]), found[1])

    async def claims(services: Collection[str], since: float, until: float) -> Sequence[Said]:
        return [_unsigned(said) for said in await history.claims(services, since, until)]

    return replace(
        backend,
        claims=lambda: [_unsigned(said) for said in backend.claims()],
        history=replace(history, windows=windows, window=window, claims=claims),
        judged=replace(judged, windows=lambda: [_veiled(window) for window in judged.windows()]),
    )


def _unsigned(said: Said) -> Said:
    """What a provider says everybody may know; of the check that read it only its service and component are left."""
    return replace(said, source="/".join(said.source.split("/")[:2]))


def _veiled(window: Window) -> Window:
    """Of a check only its service and component are left."""
    evidence = tuple(
        replace(item, check_id="/".join(item.check_id.split("/")[:2]), message="") for item in window.evidence
    )
    return replace(window, evidence=evidence)
