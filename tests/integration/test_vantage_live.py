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

_QUICK, _CALM = 2.0, 4.0
"""Intervals in seconds; a deadline is a tenth of a second less."""
_LEARNED = 12
"""Attempts after which a witness knows what is slow, and two more."""
_SPOILT = 25.0
"""Seconds: a check that only fails falls in half of it, confirmations and all."""
_FOUND = 20.0
"""Seconds within which the witnesses see through it; chance may need longer than certainty, but not"""
_FOUND_BY_CHANCE = 50.0
_HEALED = 60.0
"""Seconds within which all is well again: what was slow is doubted for some more attempts."""


@dataclass(frozen=True)
class Way:
    """One way to be spoilt, and what the vantage must say of itself."""

    state: str
    spoil: Callable[[Home], None]
    slow: bool = False
    """The line can be made slow."""
    pace: float = _QUICK
    """The interval of the services. Where one packet in three is lost, a longer deadline is what a service needs not to
    fall by chance before the witnesses could see anything."""
    found: float = _FOUND


def _into_a_portal(home: Home) -> None:
    home.lead("443", PORTAL)
    home.lead("!= 443", PORTAL_PLAIN)


def _lose_a_third(home: Home) -> None:
    home.lose("numgen random mod 100 < 30")


WAYS: Mapping[str, Way] = {
    "unplugged": Way("offline", Home.unplug),
    "swallowed": Way("offline", lambda home: home.lose("")),
    "crawling": Way("offline", lambda home: home.slow_down(5.0), slow=True),
    "resolver killed": Way("resolver_broken", Home.kill_resolver),
    "resolver silent": Way("resolver_broken", Home.lose_questions),
    "resolver fails": Way("resolver_broken", lambda home: home.lie(SERVFAIL)),
    "resolver denies": Way("resolver_broken", lambda home: home.lie(NXDOMAIN)),
    "clock ahead": Way("clock_wrong", lambda home: home.lead("443", PAST)),
    "clock behind": Way("clock_wrong", lambda home: home.lead("443", FUTURE)),
    "portal": Way("captive", _into_a_portal),
    "losing": Way("degraded", _lose_a_third, pace=_CALM, found=_FOUND_BY_CHANCE),
    "slow": Way("degraded", lambda home: home.slow_down(0.55), slow=True),
}
BLIND = [name for name, way in WAYS.items() if way.state != "degraded"]
_BROKEN, _CENSORED = "really broken", "chat.acme.net"


def _tls(address: str, internet: Internet, **settings: Any) -> dict[str, Any]:
    return {"probe": "tls", "address": address, "tls": {"ca_file": str(internet.ca.ca_path)}, **settings}


def _paced(seconds: float) -> dict[str, str]:
    return {"interval": f"{seconds:g}s", "timeout": f"{seconds - 0.1:g}s"}


def _service(name: str, pace: float, **components: list[dict[str, Any]]) -> dict[str, Any]:
    parts = [{"name": component, "targets": targets} for component, targets in components.items()]
    return {"name": name, "provider": name, "components": parts, **_paced(pace)}


def _config(internet: Internet, services: list[dict[str, Any]]) -> dict[str, Any]:
    witness = {"foreign": False, "network": "AS64500", **_paced(_QUICK)}
    return {
        "vantage": {"name": "home"},
        "services": services,
        "witnesses": [_tls(f"{w}:443", internet, **witness) for w in ("www.alpha.net", "www.beta.org", BY_ADDRESS)],
        "second_resolver": SECOND,
    }


def _well(internet: Internet, pace: float) -> dict[str, Any]:
    """Two services that are well, asked in every way there is."""
    trust = {"ca_file": str(internet.ca.ca_path)}
    page = {"probe": "https", "url": "https://www.acme.net/", "tls": trust, "expect": {"body": "hello"}}
    front = {"probe": "tcp", "address": "chat.acme.net:443"}
    acme = _service("acme", pace, chat=[front], web=[page])
    return _config(internet, [acme, _service("zeta", pace, im=[_tls("im.zeta.com:443", internet)])])


