"""On uvloop, where the monitor runs, channels do what they do on asyncio's own loop."""

from pathlib import Path

import pytest
import uvloop

from monitor.domain.alert import ChannelFailed
from monitor.registry import CHANNELS
from tests.support.certificates import CertificateAuthority
from tests.support.letters import a_letter
from tests.support.stages import CASES, SECRETS, Trouble, staged


@pytest.mark.parametrize("kind", sorted(CHANNELS))
def test_letters_and_troubles_are_the_same(kind: str, tmp_path: Path) -> None:
    leaf = CertificateAuthority(tmp_path / "ca").leaf()

    async def tell(trouble: Trouble) -> ChannelFailed | None:
        folder = tmp_path / trouble
        folder.mkdir()
        async with staged(kind, trouble, folder, leaf) as stage:
            try:
                await stage.channel.send(a_letter())
            except ChannelFailed as failure:
                return failure
            assert stage.letters() == 1
            return None

    async def all_of_them() -> dict[Trouble, ChannelFailed | None]:
        troubles: list[Trouble] = [trouble for known, trouble in CASES if known == kind]
        return {trouble: await tell(trouble) for trouble in ("none", *troubles)}

    told = uvloop.run(all_of_them())
    assert told.pop("none") is None
    for trouble, failure in told.items():
        assert failure is not None, trouble
        assert failure.permanent is (trouble == "denied"), (trouble, failure.message)
        assert not [secret for secret in SECRETS if secret in failure.message]
