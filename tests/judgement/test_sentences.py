"""A window in one line, as it is told to people."""

import re
from typing import Any

import pytest

from monitor.domain.words import Breadth, Cause, Kind, Layer, Reach, Reason, Status
from monitor.judgement.sentences import say
from scripts.manuals import JUDGEMENT
from tests.judgement.court import STUCK, WORLD, Court, check
from tests.support.windows import acme_planned, at, meta_2021, signal_open, telegram_recovering, whatsapp_2022

TITLES = {
    "whatsapp": "WhatsApp",
    "messenger": "Messenger",
    "instagram": "Instagram",
    "facebook": "Facebook",
    "signal": "Signal",
    "telegram": "Telegram",
    "acme-chat": "Acme",
}


def chat(**changes: Any) -> str:
    """WhatsApp's chat, down since 07:02 on 25 October 2022, with these changes."""
    values: dict[str, Any] = {
        "target": "whatsapp.chat",
        "breadth": Breadth.COMPONENT,
        "status": Status.OPEN,
        "start": at("2022-10-25T07:02:00"),
        "start_after": at("2022-10-25T07:01:30"),
        "end": None,
        "end_after": None,
        "closed": None,
        **changes,
    }
    return say(whatsapp_2022(**values), TITLES)


LINE = "WhatsApp: chat is down, total, everywhere we look, since 07:02 UTC (between 07:01:30 and 07:02:00)"
FINE = "; Messenger, Instagram and Facebook fine"


def test_the_line_that_this_product_is_about() -> None:
    assert chat() == (
        "WhatsApp: chat is down, total, everywhere we look, since 07:02 UTC (between 07:01:30 and 07:02:00), "
        "stuck at the handshake; Messenger, Instagram and Facebook fine"
    )


def test_the_judge_says_it_of_the_outage_itself() -> None:
    services = [check("web", name) for name in ("messenger", "instagram", "facebook")]
    court = Court(check("chat"), check("web"), check("media"), *services, vantages=WORLD)
    court.titles = TITLES
    court.reload(*court.checks)
    court.rounds(124)  # from 06:00 on
    court.meet(STUCK, 4, court.checks[0])
    assert court.window.sentence == chat()


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        (
            say(whatsapp_2022(), TITLES),
            "WhatsApp was down, total, everywhere we look, from 06:35 to 09:30 UTC, stuck at the handshake" + FINE,
        ),
        (
            say(whatsapp_2022(status=Status.RECOVERING, closed=None), TITLES),
            "WhatsApp was down, total, everywhere we look, from 06:35 to 09:30 UTC, and is being watched, "
            "stuck at the handshake" + FINE,
        ),
        (
            say(meta_2021(), TITLES),
            "meta was down (WhatsApp, Messenger, Instagram and Facebook), total, everywhere we look, "
            "from 15:40 to 22:28 UTC, its names fail to resolve",
        ),
        (
            say(signal_open(start=at("2022-10-25T11:56:40"), start_after=None), TITLES),
            "Signal: chat is down, now and then, seen from eu-par alone, since 11:56 UTC, its certificate has expired",
        ),
        (
            say(telegram_recovering(), TITLES),
            "Telegram was slow, everywhere we look, from 11:20 to 11:55 UTC, and is being watched",
        ),
        (
            say(acme_planned(), TITLES),
            "Acme: mqtt is down, total, everywhere we look, since 11:45 UTC (between 11:44:50 and 11:45:00), "
            "connections are refused; announced maintenance until 12:10",
        ),
    ],
    ids=["closed", "recovering", "provider", "one vantage", "slow", "planned"],
)
def test_golden(sentence: str, wanted: str) -> None:
    assert sentence == wanted


def test_the_manual_says_what_is_said() -> None:
    local = {"reach": Reach.LOCAL, "vantages": ("af-lbv",), "vantages_fine": ("eu-par", "us-nyc")}
    reset = {"layer": Layer.TCP, "reason": Reason.RESET, "cause": Cause.INTERFERENCE, "unaffected": ()}
    still_open = {"status": Status.OPEN, "end": None, "end_after": None, "closed": None}
    examples = re.findall(r"^```text\n(.*?)^```", JUDGEMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert "".join(examples).splitlines() == [
        chat(),
        say(whatsapp_2022(status=Status.RECOVERING, closed=None), TITLES),
        say(meta_2021(), TITLES),
        say(signal_open(), TITLES),
        say(telegram_recovering(), TITLES),
        say(whatsapp_2022(**local, **reset, **still_open), TITLES),
        say(acme_planned(), TITLES),
    ]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"kind": Kind.INTERMITTENT}, LINE.replace("total", "now and then") + ", stuck at the handshake" + FINE),
        (
            {"kind": Kind.DEGRADED, "layer": None, "reason": None},
            LINE.replace("is down, total", "is slow") + FINE,
        ),
        ({"unaffected": ()}, LINE + ", stuck at the handshake"),
        ({"unaffected": ("telegram",)}, LINE + ", stuck at the handshake; Telegram fine"),
        (
            {"unaffected": ("telegram", "unheard-of")},
            LINE + ", stuck at the handshake; Telegram and unheard-of fine",
        ),
        (
            {"unaffected": tuple("abcdefg")},
            LINE + ", stuck at the handshake; a, b, c, d and 3 more fine",
        ),
        ({"unaffected": tuple("abcde")}, LINE + ", stuck at the handshake; a, b, c, d and e fine"),
        (
            {"cause": Cause.INTERFERENCE, "unaffected": ()},
            LINE + ", stuck at the handshake; it looks as if somebody interferes on the way",
        ),
        (
            {"cause": Cause.PATH, "unaffected": ("facebook",)},
            LINE + ", stuck at the handshake; Facebook fine; the way there seems broken, not the service",
        ),
    ],
)
def test_what_it_says_more(changes: dict[str, Any], wanted: str) -> None:
    assert chat(**changes) == wanted


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"reach": Reach.GLOBAL}, "everywhere we look"),
        ({"reach": Reach.UNDETERMINED, "vantages": ("fra-1",)}, "seen from fra-1 alone"),
        (
            {"reach": Reach.LOCAL, "vantages": ("lbv",), "vantages_fine": ("par", "iad")},
            "seen from lbv, not from par and iad",
        ),
        ({"reach": Reach.REGIONAL, "vantages": ("par", "mil"), "vantages_fine": ()}, "seen from par and mil"),
    ],
)
def test_from_where(changes: dict[str, Any], where: str) -> None:
    assert chat(**changes) == (LINE.replace("everywhere we look", where) + ", stuck at the handshake" + FINE)


