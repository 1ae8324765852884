"""No channel lets a secret out, nor what a server said; and none of them asks for more than loopback has."""

import json
import logging
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.domain.alert import ChannelFailed
from monitor.registry import CHANNELS
from tests.support.certificates import CertificateAuthority
from tests.support.letters import a_letter
from tests.support.monitor import ROOT
from tests.support.namespace import Namespace
from tests.support.stages import CASES, NO_NETWORK, SECRETS, Trouble, settings_of, staged

Output = Callable[[], str]


@pytest.fixture
def output(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Output:
    """All that was logged or printed so far."""
    caplog.set_level(logging.WARNING, "mail.log")  # the other side's: it logs what it says itself
    caplog.set_level(logging.DEBUG)  # last: it is the level of the handler as well

    def so_far() -> str:
        printed = capfd.readouterr()
        return caplog.text + printed.out + printed.err

    return so_far


@pytest.fixture(scope="module")
def leaf(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return CertificateAuthority(tmp_path_factory.mktemp("ca")).leaf()


@pytest.mark.parametrize(("kind", "trouble"), CASES)
async def test_no_secret_and_no_word_of_a_server_gets_out(
    kind: str, trouble: Trouble, tmp_path: Path, leaf: tuple[Path, Path], output: Output
) -> None:
    async with staged(kind, trouble, tmp_path, leaf) as stage:
        with pytest.raises(ChannelFailed) as caught:
            await stage.channel.send(a_letter())
        failure = caught.value
        shown = [str(failure), repr(failure), failure.message, *traceback.format_exception(failure)]
        shown += [repr(stage.settings), str(stage.settings), stage.settings.place, repr(stage.channel)]
        shown += [repr(vars(stage.channel)), stage.settings.model_dump_json()]
    everything = "\n".join([*shown, output()])
    assert not [secret for secret in SECRETS if secret in everything]


def test_without_dns_every_channel_may_try_again(tmp_path: Path) -> None:
    kinds = [kind for kind in sorted(CHANNELS) if kind not in NO_NETWORK]
    wanted = {kind: settings_of(kind, "gone.example", 443, scheme="https") for kind in kinds}
    with Namespace(tmp_path) as alone:
        command = [*alone.prefix, sys.executable, "-m", "tests.support.nowhere", json.dumps(wanted)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {kind: answer["permanent"] for kind, answer in told.items()} == dict.fromkeys(kinds, False)
    assert {kind: answer["retry_after"] for kind, answer in told.items()} == dict.fromkeys(kinds)
    plain = {kind: answer["message"] for kind, answer in told.items() if kind != "apprise"}
    assert set(plain.values()) == {"its name does not resolve"}
    assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr]
