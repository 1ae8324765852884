"""`lastseen outages` as people and scripts run it, over a real store that its monitor holds meanwhile."""

import asyncio
import csv
import io
import json
import os
import pwd
from collections.abc import AsyncIterator
from pathlib import Path

import icalendar
import pytest

from monitor.domain.ruling import Ruling
from monitor.store import Store
from tests.support.windows import NOW, a_note, acme_planned, meta_2021, signal_open, telegram_recovering, whatsapp_2022
from tests.test_cli import Done, lastseen

_WINDOWS = (signal_open(), acme_planned(), telegram_recovering(), whatsapp_2022(), meta_2021())
_IDS = [window.id for window in sorted(_WINDOWS, key=lambda window: window.start, reverse=True)]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "monitor.yaml"
    target = {"probe": "tcp", "address": "127.0.0.1:1"}
    service = {"name": "whatsapp", "title": "WhatsApp", "components": [{"name": "chat", "targets": [target]}]}
    path.write_text(json.dumps({"services": [service], "witnesses": [], "store": f"sqlite:///{tmp_path}/lastseen.db"}))
    return path


@pytest.fixture
async def store(config: Path) -> AsyncIterator[Store]:
    """Open and claimed, as a running monitor has it."""
    made = Store(f"sqlite:///{config.parent}/lastseen.db")
    made.claim()
    await made.resume()
    made.keep(Ruling(at=NOW, windows=_WINDOWS))
    await made.kept()
    await made.archive.annotate(a_note(whatsapp_2022()))
    yield made
    await made.close()


async def run(*arguments: str | Path) -> Done:
    return await asyncio.to_thread(lastseen, "outages", *arguments)


async def test_a_list_names_all_outages_newest_first_with_their_notes(store: Store, config: Path) -> None:
    done = await run(config)
    assert (done.returncode, done.stderr) == (0, "")
    places = [done.stdout.index(window_id) for window_id in _IDS]
    assert places == sorted(places)
    assert "WhatsApp was down for 2 h 55 min" in done.stdout
    assert "Note of ines, 2022-10-26 08:00:00 UTC" in done.stdout


async def test_filters_and_formats_for_programs(store: Store, config: Path) -> None:
    listed = await run("--service", "whatsapp", config, "--format", "json")
    table = await run("--since", "2022-10-01", "--until", "2022-10-25T07:00:00Z", "--format=csv", config)
    calendar = await run("--open", "--format", "ical", "--config", config)
    ticket = await run(config, "--provider", "meta", "--format", "md")
    outages = json.loads(listed.stdout)["outages"]
    assert [one["id"] for one in outages] == [whatsapp_2022().id, meta_2021().id]
    assert outages[0]["permalink"] is None
    assert [row["id"] for row in csv.DictReader(io.StringIO(table.stdout))] == [whatsapp_2022().id]
    assert len(icalendar.Calendar.from_ical(calendar.stdout).walk("VEVENT")) == 3
    assert len(ticket.stdout.splitlines()) == 4


async def test_a_note_is_kept_with_who_and_when_and_corrects_what_was_judged(store: Store, config: Path) -> None:
    window = whatsapp_2022()
    done = await run("annotate", window.id, "Groups only at first.", config, "--author", "li", "--kind", "intermittent")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("WhatsApp failed on and off for 2 h 55 min\n")
    assert "Groups only at first. (kind: intermittent)" in done.stdout
    assert (await run("annotate", window.id, "=cmd()", config, "--not-an-outage", "--planned")).returncode == 0
    kept = await store.archive.window(window.id)
    assert kept is not None
    assert kept.window == window, "what was judged stays as it is"
    first, second, third = kept.notes
    assert first == a_note(window)
    assert (second.author, second.text, second.changes) == ("li", "Groups only at first.", (("kind", "intermittent"),))
    assert (third.author, third.changes) == (
        pwd.getpwuid(os.getuid()).pw_name,
        (("planned", "yes"), ("outage", "no")),
    )
    assert second.at < third.at


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--since", "yesterday"), "--since yesterday: write 2022-10-25T07:02:00Z, 2022-10-25, epoch milliseconds"),
        (("annotate", "none", "x"), "store: there is no window none"),
        (("annotate", whatsapp_2022().id, " \n"), "a note has 1 to 4000 characters"),
    ],
)
async def test_mistakes_are_a_sentence_and_exit_2(
    store: Store, config: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    done = await run(*arguments, config)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(complaint)


async def test_without_a_database_it_says_so_and_makes_none(config: Path) -> None:
    for arguments in ((config,), ("annotate", "x", "y", config)):
        done = await run(*arguments)
        assert done.returncode == 2
        assert done.stderr == f"store: there is no store at {config.parent}/lastseen.db yet\n"
    assert not (config.parent / "lastseen.db").exists()


def test_help_shows_the_options_of_the_list_and_the_command_for_notes() -> None:
    done = lastseen("outages", "--help")
    assert done.returncode == 0
    for said in ("--since", "--format", "annotate", "Example: lastseen outages "):
        assert said in done.stdout
    assert 'Example: lastseen outages annotate 20221025T063500Z-whatsapp "' in lastseen(
        "outages", "annotate", "--help"
    ).stdout.replace("\n", " ")
