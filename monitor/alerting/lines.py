"""A channel in use: handing a letter over, and finding out whether that would work."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from monitor.domain.alert import ChannelFailed, Letter, Way
from monitor.domain.ports import Channel, Clock

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A channel, ready to send."""

    way: Way
    channel: Channel


class Health(NamedTuple):
    """How a channel's last check ended."""

    ok: bool
    permanent: bool
    """It will not work later either."""
    why: str
    at: float


async def hand_over(write: Callable[[], Letter], line: Line) -> str | ChannelFailed:
    """What the channel returned, or why it did not take the letter that ``write`` puts into words."""
    limit = line.way.settings.longest
    try:
        async with asyncio.timeout(limit):
            return await line.channel.send(write())
    except ChannelFailed as failure:
        return failure
    except TimeoutError:
        return ChannelFailed(f"no answer within {limit:g} s")
    except Exception as error:  # noqa: BLE001  # a fault in one channel costs that channel only
        return _faulty(line, error)


async def check(line: Line, clock: Clock) -> Health:
    """Whether the channel would take a letter."""
    limit = line.way.settings.longest
    try:
        async with asyncio.timeout(limit):
            await line.channel.check()
    except ChannelFailed as error:
        failure = error
    except TimeoutError:
        failure = ChannelFailed(f"no answer within {limit:g} s")
    except Exception as error:  # noqa: BLE001  # a fault in one channel's check costs that channel only
        failure = _faulty(line, error)
    else:
        return Health(ok=True, permanent=False, why="", at=clock.now())
    _log.warning("a channel would not work now", channel=line.way.name, why=failure.message)
    return Health(ok=False, permanent=failure.permanent, why=failure.message, at=clock.now())


def _faulty(line: Line, error: Exception) -> ChannelFailed:
    """A bug of ours."""
    _log.error("a fault of ours in a channel", channel=line.way.name, error=type(error).__name__, where=place_of(error))
    return ChannelFailed("a fault of ours in this channel", permanent=True)


def place_of(error: Exception) -> str:
    """File and line at which it was raised: what it says may hold a URL with a token, and stays unsaid."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
