"""command: a letter handed to a program of one's own.

For what no other channel reaches: an SMS modem, a siren, a script::

    name: siren
    channel: command
    command: [/usr/local/bin/page-oncall, --loud]
    environment: {MODEM_PIN: "${MODEM_PIN}"}
    timeout: 10s

``command`` is the program and its arguments. No shell reads them, and nothing
of the letter is put into them; they are no place for secrets, as everybody on
the machine can see them. On its standard input comes one JSON document, which
docs/alert.schema.json describes. Its environment holds PATH, what
``environment`` adds (secrets), and of the letter: ``LASTSEEN_KEY``,
``LASTSEEN_CONVERSATION``, ``LASTSEEN_EVENT``, ``LASTSEEN_SEVERITY``,
``LASTSEEN_TITLE`` and ``LASTSEEN_LINK``. What the program prints is thrown
away: it may hold secrets, and nobody could tell.

Exit code 0 means taken: not before somebody really has it. 75 (EX_TEMPFAIL)
may pass; for good are 64 to 68, 77 and 78 (usage, data, input, user, host,
permission, configuration), 126 and 127 (not executable, not found). All others
may pass, since a program that breaks says 1 as well. After ``timeout`` (15 s)
it and its whole process group are killed, which may pass. The check sees
whether the program is there and executable.

Sources: sysexits.h of BSD and glibc (exit codes); POSIX, Shell Command
Language 2.8.2 (126 and 127).
"""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import PurePath
from typing import Annotated, ClassVar

import aiohttp
from pydantic import AfterValidator, Field
from typing_extensions import override

from monitor.domain.alert import ChannelFailed, ChannelSettings, Letter
from monitor.domain.settings import Duration, Secret, Strings

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_FOR_GOOD = frozenset((64, 65, 66, 67, 68, 77, 78, 126, 127))
_LAST_BREATH = 5.0
"""Seconds that the kernel may take to bury a killed program."""


def _check_command(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words or not words[0]:
        raise ValueError("no program")
    if any("\0" in word for word in words):
        raise ValueError("a NUL in an argument")
    return words


def _check_environment(values: Mapping[str, Secret]) -> Mapping[str, Secret]:
    for name, value in values.items():
        if not name.isidentifier() or not name.isascii():
            raise ValueError(f"not the name of a variable: {name!r}")
        if "\0" in value.get_secret_value():
            raise ValueError(f"a NUL in {name}")
    return values


class CommandSettings(ChannelSettings):
    """Settings of the command channel."""

    command: Annotated[Strings, AfterValidator(_check_command)]
    environment: Annotated[Mapping[str, Secret], AfterValidator(_check_environment)] = Field(default={})
    timeout: Annotated[Duration, Field(gt=0, le=600)] = 15.0

    @property
    @override
    def place(self) -> str:
        return PurePath(self.command[0]).name


class CommandChannel:
    """See the module's docstring."""

    settings_type: ClassVar[type[ChannelSettings]] = CommandSettings

    def __init__(self, settings: CommandSettings, session: aiohttp.ClientSession) -> None:
        del session  # a program is no server
        self._settings = settings

    async def send(self, letter: Letter) -> str:
        """Run the program with the letter's document on its standard input."""
        code = await self._run(json.dumps(dict(letter.document)).encode(), self._environment(letter))
        if code:
            what = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            raise ChannelFailed(f"the program {what}", permanent=code in _FOR_GOOD)
        return ""

    async def check(self) -> None:
        """Whether the program is there."""
        self._program()

    def _program(self) -> str:
        path = self._settings.environment.get("PATH")
        found = shutil.which(self._settings.command[0], path=path.get_secret_value() if path else _PATH)
        if found is None:
            raise ChannelFailed("the program is not there, or may not be executed", permanent=True)
        return found

    async def _run(self, text: bytes, environment: Mapping[str, str]) -> int:
        program, settings = self._program(), self._settings
        try:
            # A file in memory, not a pipe: the program may read it late, in part or never.
            with os.fdopen(os.memfd_create("letter"), "w+b") as paper:
                paper.write(text)
                paper.seek(0)
                process = await asyncio.create_subprocess_exec(
                    program,
                    *settings.command[1:],
                    stdin=paper,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            raise ChannelFailed(f"the program cannot be started: {error.strerror}") from None
        try:
            async with asyncio.timeout(settings.timeout):
                await process.wait()
        except TimeoutError:
            raise ChannelFailed("the program did not end in time") from None
        finally:
            await _bury(process)
        return process.returncode or 0

    def _environment(self, letter: Letter) -> dict[str, str]:
        told = {
            "KEY": letter.key,
            "CONVERSATION": letter.conversation,
            "EVENT": letter.event,
            "SEVERITY": letter.severity,
            "TITLE": letter.title,
            "LINK": letter.link,
        }
        own = {name: value.get_secret_value() for name, value in self._settings.environment.items()}
        return {"PATH": _PATH, **own, **{f"LASTSEEN_{name}": _value(text) for name, text in told.items()}}


def _value(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


async def _bury(process: asyncio.subprocess.Process) -> None:
    """Kill the program and its group, if it still runs, and wait for it."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_BREATH):
            await process.wait()
