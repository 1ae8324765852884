"""The telegram channel, before a stand-in of the Bot API that an independent client takes for the real one."""

from collections.abc import AsyncIterator
from html import escape
from typing import Any

import aiohttp
import pytest
import telegram
from pydantic import ValidationError
from telegram import error as errors
from telegram.request import HTTPXRequest

from monitor.channels.telegram import TelegramChannel, TelegramSettings
from monitor.domain.alert import ChannelFailed
from monitor.domain.words import Event, Severity
from tests.support.letters import LINK, TEXT, TITLE, a_letter
from tests.support.telegrambot import CHAT, TOKEN, BotApi, bot_api
from tests.support.webhooks import hook


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


@pytest.fixture
async def there() -> AsyncIterator[BotApi]:
    async with bot_api() as found:
        yield found


def channel(session: aiohttp.ClientSession, port: int, **settings: Any) -> TelegramChannel:
    values = {"api": f"http://127.0.0.1:{port}", "token": TOKEN, "chat": CHAT, **settings}
    return TelegramChannel(TelegramSettings.model_validate(values), session)


async def failure(tried: TelegramChannel) -> ChannelFailed:
    with pytest.raises(ChannelFailed) as caught:
        await tried.send(a_letter())
    return caught.value


# -- the stand-in, judged by python-telegram-bot ------------------------------


async def test_an_independent_client_takes_the_stand_in_for_the_bot_api(there: BotApi) -> None:
    async with telegram.Bot(TOKEN, base_url=f"http://127.0.0.1:{there.port}/bot") as bot:
        assert (await bot.get_me()).username == "lastseen_bot"
        assert (await bot.get_chat(CHAT)).title == "on call"
        first = await bot.send_message(CHAT, f"<b>{escape(TITLE)}</b>", parse_mode="HTML")
        assert first.text == TITLE
        second = await bot.send_message(CHAT, "over", reply_parameters=telegram.ReplyParameters(first.message_id))
        assert second.reply_to_message is not None
        assert second.reply_to_message.message_id == first.message_id


