"""What a monitor says of itself when its line, its resolver or its clock is spoilt: never that a service is down.

Real monitors, each in a home of a little internet with real servers, watch two
services that are well all the time. Their homes are spoilt side by side, long
enough for everything to fall that can, and then healed.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitor.metrics.states import VANTAGE_VALUES
from tests.support.internet import BY_ADDRESS, FUTURE, PAST, PORTAL, PORTAL_PLAIN, SECOND, Home, Internet
from tests.support.monitor import Metrics, Monitor
from tests.support.nameserver import NXDOMAIN, SERVFAIL

_INTERVAL = 2.0
_LEARNED = 12
"""Attempts after which a witness knows what is slow, and two more."""
_SPOILT = 25.0
"""Seconds: a check that only fails falls in half of it, confirmations and all."""
_FOUND = 20.0
"""Seconds within which the witnesses see through it."""
_HEALED = 30.0


@dataclass(frozen=True)
class Spoilt:
    """One way to be spoilt, and what the vantage must say of itself."""

    state: str
    spoil: Callable[[Home], None]
    slow: bool = False
    """The line can be made slow."""


def _into_a_portal(home: Home) -> None:
    home.lead("443", PORTAL)
    home.lead("!= 443", PORTAL_PLAIN)


WAYS: Mapping[str, Spoilt] = {
    "unplugged": Spoilt("offline", Home.unplug),
    "swallowed": Spoilt("offline", lambda home: home.lose("")),
    "crawling": Spoilt("offline", lambda home: home.slow_down(5.0), slow=True),
    "resolver killed": Spoilt("resolver_broken", Home.kill_resolver),
    "resolver silent": Spoilt("resolver_broken", Home.lose_questions),
    "resolver fails": Spoilt("resolver_broken", lambda home: home.lie(SERVFAIL)),
    "resolver denies": Spoilt("resolver_broken", lambda home: home.lie(NXDOMAIN)),
    "clock ahead": Spoilt("clock_wrong", lambda home: home.lead("443", PAST)),
    "clock behind": Spoilt("clock_wrong", lambda home: home.lead("443", FUTURE)),
    "portal": Spoilt("captive", _into_a_portal),
    "losing": Spoilt("degraded", lambda home: home.lose("numgen random mod 100 < 30")),
    "slow": Spoilt("degraded", lambda home: home.slow_down(0.55), slow=True),
}
BLIND = [name for name, way in WAYS.items() if way.state != "degraded"]
_CENSORED = "chat.acme.net"


def _tls(address: str, internet: Internet, **settings: Any) -> dict[str, Any]:
    return {"probe": "tls", "address": address, "tls": {"ca_file": str(internet.ca.ca_path)}, **settings}


def _service(name: str, **components: list[dict[str, Any]]) -> dict[str, Any]:
    parts = [{"name": component, "targets": targets} for component, targets in components.items()]
    pace = {"interval": f"{_INTERVAL:g}s", "timeout": "1900ms"}
    return {"name": name, "provider": name, "components": parts, **pace}


def config(internet: Internet) -> dict[str, Any]:
    trust = {"ca_file": str(internet.ca.ca_path)}
    witness = {"foreign": False, "interval": f"{_INTERVAL:g}s", "timeout": "1900ms", "network": "AS64500"}
    return {
        "vantage": {"name": "home"},
        "services": [
            _service(
                "acme",
                chat=[{"probe": "tcp", "address": "chat.acme.net:443"}],
                web=[{"probe": "https", "url": "https://www.acme.net/", "tls": trust, "expect": {"body": "hello"}}],
            ),
            _service("zeta", im=[_tls("im.zeta.com:443", internet)]),
        ],
        "witnesses": [_tls(f"{w}:443", internet, **witness) for w in ("www.alpha.net", "www.beta.org", BY_ADDRESS)],
        "second_resolver": SECOND,
    }


def broken(internet: Internet) -> dict[str, Any]:
    """The same, with three services that are really broken as seen from here."""
    made = config(internet)
    made["services"] = [
        _service("censored", chat=[_tls(f"{_CENSORED}:443", internet)]),
        _service("gone", chat=[_tls("nowhere.acme.net:443", internet)]),
        _service("closed", im=[{"probe": "tcp", "address": "im.zeta.com:9"}]),
    ]
    return made


@dataclass
class Story:
    """What one monitor said while it was spoilt and after."""

    spoilt_at: float = 0.0
    found_after: float | None = None
    spoilt: Metrics | None = None
    healed_after: float | None = None
    after: Metrics | None = None
    outages: tuple[dict[str, Any], ...] = ()
    log: str = ""


class World:
    """All homes and their monitors."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.internet = Internet(folder, stack)
        self.homes: dict[str, Home] = {}
        self.monitors: dict[str, Monitor] = {}
        self.stories = {name: Story() for name in WAYS}
        for name, way in WAYS.items():
            self.homes[name] = Home(self.internet, folder / name.replace(" ", "-"), stack, slow=way.slow)
            self.monitors[name] = self._monitor(name, config(self.internet))
        self.homes["broken"] = Home(self.internet, folder / "broken", stack, hides=_CENSORED)
        self.monitors["broken"] = self._monitor("broken", broken(self.internet))
        with ThreadPoolExecutor(2) as pool:  # a start takes a core for seconds
            list(pool.map(stack.enter_context, self.monitors.values()))

    def _monitor(self, name: str, its_config: dict[str, Any]) -> Monitor:
        home = self.homes[name]
        return Monitor(home.folder / "monitor", its_config, namespace=home.namespace)

    def state(self, name: str) -> str:
        value = self.monitors[name].metrics("lastseen_vantage_state").value("lastseen_vantage_state")
        return str(next(state for state, number in VANTAGE_VALUES.items() if number == value))

    def outages(self, name: str) -> tuple[dict[str, Any], ...]:
        return tuple(json.loads(self.monitors[name].get("/api/v1/outages").body)["outages"])

    def tell(self) -> None:
        """Let all be spoilt, and healed."""
        with ThreadPoolExecutor(len(WAYS)) as pool:
            list(pool.map(self._warm_up, WAYS))
            list(pool.map(self._spoil, WAYS))
            self._heal()
            list(pool.map(self._come_back, WAYS))

    def _warm_up(self, name: str) -> None:
        self.monitors[name].wait_for_attempts(_LEARNED, timeout=60)
        assert self.state(name) == "online"

    def _spoil(self, name: str) -> None:
        story, way = self.stories[name], WAYS[name]
        began = time.monotonic()
        story.spoilt_at = time.time()
        way.spoil(self.homes[name])
        while time.monotonic() < began + _SPOILT:
            if story.found_after is None and self.state(name) == way.state:
                story.found_after = time.monotonic() - began
            time.sleep(0.5)
        story.spoilt = self.monitors[name].metrics("lastseen_")

    def _heal(self) -> None:
        self.internet.heal()
        for home in self.homes.values():
            home.heal()

    def _come_back(self, name: str) -> None:
        story, monitor = self.stories[name], self.monitors[name]
        began = time.monotonic()
        while story.healed_after is None and time.monotonic() < began + _HEALED:
            time.sleep(0.5)
            if self.state(name) == "online":
                story.healed_after = time.monotonic() - began
        time.sleep(2 * _INTERVAL)
        story.after, story.outages, story.log = monitor.metrics("lastseen_"), self.outages(name), monitor.log


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        made = World(tmp_path_factory.mktemp("internet"), stack)
        made.tell()
        yield made


