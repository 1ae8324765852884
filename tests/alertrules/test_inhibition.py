"""Our Alertmanager file in a real Alertmanager: what is silenced by what, what is one message, and who gets it."""

import time
from collections.abc import Iterator

import pytest

from tests.alertrules.alertmanager import Alertmanager, Receiver

Labels = dict[str, str]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path_factory.mktemp("am"), receiver, times=10) as running:
        yield running


def page(name: str, **labels: str) -> Labels:
    return {"alertname": name, "severity": "page", **labels}


def ticket(name: str, **labels: str) -> Labels:
    return {"alertname": name, "severity": "ticket", **labels}


def of_whatsapp(**labels: str) -> Labels:
    return {"provider": "meta", "service": "whatsapp", **labels}


CASES: dict[str, tuple[list[Labels], set[str]]] = {
    "a provider silences its services and all of their parts, and nobody else's": (
        [
            page("ProviderDown", provider="meta"),
            page("ServiceDown", **of_whatsapp()),
            page("ServiceDown", provider="meta", service="messenger"),
            page("ErrorBudgetBurnsFast", **of_whatsapp()),
            ticket("ComponentDown", **of_whatsapp(component="chat", vantage="fra-1")),
            ticket("CheckDown", **of_whatsapp(component="chat", vantage="fra-1", target="t", probe="tcp")),
            page("ServiceDown", provider="signal", service="signal"),
        ],
        {"ProviderDown meta", "ServiceDown signal"},
    ),
    "a service silences its parts, and not how long it lasts": (
        [
            page("ServiceDown", **of_whatsapp()),
            ticket("ServiceDownSomewhere", **of_whatsapp(vantage="fra-1")),
            ticket("ComponentDown", **of_whatsapp(component="chat", vantage="fra-1")),
            ticket("CheckDown", **of_whatsapp(component="chat", vantage="fra-1", target="t", probe="tcp")),
            ticket("ServiceDegraded", **of_whatsapp(vantage="nyc-1")),
            ticket("ErrorBudgetBurnsSlowly", **of_whatsapp()),
            ticket("OutageLong", **of_whatsapp()),
            ticket("ComponentDown", provider="meta", service="messenger", component="chat", vantage="fra-1"),
        ],
        {"ServiceDown whatsapp", "OutageLong whatsapp", "ComponentDown messenger"},
    ),
    "a component silences its targets and what it degrades": (
        [
            ticket("ComponentDown", **of_whatsapp(component="chat", vantage="fra-1")),
            ticket("CheckDown", **of_whatsapp(component="chat", vantage="fra-1", target="t", probe="tcp")),
            ticket("ServiceDegraded", **of_whatsapp(vantage="fra-1")),
            ticket("CheckDown", provider="signal", service="signal", component="chat", vantage="fra-1", target="t"),
        ],
        {"ComponentDown whatsapp", "CheckDown signal"},
    ),
    "a blind vantage silences what it says, and no other one": (
        [
            ticket("VantageBlind", vantage="fra-1"),
            ticket("ServiceDownSomewhere", **of_whatsapp(vantage="fra-1")),
            ticket("VantageUnreliable", vantage="fra-1"),
            ticket("CheckStale", **of_whatsapp(vantage="fra-1")),
            ticket("ComponentDown", provider="signal", service="signal", component="chat", vantage="nyc-1"),
            page("ServiceDown", provider="slack", service="slack"),
        ],
        {"VantageBlind fra-1", "ComponentDown signal", "ServiceDown slack"},
    ),
    "when everything is down it is us": (
        [
            page("EverythingDown"),
            ticket("ServiceDownSomewhere", **of_whatsapp(vantage="fra-1")),
            ticket("ServiceDownSomewhere", provider="signal", service="signal", vantage="fra-1"),
            page("StoreDamaged", instance="a:1"),
        ],
        {"EverythingDown", "StoreDamaged"},
    ),
    "when all are blind each one of them is no news": (
        [page("AllVantagesBlind"), ticket("VantageBlind", vantage="fra-1"), ticket("VantageBlind", vantage="nyc-1")],
        {"AllVantagesBlind"},
    ),
    "a certificate is told once": (
        [
            page("CertificateAboutToExpire", provider="a", service="s", component="c", target="t", probe="tls"),
            ticket("CertificateExpiresSoon", provider="a", service="s", component="c", target="t", probe="tls"),
            ticket("CertificateExpiresSoon", provider="b", service="other", component="c", target="t", probe="tls"),
        ],
        {"CertificateAboutToExpire s", "CertificateExpiresSoon other"},
    ),
    "a monitor that does not answer is nothing else": (
        [page("LastseenDown", instance="a:1"), ticket("PeerUnheard", instance="a:1", peer="b")],
        {"LastseenDown"},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_silenced(
    alertmanager: Alertmanager, case: tuple[list[Labels], set[str]], request: pytest.FixtureRequest
) -> None:
    alerts, heard = case
    job = str(request.node.name)  # inhibition never leaves a job, so the cases do not meet
    alertmanager.post(*({**alert, "job": job} for alert in alerts))
    deadline = time.monotonic() + 10
    while (found := alertmanager.alerts(f'job="{job}"')["active"]) != heard:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_two_deployments_do_not_silence_each_other(alertmanager: Alertmanager) -> None:
    alertmanager.post(
        page("ServiceDown", job="one", **of_whatsapp()),
        ticket("ComponentDown", job="two", **of_whatsapp(component="chat", vantage="fra-1")),
    )
    time.sleep(1)
    assert alertmanager.alerts('job="two"')["active"] == {"ComponentDown whatsapp"}


def test_a_thousand_services_of_one_provider_are_one_message(alertmanager: Alertmanager, receiver: Receiver) -> None:
    services = [page("ServiceDown", job="many", provider="big", service=f"s{number}") for number in range(1000)]
    alertmanager.post(*services)
    told = receiver.wait_for("pager", lambda one: one.group.get("provider") == "big")
    assert len(told.alerts) == 1000
    time.sleep(3)
    assert len([one for one in receiver.got if one.group.get("provider") == "big"]) == 1


def test_the_watchdog_goes_to_the_dead_mans_switch_again_and_again(
    alertmanager: Alertmanager, receiver: Receiver
) -> None:
    alertmanager.post({"alertname": "Watchdog", "severity": "info", "job": "dog"})
    first = receiver.wait_for("deadman", lambda one: one.firing == {"Watchdog"})
    again = receiver.wait_for("deadman", lambda one: one.at > first.at)
    assert again.at - first.at < 15, "a minute, ten times shorter"
    assert {one.receiver for one in receiver.got if "Watchdog" in one.firing} == {"deadman"}
