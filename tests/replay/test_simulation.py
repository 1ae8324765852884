"""Attempts equal those of the reference, to the last bit."""

from itertools import islice
from pathlib import Path

import pytest

from monitor.domain.attempt import Attempt
from monitor.domain.words import Fact, Layer, Outcome, Phase, Reason
from monitor.replay.attempts import attempt_of, check_of
from monitor.replay.simulation import Seen, Simulation
from tests.replay import reference_simulate as reference
from tests.replay.making import FOLDER, fault, load, made, write

LONGEST = 250
"""Ticks that are compared: the reference is slow."""
CHOSEN = (
    "h01_meta_2021_10_04_bgp_dns",  # ramps that overlap, http on chat chains
    "h06_whatsapp_2023_07_19_flap_1of3",  # every
    "h12_whatsapp_2017_05_03_flap_then_total",  # pattern
    "h13_whatsapp_2017_11_03_partial_relapse",  # delivery delays, faults stacked on one layer
    "h15_whatsapp_2019_06_06_route_leak",  # packet loss, vantages of its own
    "l06_turkey_2025_09_07_throttle",  # slowness beyond the deadline
    "n01_single_lost_packets",  # noise
    "n02_one_slow_probe",
    "n04a_monitor_pause_quiet",
    "n04d_monitor_restart_mid_outage",
    "n10_probe_went_stale",
)


def assert_equal_to_reference(path: Path) -> int:
    simulation, count = Simulation(load(path)), 0
    ticks = islice(simulation.ticks(), LONGEST)
    expected = islice(reference.simulate(reference.load(path)), LONGEST)
    for (second, seen), (wanted_second, wanted) in zip(ticks, expected, strict=True):
        assert second == wanted_second
        assert simulation.pairs == list(wanted)
        assert [(one.layer, one.error or None, one.latency) for one in seen] == [
            (result.layer, result.error, result.latency) for result in wanted.values()
        ]
        count += len(seen)
    return count


@pytest.mark.parametrize("name", CHOSEN)
def test_attempts_equal_those_of_the_reference(name: str) -> None:
    assert assert_equal_to_reference(FOLDER / f"{name}.yaml") > 5000


def test_every_effect_equals_that_of_the_reference(tmp_path: Path) -> None:
    effects = {
        "dns_nxdomain": {},
        "dns_servfail": {},
        "dns_timeout": {},
        "dns_poisoned": {},
        "route_blackhole": {},
        "packet_loss": {"fraction": 0.4},
        "tcp_refused": {},
        "tcp_reset": {},
        "tls_bad_cert": {},
        "tls_expired": {},
        "http_5xx": {"code": 503},
        "http_4xx": {"code": 429},
        "http_slow": {"seconds": 9.8},
        "http_redirect": {"location": "/old"},
        "app_handshake_timeout": {},
        "login_rejected": {},
        "send_rejected": {},
        "accepted_not_delivered": {},
        "delivery_delay": {"seconds": 61},
    }
    faults = [
        fault(id=index, effect=effect, params=params, rate=0.3, targets=["*"], **{"from": index * 60, "to": None})
        for index, (effect, params) in enumerate(effects.items())
    ]
    faults += [
        fault(id="up", rate=[0, 2], targets=["whatsapp.*"], every={"of": 5, "hit": 2}),
        fault(id="on time", effect="delivery_delay", params={"seconds": 60}, pattern={"period": 300, "active": 100}),
        fault(id="never", effect="tcp_reset", rate=0),
    ]
    path = write(tmp_path, faults=faults, noise=0, probe={"seed": "a word", "interval": 40, "timeout": 9.9})
    assert_equal_to_reference(path)
    errors = {one.error for _, seen in Simulation(load(path)).ticks() for one in seen}
    by_code = {"http_5xx": "http_503", "http_4xx": "http_429", "http_slow": "timeout", "delivery_delay": "late"}
    assert errors == {"", *(by_code.get(effect, effect) for effect in effects)}