def test_two_vantages_of_one_network_are_not_named_as_if_they_told_the_reach() -> None:
    line = chat(reach=Reach.UNDETERMINED, vantages=("a", "b"))
    assert line.startswith("WhatsApp: chat is down, total, since 07:02 UTC")


@pytest.mark.parametrize(
    ("start_after", "start", "end", "when"),
    [
        (None, "2022-10-25T07:02:00", None, "since 07:02 UTC"),
        ("2022-10-25T07:01:30.9", "2022-10-25T07:02:59.9", None, "since 07:02 UTC (between 07:01:30 and 07:02:59)"),
        (
            "2022-10-24T23:59:30",
            "2022-10-25T00:00:10",
            None,
            "since 00:00 UTC (between 24 Oct 23:59:30 and 00:00:10)",
        ),
        ("2022-10-25T07:01:30", "2022-10-25T07:02:00", "2022-10-25T09:30:59", "from 07:02 to 09:30 UTC"),
        (None, "2022-10-25T23:50:00", "2022-10-26T01:10:00", "from 23:50 to 26 Oct 01:10 UTC"),
        (None, "2022-10-01T23:50:00", "2022-11-09T01:10:00", "from 23:50 to 9 Nov 01:10 UTC"),
    ],
)
def test_when(start_after: str | None, start: str, end: str | None, when: str) -> None:
    status = Status.CLOSED if end else Status.OPEN
    known = {"start_after": start_after and at(start_after), "start": at(start), "end": end and at(end)}
    line = chat(status=status, **known)
    assert line.split("everywhere we look, ")[1].split(", stuck")[0] == when


@pytest.mark.parametrize(
    ("layer", "reason", "words"),
    [
        (Layer.DNS, Reason.TIMEOUT, "its names do not resolve"),
        (Layer.DNS, Reason.NXDOMAIN, "its names are said not to exist"),
        (Layer.DNS, Reason.SERVFAIL, "its names fail to resolve"),
        (Layer.DNS, Reason.ANSWER, "its names resolve to foreign addresses"),
        (Layer.ROUTE, Reason.TIMEOUT, "packets do not get there"),
        (Layer.TCP, Reason.TIMEOUT, "connections are not answered"),
        (Layer.TCP, Reason.REFUSED, "connections are refused"),
        (Layer.TCP, Reason.RESET, "connections are reset"),
        (Layer.TCP, Reason.UNREACHABLE, "connections fail"),
        (Layer.DNS, Reason.FOREIGN_ADDRESS, "its names lead to addresses that are not the provider's"),
        (Layer.TLS, Reason.MALFORMED, "TLS fails"),
        (Layer.TLS, Reason.TIMEOUT, "the TLS handshake is not answered"),
        (Layer.TLS, Reason.NAME_RESET, "connections that name it are cut, others are not"),
        (Layer.TLS, Reason.CERT_FOREIGN, "its certificate is of an issuer that the provider does not use"),
        (Layer.TLS, Reason.CERT_EXPIRED, "its certificate has expired"),
        (Layer.HTTP, Reason.STATUS, "its web servers answer with errors"),
        (Layer.HTTP, Reason.TIMEOUT, "its web servers do not answer"),
        (Layer.HTTP, Reason.INJECTED, "pages come that are not the provider's"),
        (Layer.HANDSHAKE, Reason.TIMEOUT, "stuck at the handshake"),
        (Layer.HANDSHAKE, Reason.SIGNATURE, "who answers does not prove to be it"),
        (Layer.LOGIN, Reason.REJECTED, "logins fail"),
        (Layer.SEND, Reason.REJECTED, "messages are not accepted"),
        (Layer.DELIVER, Reason.TIMEOUT, "messages are accepted and do not arrive"),
        (Layer.DELIVER, Reason.LATE, "messages arrive too late"),
    ],
)
def test_where_it_broke(layer: Layer, reason: Reason, words: str) -> None:
    assert chat(layer=layer, reason=reason) == f"{LINE}, {words}{FINE}"


@pytest.mark.parametrize("layer", Layer)
@pytest.mark.parametrize("reason", [None, *Reason])
def test_there_are_words_for_everything_that_can_break(layer: Layer, reason: Reason | None) -> None:
    line = chat(layer=layer, reason=reason)
    assert ", , " not in line
    assert "None" not in line
    assert "\n" not in line


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("status", Status)
def test_every_window_reads_as_one_line(kind: Kind, reach: Reach, cause: Cause, status: Status) -> None:
    for make in (whatsapp_2022, meta_2021, signal_open, telegram_recovering, acme_planned):
        line = say(make(kind=kind, reach=reach, cause=cause, status=status), {})
        assert "  " not in line
        assert ",," not in line
        assert line == line.strip()
        assert len(line.splitlines()) == 1
