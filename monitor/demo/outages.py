"""What the running monitor says of outages, asked as anybody can ask: over its API."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from monitor.demo.day import Day
from monitor.formats.times import rfc3339
from monitor.replay.found import FoundWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One outage window as it is told now, its times in seconds of the day that is played."""

    id: str
    status: str
    window: FoundWindow

    @property
    def is_over(self) -> bool:
        """Closed: nothing more will be said of it."""
        return self.window.decided_closed is not None


async def ask(session: aiohttp.ClientSession, day: Day) -> list[Told]:
    """All outages since the day began, the first one first. Raises aiohttp.ClientError, TimeoutError."""
    query = {"since": rfc3339(day.began_at), "limit": "1000"}
    async with session.get("/api/v1/outages", params=query, raise_for_status=True) as answer:
        document = await answer.json()
    return [_told(outage, day) for outage in reversed(document["outages"])]


def _told(outage: dict[str, Any], day: Day) -> Told:
    window = FoundWindow(
        **{name: outage[name] for name in ("target", "breadth", "reach", "kind", "layer", "cause", "sentence")},
        start=_second(outage["start"], day) or 0.0,
        end=_second(outage["end"], day),
        decided_open=_second(outage["opened"], day) or 0.0,
        decided_closed=_second(outage["closed"], day),
        vantages=tuple(outage["vantages"]),
    )
    return Told(id=outage["id"], status=outage["status"], window=window)


def _second(stamp: dict[str, Any] | None, day: Day) -> float | None:
    return None if stamp is None else round(day.second_of(stamp["epoch_ms"] / 1000))
