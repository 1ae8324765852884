"""Every kind of channel before a server of ours that takes letters, or has the trouble that a test wants."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp

from monitor.domain.alert import ChannelSettings
from monitor.domain.ports import Channel
from monitor.registry import CHANNEL_SETTINGS, CHANNELS
from tests.support.servers import free_port
from tests.support.smtp import PASSWORD, USER, Relay, relay
from tests.support.telegrambot import CHAT, TOKEN
from tests.support.webhooks import Hook, hook

Trouble = Literal["none", "error", "busy", "denied", "silent", "refused", "untrusted"]
TROUBLES: tuple[Trouble, ...] = ("error", "busy", "denied", "silent", "refused", "untrusted")
NO_NETWORK = ("command",)
"""Kinds that have no server: nothing refuses their connections."""
CASES = [
    (kind, trouble)
    for kind in sorted(CHANNELS)
    for trouble in TROUBLES
    if kind not in NO_NETWORK or trouble not in ("refused", "untrusted")
]
SECRETS = ("canary", TOKEN, PASSWORD)
"""Parts of what every stage has in its settings, and of what its servers say."""
_STATUS: Mapping[str, int] = {"error": 500, "busy": 429, "denied": 401}
_FINE = b'{"ok": true, "result": {"message_id": 7}}'
_SAID = b'{"ok": false, "description": "canary-of-the-server"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A channel, and how many letters its other side has taken."""

    channel: Channel
    settings: ChannelSettings
    letters: Callable[[], int]


def settings_of(kind: str, host: str, port: int, *, scheme: str = "http", patience: float = 5.0) -> dict[str, Any]:
    """Settings that lead to a server there, with a secret in every place that takes one."""
    base = f"{scheme}://{host}:{port}"
    token = {"Authorization": "Bearer canary-header"}
    found: dict[str, dict[str, Any]] = {
        "webhook": {"url": f"{base}/canary-path?t=canary-query", "secret": "canary-secret", "headers": token},
        "telegram": {"api": base, "token": TOKEN, "chat": CHAT},
        "alertmanager": {"url": f"{base}/canary-prefix", "headers": token},
        "pagerduty": {"url": f"{base}/canary-path", "routing_key": "canary-routing-key"},
        "apprise": {
            "url": f"json{'s' if scheme == 'https' else ''}://{USER}:{PASSWORD}@{host}:{port}/canary-path?cto=1&rto=1"
        },
        "email": {
            "host": host,
            "port": port,
            "from": "lastseen <lastseen@example.org>",
            "to": ["oncall@example.org"],
            "username": USER,
            "password": PASSWORD,
            "tls": "implicit" if scheme == "https" else None,
        },
    }
    return {**found[kind], "timeout": f"{patience}s"}


@asynccontextmanager
async def staged(kind: str, trouble: Trouble, folder: Path, leaf: tuple[Path, Path]) -> AsyncIterator[Stage]:
    """The stage for one kind and one trouble. ``leaf`` is a certificate that nobody trusts."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        if kind == "command":
            values, letters = _program(trouble, folder)
        else:
            tls = None
            if trouble == "untrusted":
                tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                tls.load_cert_chain(*leaf)
            if kind == "email":
                port, letters = await _relay(stack, trouble, tls)
            else:
                port, letters = await _hook(stack, trouble, tls)
            port = free_port() if trouble == "refused" else port
            patience = 0.2 if trouble == "silent" else 5.0
            values = settings_of(kind, "127.0.0.1", port, scheme="https" if tls else "http", patience=patience)
        settings = CHANNEL_SETTINGS[kind].model_validate(values)
        yield Stage(channel=CHANNELS[kind](settings, session), settings=settings, letters=letters)
        await asyncio.sleep(0)


async def _hook(stack: AsyncExitStack, trouble: Trouble, tls: ssl.SSLContext | None) -> tuple[int, Callable[[], int]]:
    there: Hook = await stack.enter_async_context(hook(tls))
    there.status = _STATUS.get(trouble, 200)
    there.body = _FINE if there.status == 200 else _SAID
    there.headers = {"Content-Type": "application/json", **({"Retry-After": "7"} if trouble == "busy" else {})}
    there.is_silent = trouble == "silent"
    questions = ("/getMe", "/getChat")
    return there.port, lambda: sum(
        one.method == "POST" and not one.path.endswith(questions) and trouble == "none" for one in there.taken
    )


async def _relay(stack: AsyncExitStack, trouble: Trouble, tls: ssl.SSLContext | None) -> tuple[int, Callable[[], int]]:
    there: Relay = await stack.enter_async_context(relay(tls, is_implicit=tls is not None, asks=True))
    there.login = trouble != "denied"
    there.data = {"error": "451 canary-of-the-relay", "busy": "452 canary-of-the-relay"}.get(trouble, there.data)
    there.is_silent = trouble == "silent"
    return there.port, lambda: len(there.mailbox)


def _program(trouble: Trouble, folder: Path) -> tuple[dict[str, Any], Callable[[], int]]:
    script, taken = folder / "page", folder / "taken"
    ends = {"none": f"cat > /dev/null; echo x >> {taken}", "error": "exit 1", "busy": "exit 75", "denied": "exit 77"}
    script.write_text(f"#!/bin/sh\necho canary-output >&2\n{ends.get(trouble, 'sleep 60')}\n")
    script.chmod(0o755)
    values = {
        "command": (str(script), "--loud"),
        "environment": {"PIN": "canary-pin"},
        "timeout": "200ms" if trouble == "silent" else "5s",
    }
    return values, lambda: len(taken.read_text().split()) if taken.exists() else 0
