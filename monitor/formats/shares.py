"""Shares of time as people read them."""

from math import floor


def percent(share: float) -> str:
    """Two places at most: ``99.97 %``."""
    return f"{cut(share, 2):g} %"


def cut(share: float, places: int) -> float:
    """In percent, cut and never rounded up to 100: a single failure must show."""
    # A share such as 0.29 lies a little below itself as a float: 29 % must not become 28.99 %.
    return 100.0 if share >= 1 else min(floor(round(share * 100 * 10**places, 6)) / 10**places, 100 - 10**-places)
