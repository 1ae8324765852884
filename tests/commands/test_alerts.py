"""`lastseen alert`, `ack` and `silence` as people run them, over a real store that its monitor holds meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from monitor.domain.ruling import Ruling
from monitor.store import Store
from tests.support.servers import free_port
from tests.support.webhooks import Hook, hook
from tests.support.windows import NOW, signal_open, telegram_recovering, whatsapp_2022
from tests.test_cli import Done, lastseen


@pytest.fixture
async def there() -> AsyncIterator[Hook]:
    async with hook() as made:
        yield made


@pytest.fixture
def config(tmp_path: Path, there: Hook) -> Path:
    path = tmp_path / "monitor.yaml"
    channels: list[dict[str, Any]] = [
        {"name": "nobody", "channel": "webhook", "url": f"http://127.0.0.1:{free_port()}/"},
        {"name": "hook", "channel": "webhook", "url": f"http://127.0.0.1:{there.port}/", "rides_on": "telegram"},
        {"name": "second", "channel": "webhook", "url": f"http://127.0.0.1:{there.port}/second"},
        {"name": "rider", "channel": "webhook", "url": f"http://127.0.0.1:{there.port}/", "rides_on": "signal"},
    ]
    routes = [
        {"name": "oncall", "channels": ["nobody", "hook"]},
        {"name": "lonely", "channels": ["nobody"], "services": ["elsewhere"]},
        {"name": "riding", "channels": ["rider", "second"], "language": "fr"},
    ]
    target = {"probe": "tcp", "address": "127.0.0.1:1"}
    service = {"name": "whatsapp", "title": "WhatsApp", "components": [{"name": "chat", "targets": [target]}]}
    web = {"url": "https://status.example"}
    alerts = {"channels": channels, "routes": routes}
    top = {"services": [service], "witnesses": [], "web": web, "alerts": alerts}
    path.write_text(json.dumps({**top, "store": f"sqlite:///{tmp_path}/lastseen.db"}))
    return path


@pytest.fixture
async def store(config: Path) -> AsyncIterator[Store]:
    """Open and claimed, as a running monitor has it."""
    made = Store(f"sqlite:///{config.parent}/lastseen.db")
    made.claim()
    await made.resume()
    windows = (signal_open(), telegram_recovering(), whatsapp_2022())
    made.keep(Ruling(at=NOW, windows=windows, memory=(("ack", "00" * 32),)))
    await made.kept()
    yield made
    await made.close()


async def run(*arguments: str | Path) -> Done:
    return await asyncio.to_thread(lastseen, *arguments)


async def test_a_route_is_tried_and_the_way_round_is_told(config: Path, there: Hook) -> None:
    done = await run("alert", "test", "oncall", config)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "nobody: passed over, Connection refused\nhook: sent\n"
    (taken,) = there.taken
    assert taken.json()["event"] == "test"


async def test_a_route_that_reaches_nobody_is_a_failure(config: Path) -> None:
    done = await run("alert", "test", "lonely", config)
    assert done.returncode == 1
    assert "nobody: passed over" in done.stdout
    assert done.stderr == "no channel of the route lonely took it\n"


async def test_a_misspelt_route_is_named(config: Path) -> None:
    done = await run("alert", "test", "oncal", config)
    assert (done.returncode, done.stderr) == (2, "no route 'oncal' in this file (did you mean 'oncall'?)\n")


async def test_a_preview_shows_what_would_be_sent_where_and_why_that_way(
    store: Store, config: Path, there: Hook
) -> None:
    done = await run("alert", "preview", whatsapp_2022().id, config)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--- route oncall, over nobody (webhook, 127.0.0.1), " in done.stdout
    assert "Over: WhatsApp was down for 2 h 55 min" in done.stdout
    assert "--- route riding, over second (webhook, 127.0.0.1), " in done.stdout
    assert "rider a été évité : signal est lui-même en panne depuis 11:56 UTC" in done.stdout
    assert "--- route lonely: is not for this outage" in done.stdout
    assert there.taken == [], "nothing is sent"


async def test_a_preview_as_json_is_the_webhooks_document(store: Store, config: Path) -> None:
    done = await run("alert", "preview", "--json", signal_open().id, config)
    first, _ = json.loads(done.stdout)
    assert (first["event"], first["outages"][0]["id"]) == ("opened", signal_open().id)


async def test_there_is_no_preview_of_what_never_was(store: Store, config: Path) -> None:
    done = await run("alert", "preview", "x", config)
    assert (done.returncode, done.stderr) == (2, "there is no outage x in the store\n")


async def test_an_acknowledgement_is_in_the_store_at_once(store: Store, config: Path) -> None:
    done = await run("ack", signal_open().id, config, "--author", "ines")
    assert (done.returncode, done.stdout) == (0, f"{signal_open().id}: ines looks after it\n")
    (note,) = await store.archive.acknowledged([signal_open().id])
    assert note.author == "ines"
    done = await run("ack", "x", config, "--author", "ines")
    assert (done.returncode, done.stderr) == (2, "store: there is no window x\n")


async def test_a_silence_is_made_listed_and_ended(store: Store, config: Path) -> None:
    assert (await run("silence", "list", config)).stdout == "Nothing is silenced.\n"
    made = await run("silence", "add", "whats*", "2h", config, "--author", "ines", "--comment", "we [b]know[/b]")
    silence_id = made.stdout.partition(":")[0]
    assert "nobody is told of whats* until " in made.stdout
    listed = (await run("silence", "list", config)).stdout
    assert silence_id in listed
    assert "we [b]know[/b]" in listed
    assert (await run("silence", "end", silence_id, config)).stdout == f"{silence_id}: ended\n"
    assert (await run("silence", "list", config)).stdout == "Nothing is silenced.\n"
    wrong = await run("silence", "add", "x", "2", config)
    assert (wrong.returncode, "not a duration" in wrong.stderr) == (2, True)
    assert (await run("silence", "end", "nope", config)).stderr == "there is no silence nope\n"