def test_noise_of_one_fails_everything(tmp_path: Path) -> None:
    simulation = Simulation(made(tmp_path, noise=1))
    assert all(one.error == "timeout" for _, seen in simulation.ticks() for one in seen)


BOOKED = [
    (Layer.DNS, "dns_nxdomain", Reason.NXDOMAIN, Phase.RESOLVE),
    (Layer.DNS, "dns_servfail", Reason.SERVFAIL, Phase.RESOLVE),
    (Layer.DNS, "dns_timeout", Reason.TIMEOUT, Phase.RESOLVE),
    (Layer.DNS, "dns_poisoned", Reason.ANSWER, Phase.RESOLVE),
    (Layer.ROUTE, "packet_loss", Reason.TIMEOUT, Phase.CONNECT),
    (Layer.TCP, "tcp_refused", Reason.REFUSED, Phase.CONNECT),
    (Layer.TCP, "timeout", Reason.TIMEOUT, Phase.CONNECT),
    (Layer.TLS, "tls_bad_cert", Reason.CERT_UNTRUSTED, Phase.TLS),
    (Layer.TLS, "tls_expired", Reason.CERT_EXPIRED, Phase.TLS),
    (Layer.HTTP, "http_503", Reason.STATUS, Phase.RESPONSE),
    (Layer.HANDSHAKE, "http_503", Reason.STATUS, Phase.HANDSHAKE),
    (Layer.HTTP, "http_redirect", Reason.REDIRECTS, Phase.RESPONSE),
    (Layer.LOGIN, "login_rejected", Reason.REJECTED, Phase.RESPONSE),
    (Layer.DELIVER, "late", Reason.LATE, Phase.DELIVER),
]


def attempt(tmp_path: Path, seen: Seen) -> Attempt:
    scenario = made(tmp_path)
    return attempt_of(check_of(scenario, scenario.targets["whatsapp.chat"]), 1000.0, seen)


@pytest.mark.parametrize(("layer", "error", "reason", "phase"), BOOKED, ids=str)
def test_an_error_is_booked_with_its_reason_in_its_phase(
    tmp_path: Path, layer: Layer, error: str, reason: Reason, phase: Phase
) -> None:
    booked = attempt(tmp_path, Seen(layer, error, 2.5))
    assert booked.failure is not None
    assert (booked.outcome, booked.failure.layer, booked.failure.reason) == (Outcome.FAILED, layer, reason)
    assert (booked.started, booked.duration, booked.phases) == (1000.0, 2.5, {phase: 2.5})
    assert booked.facts.get(Fact.HTTP_STATUS) == (503 if error == "http_503" else None)


def test_being_asked_to_come_back_later_says_nothing_about_the_service(tmp_path: Path) -> None:
    booked = attempt(tmp_path, Seen(Layer.HTTP, "http_429", 0.2))
    assert booked.failure is not None
    assert (booked.outcome, booked.failure.layer) == (Outcome.INCONCLUSIVE, None)
    assert booked.failure.reason is Reason.RATE_LIMITED


def test_an_answer_is_ok_and_took_its_time(tmp_path: Path) -> None:
    booked = attempt(tmp_path, Seen(None, "", 0.31))
    assert (booked.outcome, booked.failure, sum(booked.phases.values())) == (Outcome.OK, None, 0.31)


def test_controls_are_witnesses_of_unrelated_providers(tmp_path: Path) -> None:
    scenario = made(tmp_path)
    controls = [check_of(scenario, target) for target in scenario.targets.values() if target.control]
    assert [check.id for check in controls] == [
        "witness/vantage/name_a/name",
        "witness/vantage/web_b/http",
        "witness/vantage/web_c/http",
    ]
    assert len({check.provider for check in controls}) == 3


def test_every_check_of_a_scenario_has_an_id_of_its_own(tmp_path: Path) -> None:
    scenario = made(tmp_path)
    assert len({check_of(scenario, target).id for target in scenario.targets.values()}) == len(scenario.targets)
