"""What every channel owes: a letter is handed over, or `ChannelFailed` says why not."""

from pathlib import Path

import pytest

from monitor.domain.alert import ChannelFailed
from monitor.domain.words import Event, Severity
from monitor.registry import CHANNELS
from tests.support.certificates import CertificateAuthority
from tests.support.letters import a_letter
from tests.support.stages import CASES, SECRETS, Stage, Trouble, staged

KINDS = sorted(CHANNELS)
_SAYS_WHEN = {"webhook", "telegram", "alertmanager", "pagerduty"}
"""Kinds whose other side can name a time for the next try."""
_ASKS_NOBODY = {"apprise", "command"}
"""Kinds whose check looks at what is here: it cannot know of the other side's trouble."""

_CANNOT_ASK = ("pagerduty", "denied")
"""The Events API takes no question about a key."""


@pytest.fixture(scope="module")
def leaf(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return CertificateAuthority(tmp_path_factory.mktemp("ca")).leaf()


async def _fails(stage: Stage) -> ChannelFailed:
    with pytest.raises(ChannelFailed) as caught:
        await stage.channel.send(a_letter())
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
async def test_a_letter_is_handed_over_once(kind: str, tmp_path: Path, leaf: tuple[Path, Path]) -> None:
    async with staged(kind, "none", tmp_path, leaf) as stage:
        assert isinstance(await stage.channel.send(a_letter()), str)
        assert stage.letters() == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_every_event_and_severity_can_be_told(kind: str, tmp_path: Path, leaf: tuple[Path, Path]) -> None:
    async with staged(kind, "none", tmp_path, leaf) as stage:
        thread = ""
        for number, event in enumerate(Event, start=1):
            severity = list(Severity)[number % len(Severity)]
            letter = a_letter(number, event=event, severity=severity, thread=thread, labels={}, link="")
            thread = await stage.channel.send(letter) or thread
        assert stage.letters() == len(Event)


@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_is_written_in_a_letter_arrives(kind: str, tmp_path: Path, leaf: tuple[Path, Path]) -> None:
    title = "Zürich <b>& \u202eMilano</b>\r\nBcc: all@example.org \x00😀"
    text = f"{title}\n" + "x😀é\n.\n" * 3000
    labels = {"service": "a\r\nX-Evil: 1", "weird-name": "é", "": "y"}
    async with staged(kind, "none", tmp_path, leaf) as stage:
        await stage.channel.send(a_letter(title=title, text=text, html="<p>\ud83d</p>", labels=labels))
        assert stage.letters() == 1


@pytest.mark.parametrize(("kind", "trouble"), CASES)
async def test_trouble_is_told_with_whether_trying_again_helps(
    kind: str, trouble: Trouble, tmp_path: Path, leaf: tuple[Path, Path]
) -> None:
    async with staged(kind, trouble, tmp_path, leaf) as stage:
        failure = await _fails(stage)
        assert failure.permanent is (trouble == "denied")
        assert failure.retry_after == (7.0 if trouble == "busy" and kind in _SAYS_WHEN else None)
        assert failure.message
        assert stage.letters() == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_a_check_sends_no_letter(kind: str, tmp_path: Path, leaf: tuple[Path, Path]) -> None:
    async with staged(kind, "none", tmp_path, leaf) as stage:
        await stage.channel.check()
        await stage.channel.check()
        assert stage.letters() == 0


@pytest.mark.parametrize(
    ("kind", "trouble"),
    [
        (kind, trouble)
        for kind in KINDS
        for trouble in ("denied", "refused", "untrusted")
        if kind not in _ASKS_NOBODY and (kind, trouble) != _CANNOT_ASK
    ],
)
async def test_a_check_finds_trouble_before_a_letter_does(
    kind: str, trouble: Trouble, tmp_path: Path, leaf: tuple[Path, Path]
) -> None:
    async with staged(kind, trouble, tmp_path, leaf) as stage:
        with pytest.raises(ChannelFailed) as caught:
            await stage.channel.check()
        assert caught.value.permanent is (trouble == "denied")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_channel_says_where_letters_go_without_a_secret(
    kind: str, tmp_path: Path, leaf: tuple[Path, Path]
) -> None:
    async with staged(kind, "none", tmp_path, leaf) as stage:
        assert stage.settings.place
        assert not [secret for secret in SECRETS if secret in stage.settings.place]
        assert isinstance(stage.settings.known_rides, tuple)
