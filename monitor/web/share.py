"""Shares of time as people read them."""

from math import floor


def percent(share: float) -> str:
    """Two places, cut and never rounded up to 100: a single failure must show."""
    # A ratio such as 0.29 lies a little below itself as a float: 29 % must not become 28.99 %.
    places = floor(round(share * 1e4, 6)) / 100
    return f"{places if share >= 1 else min(places, 99.99):g} %"
