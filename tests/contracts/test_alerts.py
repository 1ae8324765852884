"""What every store keeps of alerts and of claims, whatever the database."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from monitor.domain.alert import Acknowledgement, Blindness, Detour, Message, Post, PostState, Silence
from monitor.domain.claim import Said
from monitor.domain.ruling import Ruling
from monitor.domain.words import Claim, Event, Severity, VantageState
from monitor.store import Retention, Store, StoreError
from tests.support.judged import T0, a_window


def a_message(number: int = 1, **changes: object) -> Message:
    values: dict[str, object] = {
        "route": "r",
        "conversation": "w",
        "number": number,
        "event": Event.OPENED,
        "severity": Severity.MAJOR,
        "decided": T0 + number,
        "windows": (a_window(),),
    }
    return Message(**{**values, **changes})  # type: ignore[arg-type]  # each test names its fields


async def keep(store: Store, *messages: Message, **more: object) -> None:
    store.keep(Ruling(at=T0, windows=(a_window(),), messages=messages, **more))  # type: ignore[arg-type]  # as above
    await store.kept()


async def test_a_message_is_on_disk_with_the_window_that_it_tells_of(open_store: Callable[[], Store]) -> None:
    store = open_store()
    blind = Blindness(vantage="fra-1", state=VantageState.OFFLINE, start=T0, end=None)
    second = a_message(2, conversation="blind:fra-1", windows=(), blind=blind)
    await keep(store, a_message(), second)
    await store.close()
    store = open_store()
    assert await store.waiting_posts() == (Post(message=a_message()), Post(message=second))
    assert await store.archive.posts(a_window().id) == (Post(message=a_message()),)


async def test_what_was_sent_waits_no_more_and_is_known_to_its_conversation(store: Store) -> None:
    await keep(store, a_message(), a_message(2))
    sent = Post(
        message=a_message(),
        state=PostState.SENT,
        tries=2,
        channel="mail",
        thread="<a@b>",
        settled=T0 + 9,
        detours=(Detour(channel="tg", why="it is \u201cdown\u201d", at=T0 + 3),),
    )
    await store.update_post(sent)
    assert await store.waiting_posts() == (Post(message=a_message(2)),)
    assert await store.sent_posts("r/w") == (sent,)
    assert await store.sent_posts("r/other") == ()
    assert await store.archive.posts(a_window().id) == (sent, Post(message=a_message(2)))
    assert await store.archive.newest_posts(1) == (Post(message=a_message(2)),)


async def test_a_ruling_that_is_written_again_brings_no_message_back(store: Store) -> None:
    await keep(store, a_message())
    await store.update_post(Post(message=a_message(), state=PostState.SENT))
    await keep(store, a_message())
    assert await store.waiting_posts() == ()


async def test_the_first_who_acknowledges_is_remembered(store: Store) -> None:
    await keep(store)
    first = Acknowledgement(window_id=a_window().id, at=T0, author="me")
    await store.archive.acknowledge(first)
    await store.archive.acknowledge(replace(first, at=T0 + 1, author="you"))
    assert await store.archive.acknowledged([a_window().id, "x"]) == (first,)
    with pytest.raises(StoreError, match="no window x"):
        await store.archive.acknowledge(replace(first, window_id="x"))


async def test_a_silence_holds_until_its_end_or_until_somebody_ends_it(store: Store) -> None:
    await store.resume()
    silence = Silence(id="1", service="s*", since=T0, until=T0 + 3600, author="me", comment="we know")
    await store.archive.silence(silence)
    assert await store.archive.silences(T0) == (silence,)
    assert await store.archive.silences(T0 + 3600) == ()
    assert await store.archive.end_silence("1", T0 + 60)
    assert await store.archive.silences(T0 + 30) == (replace(silence, until=T0 + 60),)
    assert not await store.archive.end_silence("2", T0)


async def test_claims_are_found_by_service_and_time(store: Store) -> None:
    said = Said(service="s", source="s/claims/t/statuspage", at=T0, claim=Claim.DOWN, since=T0 - 60, text="we look")
    fine = replace(said, at=T0 + 600, claim=Claim.FINE, since=None, text="")
    await keep(store, claims=(said, fine))
    assert await store.archive.claims(["s"], T0, T0 + 600) == (said,)
    assert await store.archive.claims(["s", "t"], T0, T0 + 601) == (said, fine)
    assert await store.archive.claims(["t"], T0, T0 + 601) == ()


async def test_old_posts_and_silences_are_forgotten_and_what_waits_is_not(store: Store) -> None:
    await keep(store, a_message(), a_message(2))
    await store.update_post(Post(message=a_message(), state=PostState.SENT))
    silence = Silence(id="1", service="s", since=T0, until=T0 + 60, author="me", comment="")
    await store.archive.silence(silence)
    await store.forget(T0 + 400 * 86400, Retention())
    assert await store.archive.newest_posts(9) == (Post(message=a_message(2)),)
    assert await store.archive.silences(0) == ()
    assert await store.archive.window(a_window().id) is not None
