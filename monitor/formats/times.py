"""Moments and durations, for programs and for people. Always UTC, and said so."""

from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(seconds: float) -> datetime:
    """Unix seconds, to the nearest millisecond."""
    return _EPOCH + timedelta(milliseconds=round(seconds * 1000))


def rfc3339(seconds: float) -> str:
    """``2022-10-25T07:02:00.000Z``."""
    return utc(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stamp_as_json(seconds: float | None) -> dict[str, Any] | None:
    """Unix seconds as RFC 3339 and as epoch milliseconds; None for None and for 0, which is never."""
    return {"rfc3339": rfc3339(seconds), "epoch_ms": round(seconds * 1000)} if seconds else None


def clock(seconds: float) -> str:
    """``2022-10-25 07:02:00 UTC``."""
    return f"{_day(seconds)} {_hour(seconds)} UTC"


def span(start: float, end: float | None) -> str:
    """``2022-10-25 07:02:00 - 09:30:00 UTC``, the second day only where it differs; ``since ...`` without an end."""
    if end is None:
        return f"since {clock(start)}"
    first, last = _day(start), _day(end)
    return f"{first} {_hour(start)} - {'' if first == last else f'{last} '}{_hour(end)} UTC"


def between(after: float | None, at: float) -> str:
    """What is known of a moment that was seen ``at``, and had not come ``after``."""
    if after is None:
        return f"at {clock(at)} or before"
    last = _hour(at) if _day(after) == _day(at) else f"{_day(at)} {_hour(at)}"
    return f"between {_day(after)} {_hour(after)} and {last} UTC"


def lasting(seconds: float) -> str:
    """A duration as people say it, in its two largest units: ``40 s``, ``3 min 20 s``, ``2 h 55 min``, ``3 d 4 h``."""
    whole = max(0, round(seconds))
    units = (("d", whole // 86400), ("h", whole // 3600 % 24), ("min", whole // 60 % 60), ("s", whole % 60))
    first = next((place for place, (_, count) in enumerate(units) if count), len(units) - 1)
    words = [f"{count} {name}" for name, count in units[first : first + 2] if count]
    return " ".join(words) or "0 s"


def _day(seconds: float) -> str:
    return utc(seconds).date().isoformat()


def _hour(seconds: float) -> str:
    return utc(seconds).time().isoformat(timespec="seconds")
