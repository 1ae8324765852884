import time

import pytest
from pydantic import ValidationError

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Route
from monitor.domain.words import Fact, Layer, Reason
from monitor.net.belonging import belongs, check_belonging

# probe-cli, internal/netxlite/bogon.go: what no public name leads to
BOGONS = [
    "0.1.2.3",
    "10.10.34.35",
    "100.64.0.1",
    "127.0.0.1",
    "127.0.53.53",
    "169.254.1.1",
    "172.16.5.4",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "fd00::1",
    "fe80::1",
    "ff02::1",
    "2001:db8::1",
    "2001:0:a00:1::1",
    "2002:a0a:2223::1",
    "64:ff9b::a0a:2223",
]
PUBLIC = ["157.240.1.53", "8.8.8.8", "2a03:2880:f001::1", "64:ff9b::9df0:135"]


@pytest.mark.parametrize("address", BOGONS)
def test_a_bogon_is_not_in_the_public_internet(address: str) -> None:
    assert not belongs([address], ("public",))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_everybody_can_reach_is_public(address: str) -> None:
    assert belongs([address], ("public",))


@pytest.mark.parametrize(
    ("addresses", "networks", "is_theirs"),
    [
        (["10.10.34.35"], (), True),
        (["157.240.1.53"], ("157.240.0.0/16",), True),
        (["157.241.1.53"], ("157.240.0.0/16",), False),
        (["157.241.1.53"], ("157.240.0.0/16", "157.241.1.53/32"), True),
        (["157.241.1.53", "157.240.1.53"], ("157.240.0.0/16",), True),
        (["2a03:2880:f001::1"], ("157.240.0.0/16", "2a03:2880::/32"), True),
        (["2a03:2881:f001::1"], ("157.240.0.0/16", "2a03:2880::/32"), False),
        (["64:ff9b::9df0:135"], ("157.240.0.0/16",), True),  # as a host without IPv4 sees it
        (["10.10.34.35"], ("public", "10.10.0.0/16"), True),
    ],
)
def test_one_address_in_one_of_the_networks_is_enough(
    addresses: list[str], networks: tuple[str, ...], is_theirs: bool
) -> None:
    assert belongs(addresses, networks) is is_theirs


@pytest.mark.parametrize(
    ("addresses", "networks", "message"),
    [
        (["10.10.34.35"], ("public",), "w.example leads to 10.10.34.35, which is not of the public Internet"),
        (
            ["fd00::1", "fd00::2"],
            ("2a03:2880::/32",),
            "w.example leads to fd00::1, the first of 2 addresses, of which none is in the provider's networks",
        ),
    ],
)
def test_the_failure_names_the_first_and_the_number_and_leaves_the_question(
    addresses: list[str], networks: tuple[str, ...], message: str
) -> None:
    run = Run(time.monotonic)
    with pytest.raises(ProbeFailed) as raised:
        check_belonging(run, "w.example", addresses, networks)
    assert (raised.value.layer, raised.value.reason, raised.value.message) == (
        Layer.DNS,
        Reason.FOREIGN_ADDRESS,
        message,
    )
    assert run.facts[Fact.DNS_QUESTION] == f"w.example {'AAAA' if ':' in addresses[0] else 'A'}"


@pytest.mark.parametrize("networks", ["everywhere", "157.240.1.0/16", "", ("public", "x/8")])
def test_networks_are_cidr_or_public(networks: str | tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="not a network"):
        Route.model_validate({"networks": networks})


def test_what_a_proxy_resolves_cannot_be_judged() -> None:
    with pytest.raises(ValidationError, match="networks and proxy exclude each other"):
        Route.model_validate({"networks": "public", "proxy": "socks5://127.0.0.1:1080"})
