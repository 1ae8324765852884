"""telegram: a letter as a message of a bot.

A bot (made with @BotFather) that may write to the chat::

    name: telegram-oncall
    channel: telegram
    token: ${TELEGRAM_TOKEN}
    chat: -1001234567890

``chat`` is the number of a chat, or ``@name`` of a public channel or group.
``topic`` is the thread of a group with topics. ``api`` (https://api.telegram.org)
is another address of the same API, such as one's own Bot API server; ``ca_file``
trusts it. ``timeout`` (10 s) holds for the whole exchange.

A letter becomes one message: its title in bold, then its text, cut at 4096
characters, without a preview of links. Later letters of an incident answer the
first one. What is minor, or tells that something answers again, makes no sound.

Failures: 400 (no such chat, or the group has another number now), 401 and 404
(the token is refused) and 403 (the bot is not a member, or is blocked) are for
good; 429 may pass after the ``retry_after`` that it names; so may 5xx and
everything else. The API has no idempotency key: after a crash between sending
and noting that it was sent a message comes twice. The check asks ``getMe`` and
``getChat``.

Rides on telegram.

Sources: core.telegram.org/bots/api (sendMessage, getMe, getChat,
ResponseParameters, ReplyParameters, HTML style).
"""

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Annotated, Any, ClassVar

import aiohttp
from pydantic import AfterValidator, SecretStr
from typing_extensions import override

from monitor.domain.alert import ChannelFailed, ChannelSettings, Letter
from monitor.domain.settings import Secret
from monitor.domain.words import Event, Severity
from monitor.net.api import ApiSettings, Call, PlainUrl, Reply, call, host_of

_LIMIT = 4096
_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
_CHAT = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,}")
_QUIET = (Event.RECOVERING, Event.CLOSED)
_WORDS = {
    400: "the chat is not known to the bot, or the message was not accepted",
    401: "the token is refused",
    403: "the bot may not write to this chat",
    404: "the token is refused",
}


def _check_token(value: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError("not a bot's token, as in 123456:ABC-DEF")
    return value


def _check_chat(value: int | str) -> int | str:
    if isinstance(value, str) and not _CHAT.fullmatch(value):
        raise ValueError("not a chat: write its number, or @name of a public one")
    return value


class TelegramSettings(ApiSettings):
    """Settings of the telegram channel."""

    token: Annotated[Secret, AfterValidator(_check_token)]
    chat: Annotated[int | str, AfterValidator(_check_chat)]
    topic: int | None = None
    api: PlainUrl = "https://api.telegram.org"

    @property
    @override
    def urls(self) -> tuple[str, ...]:
        return (self.api,)

    @property
    @override
    def known_rides(self) -> tuple[str, ...]:
        return ("telegram",)

    @property
    @override
    def place(self) -> str:
        return host_of(self.api)


class TelegramChannel:
    """See the module's docstring."""

    settings_type: ClassVar[type[ChannelSettings]] = TelegramSettings

    def __init__(self, settings: TelegramSettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session

    async def send(self, letter: Letter) -> str:
        """Write the message, as an answer to the first one of its conversation. Returns the number of that one."""
        wanted: dict[str, Any] = {
            "chat_id": self._settings.chat,
            "text": _message(letter),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
            "disable_notification": letter.severity is Severity.MINOR or letter.event in _QUIET,
        }
        if self._settings.topic is not None:
            wanted["message_thread_id"] = self._settings.topic
        if letter.thread.isdecimal():
            # The first one may have been deleted meanwhile: no reason to say nothing.
            wanted["reply_parameters"] = {"message_id": int(letter.thread), "allow_sending_without_reply": True}
        number = (await self._ask("sendMessage", wanted)).get("message_id")
        return letter.thread or str(number)

    async def check(self) -> None:
        """Whether the token is good and the chat is there."""
        await self._ask("getMe", {})
        await self._ask("getChat", {"chat_id": self._settings.chat})

    async def _ask(self, method: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        settings = self._settings
        reply = await call(
            self._session,
            Call(
                url=f"{settings.api.rstrip('/')}/bot{settings.token.get_secret_value()}/{method}",
                body=json.dumps(wanted).encode(),
                headers={"Content-Type": "application/json"},
                settings=settings,
                is_read=True,
            ),
        )
        if not reply.is_success:
            raise _refusal(reply)
        answer = reply.json()
        result = answer.get("result")
        if answer.get("ok") is not True or not isinstance(result, dict):
            raise ChannelFailed("what answers there is not the Bot API")
        return result


def _refusal(reply: Reply) -> ChannelFailed:
    plain = reply.refusal()
    parameters = reply.json().get("parameters")
    details: Mapping[str, Any] = parameters if isinstance(parameters, dict) else {}
    if "migrate_to_chat_id" in details:
        return ChannelFailed("the group became a supergroup: its chat has another number now", permanent=True)
    wait = details.get("retry_after")
    if isinstance(wait, int) and not plain.permanent:
        return ChannelFailed(plain.message, retry_after=float(wait))
    if reply.status in _WORDS:
        return ChannelFailed(f"{_WORDS[reply.status]} ({reply.status})", permanent=True)
    return plain


def _message(letter: Letter) -> str:
    """HTML of at most 4096 characters when parsed, counted as Telegram counts entities: in UTF-16."""
    title, _, rest = letter.text.partition("\n")
    link = f"\n\n{letter.link}" if letter.link and letter.link not in rest else ""
    body = _cut(rest.rstrip(), _LIMIT - _size(title) - _size(link) - 1)
    return f"<b>{escape(title)}</b>\n{escape(body)}{escape(link)}".rstrip()


def _size(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, room: int) -> str:
    if _size(text) <= room:
        return text
    return text.encode("utf-16-le", "surrogatepass")[: 2 * (room - 1)].decode("utf-16-le", "ignore") + "…"
