"""What the name of an endpoint gives away."""

import ipaddress
from urllib.parse import urlsplit


def is_by_address(endpoint: str) -> bool:
    """Whether ``host``, ``host:port``, a URL or ``question @server`` is reached without looking up a name."""
    place = endpoint.rpartition("@")[2]
    if _is_address(place):
        return True
    try:
        host = urlsplit(place if "://" in place else f"//{place}").hostname
    except ValueError:
        return False
    return host is not None and _is_address(host)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
