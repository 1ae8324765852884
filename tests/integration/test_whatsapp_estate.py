"""``lastseen check whatsapp`` against the whole estate, well and in the outages of history: what it says each time."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.estate import FALSE_CHAT, FALSE_WEB, NOBODY, Estate
from tests.support.monitor import ROOT, environment

_TIMEOUT = "1500ms"
_NOT_US = "3 of 3 witnesses answer, so it is not our own line."
_INTERFERENCE = "It looks as if somebody interferes on the way: a look from another network would tell."
_NO_TROUBLE = "The provider itself reports no trouble."


@dataclass(frozen=True, slots=True)
class Told:
    """What the command said."""

    exit_code: int
    verdict: str
    sentence: str
    ways: Mapping[str, str]
    """How each target ended, by its name: ``ok``, ``layer/reason``, or the reason alone where the fault is ours."""

    def are(self, way: str) -> set[str]:
        """The targets that ended so."""
        return {target for target, own in self.ways.items() if own == way}


@dataclass(frozen=True, slots=True)
class Lab:
    """The estate, and a configuration that knows its root key and waits less; the rest is the catalogue's."""

    estate: Estate
    config: Path

    def check(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``lastseen check whatsapp`` from the home, where the authority of the test is trusted."""
        command = [sys.executable, "-m", "monitor", "check", "whatsapp", "--config", str(self.config), *arguments]
        done = subprocess.run(
            [*self.estate.home.prefix, *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=ROOT,
            env=environment(COLUMNS="120", SSL_CERT_FILE=str(self.estate.ca.ca_path)),
        )
        assert done.stderr == ""
        return done

    def look(self) -> Told:
        """The same for a machine."""
        done = self.check("--json")
        document = json.loads(done.stdout)
        ways = {target["target"]: _way(target) for target in document["targets"]}
        return Told(done.returncode, document["verdict"], document["sentence"], ways)

    def during(self, fault: AbstractContextManager[None]) -> Told:
        """What is said while something is done to the estate."""
        with fault:
            return self.look()


def _way(target: Mapping[str, Any]) -> str:
    failure = target["failure"]
    if failure is None:
        return str(target["outcome"])
    return f"{failure['layer']}/{failure['reason']}" if failure["layer"] else str(failure["reason"])


def catalogue() -> dict[str, list[dict[str, Any]]]:
    """The targets of each component."""
    document = yaml.safe_load((ROOT / "config/services/whatsapp.yaml").read_text())
    return {component["name"]: component["targets"] for component in document["components"]}


def names(*components: str, kind: str = "") -> set[str]:
    """Of targets in these components, or in all but the claims; of one kind of probe, or of all."""
    chosen = components or set(catalogue()) - {"claims"}
    targets = [target for component in chosen for target in catalogue()[component]]
    return {target["name"] for target in targets if kind in ("", target["probe"])}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("estate")
    with ExitStack() as stack:
        estate = Estate(folder, stack)
        root = {"probe": "whatsapp", "root": estate.chat.root}
        parts = {part: names(part, kind="whatsapp") for part in catalogue()}
        components = [
            {"name": part, "targets": [{"name": name, **root} for name in sorted(found)]}
            for part, found in parts.items()
            if found
        ]
        config = folder / "lab.json"
        service = {"use": "whatsapp", "timeout": _TIMEOUT, "components": components}
        config.write_text(json.dumps({"services": [service]}))
        yield Lab(estate, config)


def test_while_all_is_well_every_target_of_the_catalogue_is_green(lab: Lab) -> None:
    done = lab.check()
    assert done.returncode == 0, done.stdout
    assert "UP  whatsapp is up from here: 10 of 10 targets answer (slowest: " in done.stdout
    assert set(re.findall(r"✓ (\S+)", done.stdout)) == names() | names("claims")
    assert not {"✗", "?", "witnesses"} & set(done.stdout.split())


def test_names_that_are_withdrawn_while_others_resolve(lab: Lab) -> None:
    """4 October 2021."""
    told = lab.during(lab.estate.withdrawn())
    assert (told.exit_code, told.verdict) == (1, "down")
    assert told.are("dns/servfail") == names() | names("claims")
    assert told.sentence == (
        f"whatsapp is down from here: everything fails, its names fail to resolve (dns/servfail). {_NOT_US}"
    )


def test_chat_servers_that_accept_and_say_nothing(lab: Lab) -> None:
    """25 October 2022: phones said "connecting", ports answered."""
    told = lab.during(lab.estate.stuck())
    assert (told.exit_code, told.verdict) == (1, "down")
    assert told.are("handshake/timeout") == names(kind="whatsapp")
    assert told.are("ok") == names() - names(kind="whatsapp") | names("claims")
    assert told.sentence == (
        "whatsapp is down from here: chat fails on 2 of 5 targets, stuck at the handshake (handshake/timeout);"
        " web fails on 1 of 2 targets, stuck at the handshake (handshake/timeout)."
        f" Fine: media, register and bizapi. {_NO_TROUBLE} {_NOT_US}"
    )


def test_web_servers_that_answer_503(lab: Lab) -> None:
    told = lab.during(lab.estate.web_failing())
    assert (told.exit_code, told.verdict) == (0, "up"), "phones do not need them"
    assert told.are("http/status") == names("web")
    assert told.sentence.startswith(
        "whatsapp is up from here, but web (minor) fails, its web servers answer with errors (http/status 503):"
        " 8 of 10 targets answer (slowest: "
    )


def test_media_servers_that_are_dead_behind_their_port(lab: Lab) -> None:
    """3 July 2019, as far as it can be seen from outside: pictures and voice only."""
    told = lab.during(lab.estate.media_dead())
    assert (told.exit_code, told.verdict) == (0, "up")
    assert told.are("tls/timeout") == names("media")
    assert told.sentence.startswith(
        "whatsapp is up from here, but media (minor) fails, the TLS handshake is not answered (tls/timeout):"
        " 9 of 10 targets answer (slowest: "
    )
    assert "mmg" not in told.sentence, "the slowest of those that answer"


def test_a_port_that_is_blocked(lab: Lab) -> None:
    told = lab.during(lab.estate.port_blocked(5222))
    assert (told.exit_code, told.verdict) == (1, "down")
    assert told.are("tcp/timeout") == {"g.whatsapp.net:5222", "e1-e16.whatsapp.net:5222"}
    assert told.sentence == (
        "whatsapp is down from here: chat fails on 2 of 5 targets, connections are not answered (tcp/timeout)."
        f" Fine: web, media, register and bizapi. {_NO_TROUBLE} {_NOT_US}"
    )


def test_a_name_that_is_cut_in_tls_hellos(lab: Lab) -> None:
    """By the kernel of a router, which searches packets for the name and knows nothing of TLS."""
    told = lab.during(lab.estate.name_cut("web.whatsapp.com"))
    assert (told.exit_code, told.verdict) == (0, "up")
    assert told.are("tls/name_reset") == names("web")
    assert told.sentence.startswith(
        "whatsapp is up from here, but web (minor) fails, connections that name it are cut, others are not"
        " (tls/name_reset): 8 of 10 targets answer (slowest: "
    )
    assert told.sentence.endswith(f". {_INTERFERENCE}")


def test_a_resolver_that_leads_to_impostors(lab: Lab) -> None:
    told = lab.during(lab.estate.lied_about(FALSE_CHAT, FALSE_WEB))
    assert (told.exit_code, told.verdict) == (1, "down")
    assert told.are("handshake/signature") == names("chat", kind="whatsapp")
    assert told.are("tls/cert_untrusted") == names("web", "media", "register", "bizapi", "claims")
    assert told.are("ok") == names("chat", kind="tcp"), "a port proves nothing"
    assert told.sentence == (
        "whatsapp is down from here: chat fails on 2 of 5 targets, who answers does not prove to be it"
        " (handshake/signature); web, media, register and bizapi fail, its certificate is not trusted"
        f" (tls/cert_untrusted). {_NOT_US} {_INTERFERENCE}"
    )


def test_a_resolver_that_leads_to_nobody(lab: Lab) -> None:
    told = lab.during(lab.estate.lied_about(NOBODY, NOBODY))
    assert (told.exit_code, told.verdict) == (1, "down")
    assert told.are("dns/foreign_address") == names() | names("claims")
    assert told.sentence == (
        "whatsapp is down from here: everything fails, its names lead to addresses that are not the provider's"
        f" (dns/foreign_address). {_NOT_US} {_INTERFERENCE}"
    )


OURS: Mapping[str, tuple[Callable[[Estate], AbstractContextManager[None]], str]] = {
    "resolver": (
        Estate.resolver_denying,
        "Cannot tell: no witness is found by its name either, so our own resolver is broken.",
    ),
    "line": (Estate.unplugged, "Cannot tell: no witness answers either, so our own network is unreachable."),
}


@pytest.mark.parametrize("trouble", OURS)
def test_what_is_our_own_trouble_says_nothing_about_whatsapp(lab: Lab, trouble: str) -> None:
    spoil, sentence = OURS[trouble]
    told = lab.during(spoil(lab.estate))
    assert (told.exit_code, told.verdict) == (3, "inconclusive")
    assert told.sentence == f"{sentence} This says nothing about whatsapp."
