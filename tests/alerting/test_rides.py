"""Which channels a letter cannot take."""

import pytest

from monitor.alerting.rides import Rides
from monitor.domain.alert import ChannelSettings, Way
from monitor.domain.outage import Window
from monitor.domain.words import Breadth, State, Status
from tests.support.judged import a_window


class Settings(ChannelSettings):
    """Of no kind."""


def obstacle(rides_on: tuple[str, ...], states: dict[str, State], *windows: Window) -> str:
    way = Way(name="w", kind="k", settings=Settings(rides_on=rides_on))
    rides = Rides(lambda name: states.get(name, State.UNKNOWN), lambda: windows, lambda: {"telegram": "Telegram"})
    return rides.obstacle(way)


@pytest.mark.parametrize("state", [State.UP, State.UNKNOWN])
def test_what_is_up_or_unknown_is_no_obstacle(state: State) -> None:
    assert obstacle(("telegram",), {"telegram": state}) == ""


@pytest.mark.parametrize("state", [State.DOWN, State.DEGRADED])
def test_what_is_not_up_is_one_and_says_since_when(state: State) -> None:
    window = a_window(services=("telegram",))
    assert obstacle(("telegram",), {"telegram": state}, window) == f"Telegram is {state} itself since 07:00 UTC"
    assert obstacle(("telegram",), {"telegram": state}) == f"Telegram is {state} itself"


def test_a_provider_is_one_when_most_of_it_is_down() -> None:
    narrow = a_window(provider="meta", services=("instagram",))
    assert obstacle(("whatsapp", "meta"), {}, narrow) == ""
    wide = a_window(provider="meta", breadth=Breadth.PROVIDER)
    assert obstacle(("whatsapp", "meta"), {}, wide) == "most of meta is down itself since 07:00 UTC"


def test_what_answers_again_is_none() -> None:
    window = a_window(provider="meta", breadth=Breadth.PROVIDER, status=Status.RECOVERING)
    assert obstacle(("meta",), {}, window) == ""