@pytest.fixture
def story(world: World, request: pytest.FixtureRequest) -> Story:
    return world.stories[request.param]


every_way = pytest.mark.parametrize("story", WAYS, indirect=True)
every_blind_way = pytest.mark.parametrize("story", BLIND, indirect=True)


@every_way
def test_the_vantage_knows_what_is_wrong_with_it(story: Story) -> None:
    assert story.found_after is not None
    assert story.found_after < _FOUND


@every_way
def test_no_service_is_blamed_not_even_for_a_moment(story: Story) -> None:
    assert story.outages == ()
    assert "says=" not in story.log, "nobody was told of an outage"
    assert story.after is not None
    assert story.after.sum("lastseen_outages_total") == 0
    assert story.after.sum("lastseen_downtime_seconds_total") == 0


@every_blind_way
def test_while_it_is_blind_nothing_is_known(story: Story) -> None:
    assert story.spoilt is not None
    assert {value for _, value in story.spoilt.all("lastseen_service_state")} == {-1}
    assert {value for _, value in story.spoilt.all("lastseen_check_state")} == {-1}


@every_blind_way
def test_the_blind_time_is_booked_from_where_it_began(story: Story) -> None:
    assert story.after is not None
    for service in ("acme", "zeta"):
        blind = story.after.value("lastseen_unobserved_seconds_total", service=service, component="")
        assert _SPOILT - 2 * _INTERVAL <= blind <= _SPOILT + _HEALED


@every_blind_way
def test_what_failed_is_booked_as_our_own_trouble(story: Story) -> None:
    assert story.spoilt is not None
    for service in ("acme", "zeta"):
        failed = story.spoilt.sum("lastseen_probe_attempts_total", service=service, outcome="failed")
        unsure = story.spoilt.sum("lastseen_probe_attempts_total", service=service, outcome="inconclusive")
        assert failed <= 2, "what a witness had vouched for a moment before"
        assert unsure >= 3


@every_way
def test_it_comes_back_to_itself(story: Story) -> None:
    assert story.healed_after is not None
    assert story.after is not None
    assert {value for _, value in story.after.all("lastseen_service_state")} == {0}


# -- and what is really broken is still seen ------------------------------------------


@pytest.fixture(scope="module")
def last(world: World) -> dict[str, dict[str, Any]]:
    """The last attempts in the home where things are broken, by target."""
    return {target: check["last"] for target, check in world.monitors["broken"].checks().items()}


def test_what_is_really_broken_has_its_window(world: World) -> None:
    assert world.state("broken") == "online"
    targets = {outage["target"] for outage in world.outages("broken")}
    assert targets == {"censored", "gone", "closed"}


def test_a_name_that_our_resolver_denies_and_another_has_is_told_from_one_that_is_gone(
    last: Mapping[str, dict[str, Any]],
) -> None:
    denied, gone = last[f"{_CENSORED}:443"], last["nowhere.acme.net:443"]
    assert denied["failure"]["reason"] == gone["failure"]["reason"] == "nxdomain"
    assert denied["facts"]["dns_elsewhere"] is True
    assert gone["facts"]["dns_elsewhere"] is False


def test_nobody_is_asked_for_a_second_opinion_about_anything_else(last: Mapping[str, dict[str, Any]]) -> None:
    assert "dns_elsewhere" not in last["im.zeta.com:9"]["facts"]
