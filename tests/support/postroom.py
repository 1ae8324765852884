"""A place to which alerts go, run as a program inside a namespace: a web server, a mail relay, a Telegram, and three
services that are watched and can be stopped. It writes a line of JSON for every letter that it takes.

``python -m tests.support.postroom '{"taken": FILE, "http": PORT, "relay": PORT, "telegram": PORT, "SERVICE": PORT}'``;
``down SERVICE`` or ``up SERVICE`` on stdin, one a line.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.telegrambot import BotApi

SERVICES = ("acme", "telegram-service", "witness")


class Postroom:
    """What is taken goes to ``taken``: where it arrived, which event of which conversation, and the whole of it."""

    def __init__(self, taken: Path) -> None:
        self._taken = taken
        self._once: set[str] = set()

    def note(self, where: str, event: str, text: str) -> None:
        with self._taken.open("a") as file:
            file.write(json.dumps({"where": where, "event": event, "text": text, "at": time.time()}) + "\n")

    async def hook(self, request: web.Request) -> web.Response:
        """``/NAME/BEHAVIOUR``: ok, 500, 429 (for an hour), 429once (for a second), slow."""
        name, behaviour = request.match_info["name"], request.match_info["behaviour"]
        body = await request.read()
        if request.method != "POST":
            return web.Response()
        if behaviour == "slow":
            await asyncio.sleep(3600)
        if behaviour == "500":
            return web.Response(status=500)
        if behaviour == "429":
            return web.Response(status=429, headers={"Retry-After": "3600"})
        if behaviour == "429once" and name not in self._once:
            self._once.add(name)
            return web.Response(status=429, headers={"Retry-After": "1"})
        document = json.loads(body)
        self.note(name, str(document.get("event", _event(str(document.get("title"))))), body.decode())
        return web.Response()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        """A mail, of which the first recipient's name says where it goes."""
        assert isinstance(envelope.content, bytes)
        text = envelope.content.decode()
        event = next(line for line in text.splitlines() if line.startswith("X-Lastseen-Event:"))
        self.note(envelope.rcpt_tos[0].partition("@")[0], event.partition(":")[2].strip(), text)
        return "250 taken"


def _event(title: str) -> str:
    return "closed" if title.startswith("Over") else "recovering" if "again" in title else "opened"


async def _services(ports: Mapping[str, int]) -> None:
    running: dict[str, asyncio.Server] = {}

    async def start(name: str) -> None:
        running[name] = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", ports[name])

    for name in SERVICES:
        await start(name)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while line := (await reader.readline()).decode().split():
        if line[0] == "up":
            await start(line[1])
        else:
            running.pop(line[1]).close()


async def _main(wanted: dict[str, Any]) -> None:
    room, bot = Postroom(Path(wanted["taken"])), BotApi()
    app = web.Application()
    app.router.add_route("*", "/{name}/{behaviour}", room.hook)
    runner, telegram = web.AppRunner(app, access_log=None), web.ServerRunner(web.Server(bot.answer, access_log=None))  # type: ignore[arg-type]  # a Request is what it gets

    for server, port in ((runner, wanted["http"]), (telegram, wanted["telegram"])):
        await server.setup()
        await web.TCPSite(server, "127.0.0.1", port).start()
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: SMTP(room, hostname="relay.example", loop=loop), "127.0.0.1", wanted["relay"])
    await _services(wanted)
    for message in bot.messages:
        room.note("telegram", _event(message["text"]), message["text"])


if __name__ == "__main__":
    asyncio.run(_main(json.loads(sys.argv[1])))