async def test_the_stand_in_refuses_what_the_bot_api_refuses(there: BotApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")  # what its future versions do
    base = f"http://127.0.0.1:{there.port}/bot"
    async with HTTPXRequest() as request, HTTPXRequest() as other:
        with pytest.raises(errors.InvalidToken):
            await telegram.Bot("1:wrong", base_url=base, request=request, get_updates_request=other).initialize()
    async with telegram.Bot(TOKEN, base_url=base) as bot:
        with pytest.raises(errors.BadRequest, match="Chat not found"):
            await bot.send_message(1, "x")
        with pytest.raises(errors.BadRequest, match=r"(?i)message is too long"):
            await bot.send_message(CHAT, "x" * 4097)
        with pytest.raises(errors.BadRequest, match=r"(?i)can't parse entities"):
            await bot.send_message(CHAT, "<p>x</p>", parse_mode="HTML")
        there.refuses = (403, "Forbidden: bot was blocked by the user", {})
        with pytest.raises(errors.Forbidden):
            await bot.send_message(CHAT, "x")
        there.refuses = (429, "Too Many Requests: retry after 7", {"retry_after": 7})
        with pytest.raises(errors.RetryAfter):
            await bot.send_message(CHAT, "x")


# -- the channel ----------------------------------------------------------------


async def test_a_message_says_what_the_letter_says(session: aiohttp.ClientSession, there: BotApi) -> None:
    assert await channel(session, there.port).send(a_letter()) == "100"
    [message] = there.messages
    assert message["text"] == f"{TEXT}\n\n{LINK}"
    [(_, wanted)] = there.asked
    assert wanted["text"].startswith(f"<b>{TITLE}</b>\n")
    assert wanted["link_preview_options"] == {"is_disabled": True}


async def test_a_link_that_the_text_has_is_not_repeated(session: aiohttp.ClientSession, there: BotApi) -> None:
    await channel(session, there.port).send(a_letter(text=f"{TITLE}\nSee {LINK} for more"))
    assert there.messages[0]["text"].count(LINK) == 1


async def test_later_letters_answer_the_first(session: aiohttp.ClientSession, there: BotApi) -> None:
    by = channel(session, there.port)
    thread = await by.send(a_letter(1))
    assert await by.send(a_letter(2, event=Event.REMINDER, thread=thread)) == thread
    await by.send(a_letter(3, event=Event.CLOSED, thread=thread))
    first, *others = there.messages
    assert [one["reply_to_message"]["message_id"] for one in others] == [first["message_id"]] * 2


async def test_a_first_message_that_was_deleted_keeps_no_letter_back(
    session: aiohttp.ClientSession, there: BotApi
) -> None:
    await channel(session, there.port).send(a_letter(2, thread="99"))
    assert there.asked[0][1]["reply_parameters"] == {"message_id": 99, "allow_sending_without_reply": True}
    assert len(there.messages) == 1


@pytest.mark.parametrize("character", ["x", "<", "é", "😀", "\n"])
@pytest.mark.parametrize("number", [4000, 4050, 5000, 9000])
async def test_a_long_letter_is_cut_to_what_telegram_takes(
    session: aiohttp.ClientSession, there: BotApi, character: str, number: int
) -> None:
    await channel(session, there.port).send(a_letter(text=f"{TITLE}\n{character * number}."))
    [message] = there.messages
    assert message["text"].startswith(TITLE)
    assert message["text"].endswith(LINK)


async def test_only_what_matters_makes_a_sound(session: aiohttp.ClientSession, there: BotApi) -> None:
    by = channel(session, there.port)
    for letter in (
        a_letter(1),
        a_letter(2, event=Event.ESCALATED),
        a_letter(3, severity=Severity.MINOR),
        a_letter(4, event=Event.CLOSED),
    ):
        await by.send(letter)
    assert [wanted["disable_notification"] for _, wanted in there.asked] == [False, False, True, True]


async def test_a_topic_of_a_group_can_be_chosen(session: aiohttp.ClientSession, there: BotApi) -> None:
    await channel(session, there.port, topic=12).send(a_letter())
    assert there.asked[0][1]["message_thread_id"] == 12


async def test_the_check_asks_for_the_bot_and_the_chat(session: aiohttp.ClientSession, there: BotApi) -> None:
    await channel(session, there.port).check()
    assert [method for method, _ in there.asked] == ["getMe", "getChat"]
    for wrong in ({"token": "1:wrong"}, {"chat": 5}):
        with pytest.raises(ChannelFailed) as caught:
            await channel(session, there.port, **wrong).check()
        assert caught.value.permanent
    assert not there.messages


@pytest.mark.parametrize(
    ("refusal", "permanent", "retry_after"),
    [
        ((429, "Too Many Requests: retry after 7", {"retry_after": 7}), False, 7.0),
        ((403, "Forbidden: bot was blocked by the user", {}), True, None),
        ((400, "Bad Request: group chat was upgraded", {"migrate_to_chat_id": -100987}), True, None),
        ((400, "Bad Request: not enough rights", {}), True, None),
        ((500, "canary: 500", {}), False, None),
        ((502, "canary: 502", {}), False, None),
    ],
)
async def test_what_the_api_says_decides(
    session: aiohttp.ClientSession,
    there: BotApi,
    refusal: tuple[int, str, dict[str, Any]],
    retry_after: float | None,
    *,
    permanent: bool,
) -> None:
    there.refuses = refusal
    failed = await failure(channel(session, there.port))
    assert (failed.permanent, failed.retry_after) == (permanent, retry_after)
    assert refusal[1] not in failed.message


async def test_a_wrong_token_is_for_good(session: aiohttp.ClientSession, there: BotApi) -> None:
    failed = await failure(channel(session, there.port, token="1:wrong"))
    assert failed.permanent
    assert "token is refused" in failed.message


@pytest.mark.parametrize(
    "body", [b"<html>Please log in", b"", b"[]", b'{"ok": true}', b'{"ok": false, "result": {}}', b'{"result": {}}']
)
async def test_a_page_that_stands_in_between_is_no_bot_api(session: aiohttp.ClientSession, body: bytes) -> None:
    async with hook() as there:
        there.body = body
        failed = await failure(channel(session, there.port))
    assert not failed.permanent
    assert failed.message == "what answers there is not the Bot API"


@pytest.mark.parametrize(
    "settings",
    [
        {"token": "t", "chat": 1},
        {"token": "1:a/../../getMe", "chat": 1},
        {"token": TOKEN, "chat": "ops"},
        {"token": TOKEN, "chat": "@x y"},
        {"token": TOKEN},
        {"token": TOKEN, "chat": 1, "api": "ftp://h"},
    ],
)
def test_what_cannot_work_is_a_mistake_in_the_configuration(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TelegramSettings.model_validate(settings)


def test_it_rides_on_telegram() -> None:
    settings = TelegramSettings.model_validate({"token": TOKEN, "chat": "@ops_channel"})
    assert settings.known_rides == ("telegram",)
    assert settings.place == "api.telegram.org"
