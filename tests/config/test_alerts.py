"""``alerts:`` and its page: what it becomes, and every mistake in it with its place."""

import re
from pathlib import Path

import pytest

from monitor.config import Catalogue, ConfigError, Configuration, catalogue_folder, loads
from monitor.config.alerts import AlertSettings, ChannelHead, EscalationSettings, HoursSettings, RouteSettings
from monitor.config.shapes import keys
from monitor.domain.words import Breadth, Reach, Severity
from monitor.registry import CHANNEL_SETTINGS, PROBE_SETTINGS

PAGE = (Path(__file__).parents[2] / "docs" / "alerting.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CHANNEL = "{name: a, channel: webhook, url: 'https://hooks.example.org/x'}"
SECRETS = {"TELEGRAM_TOKEN": "123456:" + "x" * 35, "SMTP_PASSWORD": "p", "HOOK_SECRET": "s"}


def read(text: str) -> Configuration:
    return loads(text, PROBE_SETTINGS, Catalogue.load(catalogue_folder()), SECRETS, CHANNEL_SETTINGS)


def alerts(routes: str, channels: str = CHANNEL, more: str = "") -> str:
    return f"alerts:\n  channels: [{channels}]\n  routes: [{routes}]\n{more}"


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [problem.message + (f" ({problem.hint})" if problem.hint else "") for problem in caught.value.problems]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_page_loads(example: str) -> None:
    configuration = read(example)
    assert [way.kind for way in configuration.alerts.ways] == ["telegram", "email", "webhook"]
    assert [route.name for route in configuration.alerts.routes] == ["oncall", "oncall/escalation", "archive"]


def test_every_setting_is_on_the_page() -> None:
    for settings in (AlertSettings, ChannelHead, RouteSettings, EscalationSettings, HoursSettings):
        for key in keys(settings):
            assert re.search(rf"`{key}[`.:]|\b{key}:|`{{{key}:", PAGE), f"{settings.__name__}.{key}"


def test_what_is_not_said_is_everything() -> None:
    (route,) = read(alerts("{name: r, channels: a}")).alerts.routes
    assert (route.services, route.providers, route.severity) == (("*",), ("*",), Severity.MINOR)
    assert (route.breadth, route.reach) == (frozenset(Breadth), frozenset(Reach))
    assert (route.after, route.remind, route.blind_after, route.language) == (0.0, 3600.0, 120.0, "en")


def test_an_escalation_is_a_route_of_its_own() -> None:
    route = "{name: r, channels: a, severity: major, language: fr, escalate: {after: 5m, channels: [b]}}"
    first, second = read(alerts(route, f"{CHANNEL}, {CHANNEL.replace('name: a', 'name: b')}")).alerts.routes
    assert (second.name, second.channels, second.after, second.escalates) == ("r/escalation", ("b",), 300.0, True)
    assert (second.severity, second.language, second.blind_after) == (first.severity, "fr", None)


def test_hours_have_days_and_a_zone() -> None:
    hours = "{days: [monday, friday], from: '08:00', to: '18:00', zone: Europe/Rome}"
    (route,) = read(alerts(f"{{name: r, channels: a, hours: {hours}}}")).alerts.routes
    assert route.hours is not None
    assert (route.hours.days, str(route.hours.zone)) == (frozenset({0, 4}), "Europe/Rome")


def test_a_channel_says_what_it_rides_on_or_knows_it() -> None:
    bot = "{name: t, channel: telegram, token: '${TELEGRAM_TOKEN}', chat: 1}"
    other = bot.replace("name: t", "name: u, rides_on: [x, y]")
    ways = read(alerts("", f"{bot}, {other}")).alerts.ways
    assert [way.rides_on for way in ways] == [("telegram",), ("x", "y")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (alerts("{name: r, channels: b}"), "no channel 'b' in this file"),
        (alerts("{name: r, channels: a, escalate: {channels: [aa]}}"), "no channel 'aa' in this file"),
        (alerts("{name: r, channels: a}, {name: r, channels: a}"), "route 'r' is there twice"),
        (alerts("", f"{CHANNEL}, {CHANNEL}"), "channel 'a' is there twice"),
        (alerts("", "{name: a, channel: webhok, url: 'https://x.example'}"), "unknown channel 'webhok'"),
        (alerts("", "{name: a, channel: webhook}"), "'url' is missing"),
        (alerts("{name: r, channels: a, severity: bad}"), "must be 'critical', 'major' or 'minor'"),
        (alerts("{name: r, channels: a, after: 5}"), "not a duration"),
        (alerts("{name: r, channels: a, remind: 0s}"), "must be more than 0"),
        (alerts("{name: r, channels: []}"), "must not be empty"),
        (alerts("{name: r, channels: a, hours: {from: '8', to: '18:00', zone: UTC}}"), "not a time of day"),
        (alerts("{name: r, channels: a, hours: {from: '08:00', to: '18:00', zone: Rome}}"), "no time zone 'Rome'"),
        (alerts("", more="  heartbeat: {url: 'ftp://x.example'}\n"), "http"),
        (alerts("", more="  check_interval: 1s\n"), "10"),
        ("alerts: [a]", "must be a mapping"),
    ],
)
def test_a_mistake_is_told(text: str, told: str) -> None:
    found = mistakes(text)
    assert any(told in message for message in found), found
