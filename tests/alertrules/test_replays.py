"""Outages that happened, through the real judge and our alert rules: who is paged, when, and for what not.

Every vantage is a monitor of its own that hears no other, which is the harder case: only Prometheus sees them together.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from monitor.replay.scenario import Scenario
from tests.alertrules.promtool import Timeline
from tests.alertrules.replayed import scraped
from tests.replay.making import FILES, load

MINUTE = 60
HOUR = 3600
META = ("whatsapp", "facebook", "instagram", "messenger")


def scenario(name: str, hours: float | None = None) -> Scenario:
    """The one whose file begins so; its first hours."""
    (path,) = (path for path in FILES if path.stem.startswith(name))
    whole = load(path)
    return replace(whole, duration=int(hours * HOUR)) if hours else whole


def seen(told: Scenario, *vantages: str, after: int = 0) -> Timeline:
    """From a second of the scenario on, which becomes the second 0."""
    series = scraped(told, *vantages, after=after)
    return Timeline(series=series, interval=told.pace.interval, length=told.duration - after)


def test_25_october_2022_chat_alone_is_down_and_one_service_pages_once(tmp_path: Path) -> None:
    found = seen(scenario("h05", 4.2), "eu-par", "as-bom")  # groups fail from 06:35, all chat from 07:00, until 09:30
    found.fires(34 * MINUTE, "page")
    found.fires(60 * MINUTE, "page", "ServiceDown whatsapp")
    found.fires(2 * HOUR, "page", "ServiceDown whatsapp")
    found.fires(int(4.2 * HOUR), "page")
    found.ever_fires("page", "ServiceDown whatsapp")
    found.fires_once("ServiceDown", "whatsapp")
    found.check(tmp_path)


def test_4_october_2021_all_of_meta_is_one_provider(tmp_path: Path) -> None:
    found = seen(scenario("h01", 1.5), "eu-par", "na-iad")  # from 15:39
    pages = [f"ServiceDown {service}" for service in META]
    found.fires(38 * MINUTE, "page")
    found.fires(48 * MINUTE, "page", "ProviderDown meta", *pages)
    found.fires(85 * MINUTE, "page", "ProviderDown meta", *pages)
    found.ever_fires("page", "ProviderDown meta", *pages)
    for service in META:
        found.fires_once("ServiceDown", service)
    found.check(tmp_path)


def test_one_attempt_in_three_that_fails_is_one_page(tmp_path: Path) -> None:
    found = seen(scenario("h06"), "eu-par", "na-iad")  # from 20:15 to 21:06
    found.fires(29 * MINUTE, "page")
    found.fires(45 * MINUTE, "page", "ServiceDown whatsapp")
    found.fires(80 * MINUTE, "page", "ServiceDown whatsapp")
    found.ever_fires("page", "ServiceDown whatsapp")
    found.fires_once("ServiceDown", "whatsapp")
    found.check(tmp_path)


def test_waves_half_an_hour_apart_are_one_page(tmp_path: Path) -> None:
    found = seen(scenario("x05", 3), "eu-par", "as-bom")  # half of every half hour from 07:05 to 09:05
    found.fires(165 * MINUTE, "page", "ServiceDown teams")
    found.ever_fires("page", "ServiceDown teams")
    found.fires_once("ServiceDown", "teams")
    found.check(tmp_path)


@pytest.mark.parametrize(
    ("vantages", "pages"),
    [(("af-lbv", "eu-par"), ()), (("af-lbv",), ("AllVantagesBlind",))],
    ids=["one of two", "the only one"],
)
def test_a_vantage_that_lost_its_uplink_says_so_and_nothing_else(
    tmp_path: Path, vantages: tuple[str, ...], pages: tuple[str, ...]
) -> None:
    found = seen(scenario("n03"), *vantages)  # from 12:40 to 13:05
    found.fires(50 * MINUTE, "page", *pages)
    found.fires(50 * MINUTE, "ticket", "VantageBlind @af-lbv")
    found.fires(80 * MINUTE, "page")
    found.ever_fires("page", *pages)
    found.ever_fires("ticket", "VantageBlind @af-lbv")
    found.check(tmp_path)


def test_a_quiet_night_is_quiet(tmp_path: Path) -> None:
    """With 0.2 % of attempts failing by themselves, and a line that loses 60 % for three minutes."""
    found = seen(scenario("m03", 8), "eu-par")
    found.ever_fires("page")
    found.ever_fires("ticket")
    found.ever_fires("info", "Watchdog")
    found.check(tmp_path)


def test_a_monitor_that_restarts_in_the_middle_does_not_page_again(tmp_path: Path) -> None:
    found = seen(scenario("n04d"), "eu-par", "na-iad")  # from 10:20 to 11:10, restarted at 10:45
    found.fires(30 * MINUTE, "page", "ServiceDown signal")
    found.fires(47 * MINUTE, "page", "ServiceDown signal")
    found.fires_once("ServiceDown", "signal")
    found.ever_fires("page", "ServiceDown signal")
    found.check(tmp_path)


def test_announced_maintenance_is_silent_until_it_overruns(tmp_path: Path) -> None:
    found = seen(scenario("n07"), "eu-par")  # announced from 03:00 to 04:00, down from 03:05 to 04:35
    for minute in (70, 90, 119):
        found.fires(minute * MINUTE, "page")
        found.fires(minute * MINUTE, "ticket")
    found.fires(130 * MINUTE, "page", "ServiceDown slack")
    found.ever_fires("page", "ServiceDown slack")
    found.check(tmp_path)


def test_what_one_country_blocks_is_a_ticket_of_its_vantage(tmp_path: Path) -> None:
    # Gabon from 05:00, seven hours in; here from 04:30
    found = seen(scenario("l03", 8), "ga-airtel", "eu-par", "na-iad", after=int(6.5 * HOUR))
    found.fires(29 * MINUTE, "ticket")
    found.fires(80 * MINUTE, "page")
    found.counts(
        'count(ALERTS{alertname="ServiceDownSomewhere",vantage="ga-airtel",alertstate="firing",provider="meta"})', 4
    )
    found.ever_fires("page")
    found.check(tmp_path)
