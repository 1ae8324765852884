import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from monitor.registry import PROBES
from tests.support.certificates import CertificateAuthority
from tests.support.fuzzed import casts
from tests.support.fuzzing import Fuzz, Tally
from tests.support.namespace import Namespace

SEED = 20221025
INPUTS = 100
PATIENCE = 0.4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ca")
    CertificateAuthority(made).leaf()
    return made


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    with Namespace(tmp_path_factory.mktemp("namespace")) as made:
        made.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
        yield made


async def fuzzed(kind: str, folder: Path) -> Tally:
    ways = casts(kind, folder)
    fuzz = Fuzz(kind, folder, SEED, PATIENCE)
    tally = Tally()
    for way in ways:
        tally.add(await fuzz.run(way, INPUTS // len(ways)))
    return tally


@pytest.mark.parametrize("kind", sorted(PROBES))
def test_whatever_a_server_says_a_probe_ends_in_time_and_in_order(kind: str, folder: Path, inside: Namespace) -> None:
    def run() -> Tally:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(fuzzed(kind, folder))

    tally = inside.call(run)
    assert not tally.wrong, "\n".join(tally.wrong)
    assert tally.outcomes["ok"] < 0.75 * tally.inputs
