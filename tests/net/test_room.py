import asyncio
import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from monitor.domain.failures import ProbeInconclusive
from monitor.domain.words import Reason
from monitor.net.room import RESERVED, require_room
from tests.support.attempts import attempt
from tests.support.stubborn import mute

_LIMIT = 200


@pytest.fixture
def few_files() -> Iterator[ExitStack]:
    """A limit of 200 open files; on the stack the test may put some of them in use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_LIMIT, hard))
    try:
        with ExitStack() as stack:
            yield stack
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def next_descriptor(stack: ExitStack) -> int:
    """The number that a new socket would get, and keeps."""
    descriptor = os.dup(2)
    stack.callback(os.close, descriptor)
    return descriptor


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def fill(stack: ExitStack, spare: int) -> None:
    """Use all descriptors but ``spare``."""
    while (descriptor := os.dup(2)) < _LIMIT - spare - 1:
        stack.callback(os.close, descriptor)
    stack.callback(os.close, descriptor)


def test_there_is_room_until_only_the_reserved_ones_are_left(few_files: ExitStack) -> None:
    fill(few_files, RESERVED + 1)
    require_room(next_descriptor(few_files))
    with pytest.raises(ProbeInconclusive) as raised:
        require_room(next_descriptor(few_files))
    assert raised.value.reason is Reason.SELF_FILES


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("tcp", {"address": "127.0.0.1:@PORT@"}),
        ("dns", {"name": "a.test", "resolver": "127.0.0.1:@PORT@"}),
        ("icmp", {"host": "127.0.0.1"}),
    ],
)
@pytest.mark.parametrize("spare", [RESERVED, 0])
async def test_no_probe_keeps_a_reserved_descriptor(
    few_files: ExitStack, kind: str, settings: dict[str, str], spare: int
) -> None:
    open_before = open_files()
    port = few_files.enter_context(mute())
    fill(few_files, spare)
    told = {key: value.replace("@PORT@", str(port)) for key, value in settings.items()}
    result = await attempt(kind, told)
    assert result.verdict == "inconclusive/self_files"
    few_files.close()
    await asyncio.sleep(0.05)  # an aborted connection is closed in the loop's next turn
    assert open_files() <= open_before
