"""Whose addresses are these? A forged answer leads to a block page, to a sinkhole or to nowhere.

Forgers of DNS answers like addresses that are nobody's: OONI's list of such
"bogons" (probe-cli, internal/netxlite/bogon.go) and the registries of special
purposes (RFC 6890) agree in what `ipaddress` calls not global.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import PUBLIC
from monitor.domain.words import Fact, Layer, Reason

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address as hosts without IPv4 see it


def check_belonging(run: Run, host: str, addresses: Sequence[str], networks: tuple[str, ...]) -> None:
    """Raise ProbeFailed dns/foreign_address when none of the addresses of ``host`` is in one of the networks."""
    if belongs(addresses, networks):
        return
    run.facts[Fact.DNS_QUESTION] = f"{host} {'AAAA' if ':' in addresses[0] else 'A'}"
    whose = "of the public Internet" if PUBLIC in networks else "in the provider's networks"
    which = "which is not" if len(addresses) == 1 else f"the first of {len(addresses)} addresses, of which none is"
    raise ProbeFailed(Layer.DNS, Reason.FOREIGN_ADDRESS, f"{host} leads to {addresses[0]}, {which} {whose}")


def belongs(addresses: Iterable[str], networks: tuple[str, ...]) -> bool:
    """Whether one of the addresses is in one of the networks; none named, all are welcome."""
    return not networks or any(_is_in(address, networks) for address in addresses)


@lru_cache(maxsize=65536)
def _is_in(text: str, networks: tuple[str, ...]) -> bool:
    # Asked at every attempt, of the same few addresses.
    address = _meant(ipaddress.ip_address(text))
    return any(
        _is_public(address) if network == PUBLIC else address in ipaddress.ip_network(network) for network in networks
    )


def _meant(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one stands for, or itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or address


def _is_public(address: _Address) -> bool:
    return address.is_global and not address.is_multicast
