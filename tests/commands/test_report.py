"""`lastseen report` as people and scripts run it, over a real store that its monitor holds meanwhile."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from monitor.cli import app
from monitor.domain.outage import StateSeconds
from monitor.domain.ruling import Ruling
from monitor.languages.words import LANGUAGES
from monitor.store import Store
from tests.support.windows import NOW, a_note, acme_planned, at, whatsapp_2022
from tests.test_cli import lastseen

_BEGIN, _END = int(at("2022-10-01T00:00:00")), int(at("2022-11-01T00:00:00"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "monitor.yaml"
    target = {"probe": "tcp", "address": "127.0.0.1:1"}
    services = [
        {"name": name, "title": title, "provider": provider, "components": [{"name": "chat", "targets": [target]}]}
        for name, title, provider in (("whatsapp", "WhatsApp", "meta"), ("acme-chat", "Acme", "acme"))
    ]
    path.write_text(
        json.dumps(
            {
                "vantage": {"name": "fra-1"},
                "services": services,
                "witnesses": [],
                "store": f"sqlite:///{tmp_path}/lastseen.db",
            }
        )
    )
    return path


@pytest.fixture
async def store(config: Path) -> AsyncIterator[Store]:
    """Open and claimed, as a running monitor has it: October 2022, with the outage of the 25th."""
    made = Store(f"sqlite:///{config.parent}/lastseen.db")
    made.claim()
    await made.resume()
    down = {
        int(at(f"2022-10-25T0{hour}:00:00")): seconds for hour, seconds in ((6, 1500), (7, 3600), (8, 3600), (9, 1800))
    }
    made.keep_seconds(
        StateSeconds(hour=hour, service=name, component=component, up=3600 - lost, down=lost)
        for hour in range(_BEGIN, _END, 3600)
        for name, lost in (("whatsapp", down.get(hour, 0)), ("acme-chat", 0))
        for component in ("", "chat")
    )
    made.keep(Ruling(at=NOW, windows=(whatsapp_2022(), acme_planned())))
    await made.kept()
    await made.flush()
    await made.archive.annotate(a_note(whatsapp_2022()))
    yield made
    await made.close()


async def run(*arguments: str | Path) -> Result:
    """Within this process: starting one takes longer than a report does."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["report", *map(str, arguments)])


async def test_a_page_is_what_one_gets(store: Store, config: Path) -> None:
    done = await asyncio.to_thread(lastseen, "report", config, "--month", "2022-10")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("<!doctype html>")
    assert "<h1>Availability: October 2022</h1>" in done.stdout
    assert "<td>99.607\u00a0%</td><td>100\u00a0%</td><td>2 h 55 min</td><td>1</td>" in done.stdout
    assert "Meta says: a technical error on their side.\nOur campaign" in done.stdout


async def test_markdown_for_a_mail_and_csv_for_a_spreadsheet(store: Store, config: Path) -> None:
    mail = await run("--month", "2022-10", "--format", "md", "--service", "whatsapp", config)
    table = await run("--since", "2022-10-24", "--until", "2022-10-26", "--format=csv", config, "--objective", "90")
    assert "| WhatsApp | 99.607\u00a0% | 100\u00a0% | 2 h 55 min | 1 | 2 h 55 min |" in mail.stdout
    assert "Acme" not in mail.stdout
    rows = list(csv.DictReader(io.StringIO(table.stdout)))
    assert [(row["service"], row["component"]) for row in rows] == [
        *(("whatsapp", ""), ("whatsapp", "chat"), ("acme-chat", ""), ("acme-chat", "chat")),
    ]
    assert float(rows[0]["availability"]) == pytest.approx(1 - 10_500 / 172_800, abs=1e-6)
    assert (rows[0]["first_day"], rows[0]["last_day"], rows[0]["objective_met"]) == ("2022-10-24", "2022-10-25", "yes")


async def test_it_speaks_the_language_that_is_asked_for_and_its_csv_none(store: Store, config: Path) -> None:
    page, mail = [
        await run("--month", "2022-10", "--language", language, config, *form)
        for language, form in (("fr", ()), ("it", ("--format", "md")))
    ]
    assert '<html lang="fr">' in page.stdout
    assert "<h1>Disponibilité\u00a0: octobre 2022</h1>" in page.stdout
    assert "whatsapp était en panne, totalement" in page.stdout.lower()
    assert mail.stdout.startswith("# Disponibilità: ottobre 2022\n")
    assert "| WhatsApp | 99,607\u00a0% | 100\u00a0% | 2 h 55 min | 1 | 2 h 55 min |" in mail.stdout
    tables = [
        await run("--month", "2022-10", "--format", "csv", "--language", language, config) for language in LANGUAGES
    ]
    assert len({table.stdout for table in tables}) == 1


async def test_only_what_a_provider_has(store: Store, config: Path) -> None:
    done = await run(config, "--month", "2022-10", "--provider", "acme", "--format", "md")
    assert "WhatsApp" not in done.stdout
    assert "## Planned" in done.stdout


async def test_without_a_month_it_is_the_last_one(store: Store, config: Path) -> None:
    done = await run(config, "--format", "md")
    assert done.exit_code == 0
    assert "Nothing was observed." in done.stdout, "the store ends in 2022"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--month", "october"), "--month october: write a month as 2026-10"),
        (("--month", "9000-01"), "--month 9000-01: 9000-01-01 has not come yet"),
        (("--since", "7d"), "--since 7d: write a day as 2026-10-01"),
        (("--until", "2022-10-05"), "--until needs --since"),
        (("--month", "2022-10", "--since", "2022-10-05"), "give --month, or --since and --until"),
        (("--language", "de"), "--language de: give one of en, fr, it"),
        (("--month", "2022-10", "--service", "nobody"), "store: nothing is known of nobody for October 2022"),
        (("--month", "2022-10", "--provider", "nobody"), "store: nothing is known of nobody for October 2022"),
    ],
)
async def test_mistakes_are_a_sentence_and_exit_2(
    store: Store, config: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    done = await run(*arguments, config)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(complaint)


async def test_without_a_database_it_says_so_and_makes_none(config: Path) -> None:
    done = await run(config)
    assert (done.exit_code, done.stderr) == (2, f"store: there is no store at {config.parent}/lastseen.db yet\n")
    assert not (config.parent / "lastseen.db").exists()


def test_help_has_an_example_and_all_options() -> None:
    shown = CliRunner().invoke(app, ["report", "--help"], env={"COLUMNS": "120"}).stdout
    assert "Example: lastseen report --month 2026-10" in shown
    for option in ("--month", "--since", "--until", "--service", "--provider", "--objective", "--format", "--language"):
        assert option in shown