def _ill(internet: Internet) -> dict[str, Any]:
    """Three that are really broken: our resolver hides a name, a name is nowhere, nobody listens."""
    censored = _service("censored", _QUICK, chat=[_tls(f"{_CENSORED}:443", internet)])
    gone = _service("gone", _QUICK, chat=[_tls("nowhere.acme.net:443", internet)])
    closed = _service("closed", _QUICK, im=[{"probe": "tcp", "address": "im.zeta.com:9"}])
    return _config(internet, [censored, gone, closed])


@dataclass
class Story:
    """What one monitor said while its home was spoilt and after."""

    way: Way
    found_after: float | None = None
    spoilt: Metrics | None = None
    healed_after: float | None = None
    healed: Metrics | None = None
    outages: tuple[dict[str, Any], ...] = ()
    log: str = ""


def _has_learned(metrics: Metrics) -> bool:
    witnesses = metrics.all("lastseen_probe_attempts_total", service="witness", outcome="ok")
    return len(witnesses) == 3 and min(value for _, value in witnesses) >= _LEARNED


class World:
    """All homes and their monitors."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.internet = Internet(folder, stack)
        self.homes: dict[str, Home] = {}
        self.monitors: dict[str, Monitor] = {}
        self.stories = {name: Story(way) for name, way in WAYS.items()}
        for name, way in WAYS.items():
            self._settle(name, Home(self.internet, stack, slow=way.slow), _well(self.internet, way.pace))
        self._settle(_BROKEN, Home(self.internet, stack, hides=_CENSORED), _ill(self.internet))
        with ThreadPoolExecutor(2) as pool:  # a start takes a core for seconds
            list(pool.map(stack.enter_context, self.monitors.values()))

    def _settle(self, name: str, home: Home, config: Mapping[str, Any]) -> None:
        self.homes[name] = home
        self.monitors[name] = Monitor(home.folder / "monitor", config, namespace=home.namespace)

    def state(self, name: str) -> str:
        """What the vantage says of itself."""
        value = self.monitors[name].metrics("lastseen_vantage_state").value("lastseen_vantage_state")
        return str(next(state for state, number in VANTAGE_VALUES.items() if number == value))

    def outages(self, name: str) -> tuple[dict[str, Any], ...]:
        return tuple(json.loads(self.monitors[name].get("/api/v1/outages").body)["outages"])

    def warm_up(self) -> None:
        """Let every witness learn what is usual."""
        for monitor in self.monitors.values():
            monitor.wait_until(_has_learned, 'service="witness"', timeout=60)

    def spoil(self) -> None:
        with ThreadPoolExecutor(len(WAYS)) as pool:
            list(pool.map(self._spoil, WAYS))

    def _spoil(self, name: str) -> None:
        story, began = self.stories[name], time.monotonic()
        story.way.spoil(self.homes[name])
        while (passed := time.monotonic() - began) < (_SPOILT if story.found_after else max(_SPOILT, story.way.found)):
            if story.found_after is None and self.state(name) == story.way.state:
                story.found_after = passed
            time.sleep(0.5)
        story.spoilt = self.monitors[name].metrics("lastseen_")

    def heal(self) -> None:
        self.internet.heal()
        for home in self.homes.values():
            home.heal()
        with ThreadPoolExecutor(len(WAYS)) as pool:
            list(pool.map(self._come_back, WAYS))

    def _come_back(self, name: str) -> None:
        story, monitor, began = self.stories[name], self.monitors[name], time.monotonic()
        while story.healed_after is None and time.monotonic() < began + _HEALED:
            time.sleep(0.5)
            if self.state(name) == "online":
                story.healed_after = time.monotonic() - began
        time.sleep(2 * story.way.pace)
        story.healed, story.outages, story.log = monitor.metrics("lastseen_"), self.outages(name), monitor.log


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(tmp_path_factory.mktemp("internet"), stack)


@pytest.fixture(scope="module")
def warm(world: World) -> World:
    world.warm_up()
    return world


@pytest.fixture(scope="module")
def spoilt(warm: World) -> World:
    warm.spoil()
    return warm


@pytest.fixture(scope="module")
def healed(spoilt: World) -> World:
    spoilt.heal()
    return spoilt


every_way = pytest.mark.parametrize("name", WAYS)
every_blind_way = pytest.mark.parametrize("name", BLIND)


# -- all is well ----------------------------------------------------------------


def test_every_monitor_starts(world: World) -> None:
    assert all(monitor.get("/healthz").status == 200 for monitor in world.monitors.values())


@every_way
def test_where_nothing_is_spoilt_the_vantage_is_online_and_all_is_up(warm: World, name: str) -> None:
    assert warm.state(name) == "online"
    assert {value for _, value in warm.monitors[name].metrics("service_state").all("lastseen_service_state")} == {0}


# -- what is really broken is seen ------------------------------------------------


def test_what_is_really_broken_has_its_window(warm: World) -> None:
    assert warm.state(_BROKEN) == "online"
    assert {outage["target"] for outage in warm.outages(_BROKEN)} == {"censored", "gone", "closed"}


def test_a_name_that_only_our_resolver_denies_is_told_from_one_that_is_gone(warm: World) -> None:
    last = {target: check["last"] for target, check in warm.monitors[_BROKEN].checks().items()}
    denied, gone, other = last[f"{_CENSORED}:443"], last["nowhere.acme.net:443"], last["im.zeta.com:9"]
    assert denied["failure"]["reason"] == gone["failure"]["reason"] == "nxdomain"
    assert denied["facts"]["dns_elsewhere"] is True
    assert gone["facts"]["dns_elsewhere"] is False
    assert "dns_elsewhere" not in other["facts"]


# -- spoilt ------------------------------------------------------------------------


@every_way
def test_the_vantage_knows_what_is_wrong_with_it(spoilt: World, name: str) -> None:
    story = spoilt.stories[name]
    assert story.found_after is not None
    assert story.found_after < story.way.found


@every_blind_way
def test_while_it_is_blind_nothing_is_known(spoilt: World, name: str) -> None:
    metrics = spoilt.stories[name].spoilt
    assert metrics is not None
    assert {value for _, value in metrics.all("lastseen_service_state")} == {-1}
    assert {value for _, value in metrics.all("lastseen_check_state")} == {-1}


@every_blind_way
def test_what_failed_is_booked_as_our_own_trouble(spoilt: World, name: str) -> None:
    metrics = spoilt.stories[name].spoilt
    assert metrics is not None
    for service in ("acme", "zeta"):
        failed = metrics.sum("lastseen_probe_attempts_total", service=service, outcome="failed")
        unsure = metrics.sum("lastseen_probe_attempts_total", service=service, outcome="inconclusive")
        assert failed <= 2, "what a witness had vouched for a moment before"
        assert unsure >= 3


# -- healed ------------------------------------------------------------------------


@every_way
def test_no_service_was_blamed_not_even_for_a_moment(healed: World, name: str) -> None:
    story = healed.stories[name]
    assert story.outages == ()
    assert "says=" not in story.log, "nobody was told of an outage"
    assert story.healed is not None
    assert story.healed.sum("lastseen_outages_total") == 0
    assert story.healed.sum("lastseen_downtime_seconds_total") == 0


@every_way
def test_it_comes_back_to_itself(healed: World, name: str) -> None:
    story = healed.stories[name]
    assert story.healed_after is not None
    assert story.healed is not None
    assert {value for _, value in story.healed.all("lastseen_service_state")} == {0}


@every_blind_way
def test_the_blind_time_is_booked_from_where_it_began(healed: World, name: str) -> None:
    story = healed.stories[name]
    assert story.healed is not None
    for service in ("acme", "zeta"):
        blind = story.healed.value("lastseen_unobserved_seconds_total", service=service, component="")
        assert _SPOILT - 2 * _QUICK <= blind <= _FOUND_BY_CHANCE + _HEALED
