"""The moments that people write: ``2022-10-25T07:02:00Z``, ``2022-10-25``, ``1666681320000``, ``7d``."""

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DIGITS = re.compile(r"[0-9]{1,15}")
_OLDEST_MS = 10**11
"""Below this an epoch time was meant in seconds: as milliseconds it would be before March 1973."""
_LAST = 253402300799.0
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,20})?)?(?:[Zz]|[+-]\d\d:\d\d))?", re.ASCII)
_FORMS = "2022-10-25T07:02:00Z, 2022-10-25, epoch milliseconds, or how long ago, such as 7d"


def moment(text: str, now: float) -> float:
    """Unix seconds. A date alone is its first second in UTC. Raises ValueError with a sentence."""
    ago = _AGO.fullmatch(text)
    if ago:
        return max(0.0, now - float(ago[1]) * _SECONDS[ago[2]])
    if _DIGITS.fullmatch(text):
        return _from_epoch(int(text))
    if not _DATE.fullmatch(text):
        raise ValueError(f"write {_FORMS}" + _zone_hint(text))
    try:
        read = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise ValueError(f"there is no such time: {error}") from error
    return _seconds(read if read.tzinfo else read.replace(tzinfo=UTC))


def _from_epoch(milliseconds: int) -> float:
    if milliseconds < _OLDEST_MS:
        raise ValueError("an epoch time is written in milliseconds")
    return _checked(milliseconds / 1000)


def _seconds(read: datetime) -> float:
    # Not `timestamp()`: an offset may lead out of the years that datetime knows.
    seconds = (read.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)
    offset = read.utcoffset() or timedelta()
    return _checked(max(0.0, seconds - offset.total_seconds()))


def _checked(seconds: float) -> float:
    if seconds > _LAST:
        raise ValueError("it lies after the year 9999")
    return seconds


def _zone_hint(text: str) -> str:
    if re.fullmatch(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?", text):
        return "; a time of day needs its zone: Z for UTC"
    return ""
