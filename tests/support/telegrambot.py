"""A stand-in for the Telegram Bot API: the methods that a channel needs, and the answers of the real one.

After core.telegram.org/bots/api; python-telegram-bot takes it for the real one
(tests/channels/test_telegram.py).
"""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from aiohttp import web
from typing_extensions import override

from tests.support.webhooks import serving

TOKEN, CHAT = "123456:canary-Token_0123456789abcdefghijk", -1001234567890
_TAGS = frozenset(("b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "a", "blockquote"))


class _Markup(HTMLParser):
    """What Telegram makes of HTML: the text, or an error."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.plain = ""
        self.error = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        if self._open:
            self.error = f"Can't find end tag corresponding to start tag {self._open[-1]}"

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.error = f'Unsupported start tag "{tag}"'
        self._open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.error = "Unexpected end tag"

    @override
    def handle_data(self, data: str) -> None:
        self.plain += data


@dataclass(slots=True)
class BotApi:
    """``messages`` are those that it took, as Message objects. ``refuses`` is an answer to every sendMessage."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    refuses: tuple[int, str, dict[str, Any]] | None = None
    port: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        """``/botTOKEN/METHOD``, with a form or with JSON."""
        _, first, method = request.path.split("/", 2)
        if not first.startswith("bot") or ":" not in first:
            return _no(404, "Not Found")
        if first != f"bot{TOKEN}":
            return _no(401, "Unauthorized")
        wanted = await _wanted(request)
        self.asked.append((method, wanted))
        return {"getMe": self._get_me, "getChat": self._get_chat, "sendMessage": self._send}[method](wanted)

    def _get_me(self, wanted: Mapping[str, Any]) -> web.Response:
        return _yes({"id": 123456, "is_bot": True, "first_name": "lastseen", "username": "lastseen_bot"})

    def _get_chat(self, wanted: Mapping[str, Any]) -> web.Response:
        if str(wanted.get("chat_id")) != str(CHAT):
            return _no(400, "Bad Request: chat not found")
        chat = {"id": CHAT, "type": "supergroup", "title": "on call"}
        return _yes({**chat, "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _GIFTS})

    def _send(self, wanted: Mapping[str, Any]) -> web.Response:
        if self.refuses is not None:
            return _no(*self.refuses)
        if str(wanted.get("chat_id")) != str(CHAT):
            return _no(400, "Bad Request: chat not found")
        text = str(wanted.get("text", ""))
        if wanted.get("parse_mode") == "HTML":
            markup = _Markup(text)
            if markup.error:
                return _no(400, f"Bad Request: can't parse entities: {markup.error}")
            text = markup.plain.strip()
        if not text:
            return _no(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > 4096:
            return _no(400, "Bad Request: message is too long")
        return _yes(self._take(wanted, text))

    def _take(self, wanted: Mapping[str, Any], text: str) -> dict[str, Any]:
        chat = {"id": CHAT, "type": "supergroup", "title": "on call"}
        message = {"message_id": 100 + len(self.messages), "date": 1666681320, "chat": chat, "text": text}
        reply = wanted.get("reply_parameters") or {}
        before = next((one for one in self.messages if one["message_id"] == reply.get("message_id")), None)
        if before is not None:
            message["reply_to_message"] = {key: value for key, value in before.items() if key != "reply_to_message"}
        self.messages.append(message)
        return message


_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


async def _wanted(request: web.Request) -> Mapping[str, Any]:
    if request.content_type == "application/json":
        found: Mapping[str, Any] = await request.json()
        return found
    form = {name: str(value) for name, value in (await request.post()).items()}
    if "reply_parameters" in form:  # objects are JSON inside a form
        return {**form, "reply_parameters": json.loads(form["reply_parameters"])}
    return form


def _yes(result: dict[str, Any]) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _no(status: int, description: str, parameters: dict[str, Any] | None = None) -> web.Response:
    answer = {"ok": False, "error_code": status, "description": description}
    return web.json_response({**answer, **({"parameters": parameters} if parameters else {})}, status=status)


@asynccontextmanager
async def bot_api(tls: ssl.SSLContext | None = None) -> AsyncIterator[BotApi]:
    """One on a free port of 127.0.0.1."""
    there = BotApi()
    async with serving(there.answer, tls) as there.port:
        yield there
