"""The alertmanager channel, before Debian's Alertmanager."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError

from monitor.channels.alertmanager import AlertmanagerChannel, AlertmanagerSettings
from monitor.domain.alert import ChannelFailed, Letter
from monitor.domain.words import Event
from monitor.formats.times import utc
from tests.support.alertmanager import Alertmanager
from tests.support.backstage import Backstage
from tests.support.letters import LINK, TEXT, TITLE, a_letter
from tests.support.servers import free_port
from tests.support.waiting import until
from tests.support.webhooks import Hook, hook


@pytest.fixture(scope="module")
def receiver() -> Iterator[Hook]:
    with Backstage() as stage:
        yield stage.enter(hook())


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, receiver: Hook) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path_factory.mktemp("am"), f"http://127.0.0.1:{receiver.port}/") as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


def channel(session: aiohttp.ClientSession, *urls: str, **settings: Any) -> AlertmanagerChannel:
    return AlertmanagerChannel(AlertmanagerSettings.model_validate({"url": urls, **settings}), session)


def now_letter(conversation: str, number: int = 1, **changes: Any) -> Letter:
    """About something that began a minute ago: Alertmanager forgets what ended long ago."""
    now = time.time()
    values = {"started": now - 60, "decided": now, "conversation": conversation, **changes}
    return a_letter(number, **values)


def _fires(real: Alertmanager, conversation: str) -> list[dict[str, Any]]:
    return [alert for alert in real.alerts() if alert["labels"]["conversation"] == conversation]


def _told(receiver: Hook, conversation: str) -> list[tuple[str, list[str]]]:
    """Each notification of a conversation: firing or resolved, and the same of each alert in it."""
    posts = [taken.json() for taken in receiver.taken]
    return [
        (post["status"], sorted(alert["status"] for alert in post["alerts"]))
        for post in posts
        if post["commonLabels"]["conversation"] == conversation
    ]


async def test_an_outage_fires_once_however_often_it_is_posted_and_resolves(
    session: aiohttp.ClientSession, real: Alertmanager, receiver: Hook
) -> None:
    by, talk = channel(session, f"http://{real.address}"), "oncall/once"
    opened = now_letter(talk)
    thread = await by.send(opened)
    for number in (1, 2):
        await by.send(now_letter(talk, number, started=opened.started, event=Event.REMINDER, thread=thread))
    [alert] = _fires(real, talk)
    assert alert["labels"] == {
        "alertname": "LastseenOutage",
        "conversation": talk,
        "severity": "critical",
        **opened.labels,
    }
    assert alert["annotations"] == {"summary": TITLE, "description": TEXT}
    assert alert["generatorURL"] == LINK
    assert alert["startsAt"].startswith(f"{utc(opened.started):%Y-%m-%dT%H:%M:%S}")
    await until(lambda: len(_told(receiver, talk)) == 1)
    await by.send(now_letter(talk, 3, started=opened.started, event=Event.CLOSED, ended=time.time(), thread=thread))
    await until(lambda: len(_told(receiver, talk)) == 2)
    assert _told(receiver, talk) == [("firing", ["firing"]), ("resolved", ["resolved"])]
    assert not _fires(real, talk)


async def test_what_is_not_closed_fires_longer_than_alertmanager_would_keep_it(
    session: aiohttp.ClientSession, real: Alertmanager
) -> None:
    await channel(session, f"http://{real.address}", hold="2h").send(now_letter("oncall/hold"))
    [alert] = _fires(real, "oncall/hold")
    assert 7100 < datetime.fromisoformat(alert["endsAt"]).timestamp() - time.time() < 7300


async def test_where_the_labels_change_the_alert_of_the_old_ones_ends(
    session: aiohttp.ClientSession, real: Alertmanager, receiver: Hook
) -> None:
    by, talk = channel(session, f"http://{real.address}"), "oncall/wider"
    first = now_letter(talk, labels={"breadth": "component"})
    thread = await by.send(first)
    await until(lambda: len(_told(receiver, talk)) == 1)
    wider = now_letter(
        talk, 2, started=first.started, event=Event.CHANGED, labels={"breadth": "service"}, thread=thread
    )
    thread = await by.send(wider)
    [alert] = _fires(real, talk)
    assert alert["labels"]["breadth"] == "service"
    end = now_letter(talk, 3, started=first.started, event=Event.CLOSED, ended=time.time(), labels={}, thread=thread)
    await by.send(end)
    assert not _fires(real, talk)
    await until(lambda: _told(receiver, talk)[-1][0] == "resolved")


async def test_strange_labels_are_left_out_and_strange_words_arrive(
    session: aiohttp.ClientSession, real: Alertmanager
) -> None:
    labels = {"service": 'a"b\\c\nd😀', "no-such-name": "x", "": "y", "empty": ""}
    await channel(session, f"http://{real.address}").send(now_letter("oncall/strange", labels=labels, text="\x00<&>"))
    [alert] = _fires(real, "oncall/strange")
    assert alert["labels"]["service"] == labels["service"]
    assert not {"no-such-name", "", "empty"} & set(alert["labels"])


async def test_one_member_of_a_cluster_is_enough(session: aiohttp.ClientSession, real: Alertmanager) -> None:
    by = channel(session, f"http://127.0.0.1:{free_port()}", f"http://{real.address}/")
    await by.check()
    await by.send(now_letter("oncall/one"))
    assert len(_fires(real, "oncall/one")) == 1


async def test_every_member_of_a_cluster_is_told(session: aiohttp.ClientSession) -> None:
    async with hook() as one, hook() as other:
        urls = [f"http://127.0.0.1:{there.port}/prefix/" for there in (one, other)]
        await channel(session, *urls).send(a_letter())
        assert [taken.path for taken in (*one.taken, *other.taken)] == ["/prefix/api/v2/alerts"] * 2


async def test_where_no_member_takes_it_the_hopeful_failure_counts(session: aiohttp.ClientSession) -> None:
    async with hook() as one, hook() as other:
        one.status, other.status, other.headers = 400, 503, {"Retry-After": "9"}
        urls = [f"http://127.0.0.1:{there.port}" for there in (one, other)]
        with pytest.raises(ChannelFailed) as caught:
            await channel(session, *urls).send(a_letter())
        assert (caught.value.permanent, caught.value.retry_after) == (False, 9.0)
        other.status = 401
        with pytest.raises(ChannelFailed) as caught:
            await channel(session, *urls).check()
        assert caught.value.permanent


async def test_a_test_ends_by_itself(session: aiohttp.ClientSession) -> None:
    async with hook() as there:
        letter = a_letter(event=Event.TEST)
        await channel(session, f"http://127.0.0.1:{there.port}").send(letter)
        [alert] = there.taken[0].json()
    assert alert["endsAt"].startswith(f"{utc(letter.decided + 300):%Y-%m-%dT%H:%M:%S}")


@pytest.mark.parametrize("thread", ["", "nonsense", "[]", "7"])
async def test_a_thread_of_another_channel_does_no_harm(session: aiohttp.ClientSession, thread: str) -> None:
    async with hook() as there:
        labels = await channel(session, f"http://127.0.0.1:{there.port}").send(a_letter(thread=thread))
        assert len(there.taken[0].json()) == 1
    assert json.loads(labels)["alertname"] == "LastseenOutage"


@pytest.mark.parametrize(
    "settings", [{"url": ()}, {"url": ("x",)}, {"url": ("http://h",), "hold": "1s"}, {"url": ("http://h",), "hold": 5}]
)
def test_what_cannot_work_is_a_mistake_in_the_configuration(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AlertmanagerSettings.model_validate(settings)


def test_one_address_or_several_may_be_given() -> None:
    assert AlertmanagerSettings.model_validate({"url": "http://a.example:9093"}).place == "a.example"
    assert AlertmanagerSettings.model_validate({"url": ("http://a:1", "http://b:1")}).place == "a, b"
