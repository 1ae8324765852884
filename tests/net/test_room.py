import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack

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


def fill(stack: ExitStack, spare: int) -> None:
    """Use all descriptors but ``spare``."""
    while (descriptor := os.dup(2)) < _LIMIT - spare - 1:
        stack.callback(os.close, descriptor)
    stack.callback(os.close, descriptor)


def test_there_is_room_until_only_the_reserved_ones_are_left(few_files: ExitStack) -> None:
    fill(few_files, RESERVED + 1)
    require_room()
    few_files.callback(os.close, os.dup(2))
    with pytest.raises(ProbeInconclusive) as raised:
        require_room()
    assert raised.value.reason is Reason.SELF_FILES


def test_asking_for_room_takes_none(few_files: ExitStack) -> None:
    fill(few_files, RESERVED + 1)
    for _ in range(100):
        require_room()


def test_a_full_table_is_no_room_either(few_files: ExitStack) -> None:
    fill(few_files, 0)
    with pytest.raises(ProbeInconclusive) as raised:
        require_room()
    assert raised.value.reason is Reason.SELF_FILES


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("tcp", {"address": "127.0.0.1:@PORT@"}),
        ("dns", {"name": "a.test", "resolver": "127.0.0.1:@PORT@"}),
        ("icmp", {"host": "127.0.0.1"}),
    ],
)
async def test_no_probe_takes_a_reserved_descriptor(few_files: ExitStack, kind: str, settings: dict[str, str]) -> None:
    port = few_files.enter_context(mute())
    fill(few_files, RESERVED)
    told = {key: value.replace("@PORT@", str(port)) for key, value in settings.items()}
    result = await attempt(kind, told)
    assert result.verdict == "inconclusive/self_files"
