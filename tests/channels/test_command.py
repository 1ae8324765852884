"""The command channel: what a program is given, what its exit code means, and that it is ended in time."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError

from monitor.channels.command import CommandChannel, CommandSettings
from monitor.domain.alert import ChannelFailed
from tests.support.letters import LINK, TITLE, a_letter
from tests.support.waiting import until


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


def channel(session: aiohttp.ClientSession, folder: Path, script: str, *words: str, **settings: Any) -> CommandChannel:
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    values = {"command": (str(program), *words), "timeout": "10s", **settings}
    return CommandChannel(CommandSettings.model_validate(values), session)


async def test_the_document_comes_on_standard_input(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    letter = a_letter()
    assert await channel(session, tmp_path, f"cat > {tmp_path}/in").send(letter) == ""
    assert json.loads((tmp_path / "in").read_bytes()) == letter.document


async def test_arguments_are_no_shells_business_and_the_environment_is_small(
    session: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMETHING_OF_OURS", "canary")
    script = f'printf "%s\\n" "$@" > {tmp_path}/words; env -0 > {tmp_path}/env'
    by = channel(session, tmp_path, script, "$(id)", "; rm", "a b", environment={"PIN": "1234"})
    await by.send(a_letter())
    assert (tmp_path / "words").read_text().splitlines() == ["$(id)", "; rm", "a b"]
    found = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().split("\0") if line)
    assert found.pop("PWD", None)  # the shell's own
    for name in ("_", "SHLVL", "OLDPWD"):
        found.pop(name, None)
    assert sorted(found) == [
        *("LASTSEEN_CONVERSATION", "LASTSEEN_EVENT", "LASTSEEN_KEY", "LASTSEEN_LINK"),
        *("LASTSEEN_SEVERITY", "LASTSEEN_TITLE", "PATH", "PIN"),
    ]
    assert found["LASTSEEN_TITLE"] == TITLE
    assert found["LASTSEEN_LINK"] == LINK
    assert found["LASTSEEN_KEY"] == a_letter().key


@pytest.mark.parametrize("code", [1, 2, 69, 70, 71, 74, 75, 76, 255])
async def test_these_exit_codes_may_pass(session: aiohttp.ClientSession, tmp_path: Path, code: int) -> None:
    with pytest.raises(ChannelFailed, match=f"code {code}") as caught:
        await channel(session, tmp_path, f"exit {code}").send(a_letter())
    assert not caught.value.permanent


@pytest.mark.parametrize("code", [64, 65, 66, 67, 68, 77, 78, 126, 127])
async def test_these_exit_codes_are_for_good(session: aiohttp.ClientSession, tmp_path: Path, code: int) -> None:
    with pytest.raises(ChannelFailed, match=f"code {code}") as caught:
        await channel(session, tmp_path, f"exit {code}").send(a_letter())
    assert caught.value.permanent


async def test_a_program_that_a_signal_ends_has_taken_nothing(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    with pytest.raises(ChannelFailed, match="signal 9") as caught:
        await channel(session, tmp_path, "kill -9 $$").send(a_letter())
    assert not caught.value.permanent


async def test_a_program_may_ignore_its_input_and_print_without_end(
    session: aiohttp.ClientSession, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    document = {**a_letter().document, "text": "x" * 1_000_000}
    script = "exec <&-; head -c 2000000 /dev/zero; head -c 2000000 /dev/zero >&2; echo canary"
    await channel(session, tmp_path, script).send(a_letter(document=document))
    assert "".join(capfd.readouterr()) == ""


async def test_after_its_time_the_program_and_its_children_are_killed(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    by = channel(session, tmp_path, f"trap '' TERM; sleep 60 & echo $! > {tmp_path}/child; wait", timeout="500ms")
    began = time.monotonic()
    with pytest.raises(ChannelFailed, match="did not end in time") as caught:
        await by.send(a_letter())
    assert time.monotonic() - began < 5
    assert not caught.value.permanent
    await until(lambda: _is_gone(int((tmp_path / "child").read_text())))


async def test_a_program_ends_with_the_task_that_waits_for_it(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    by = channel(session, tmp_path, f"echo $$ > {tmp_path}/own; sleep 60")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(by.send(a_letter()))
        await until(lambda: (tmp_path / "own").exists() and bool((tmp_path / "own").read_text()))
        task.cancel()
    await until(lambda: _is_gone(int((tmp_path / "own").read_text())))


async def test_a_program_that_is_not_there_is_told_before_a_letter_needs_it(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    for words in (("/nonexistent/program",), ("no-such-program-anywhere",), (str(tmp_path),)):
        by = CommandChannel(CommandSettings.model_validate({"command": words}), session)
        for act in (by.check(), by.send(a_letter())):
            with pytest.raises(ChannelFailed, match="not there") as caught:
                await act
            assert caught.value.permanent


async def test_what_cannot_be_started_is_told(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("no program at all")
    program.chmod(0o755)
    by = CommandChannel(CommandSettings.model_validate({"command": (str(program),)}), session)
    with pytest.raises(ChannelFailed, match="cannot be started: Exec format error"):
        await by.send(a_letter())


async def test_a_program_is_found_on_the_usual_path(session: aiohttp.ClientSession) -> None:
    by = CommandChannel(CommandSettings.model_validate({"command": "true"}), session)
    await by.check()
    await by.send(a_letter())


@pytest.mark.parametrize(
    "settings",
    [
        {"command": ()},
        {"command": ""},
        {"command": ("a\0b",)},
        {"command": "true", "environment": {"A B": "x"}},
        {"command": "true", "environment": {"A": "x\0"}},
        {"command": "true", "timeout": "0s"},
        {"command": "true", "timeout": "1h"},
    ],
)
def test_what_cannot_work_is_a_mistake_in_the_configuration(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CommandSettings.model_validate(settings)


def test_the_place_is_the_programs_name() -> None:
    settings = CommandSettings.model_validate({"command": ("/opt/x/page", "--to"), "environment": {"PIN": "canary"}})
    assert settings.place == "page"
    assert "canary" not in repr(settings)


def _is_gone(pid: int) -> bool:
    with suppress(ProcessLookupError, FileNotFoundError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True
