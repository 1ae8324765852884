"""The command as people and scripts run it: a process, its exit code, and what it prints where."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml

from tests.support.certificates import CertificateAuthority
from tests.support.monitor import ROOT, environment
from tests.support.namespace import Namespace
from tests.support.nginx import Nginx, nginx
from tests.support.servers import free_port

_ESCAPE = "\x1b"
_COMMANDS = ("run", "check", "validate", "explain", "catalogue", "schema", "outages", "report", "replay", "demo")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("nginx")
    with nginx(folder, "location / { return 204; }", CertificateAuthority(folder / "ca").leaf()) as running:
        yield running


def lastseen(*arguments: str | Path, prefix: Sequence[str] = ()) -> "Done":
    command = [*prefix, sys.executable, "-m", "monitor", *map(str, arguments)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        cwd=ROOT,
        env=environment(COLUMNS="120"),
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert _ESCAPE not in done.stdout + done.stderr, "this is no terminal"
    return done


Done = subprocess.CompletedProcess[str]


class File:
    """A configuration over one server: its own services, and witnesses beside it."""

    def __init__(self, folder: Path, server: Nginx) -> None:
        self.path = folder / "monitor.yaml"
        self.up, self.closed = f"127.0.0.1:{server.http}", f"127.0.0.1:{free_port()}"
        self.tls = f"localhost:{server.https}"
        self.write([])

    def write(self, witnesses: list[str]) -> "File":
        good = {"name": "front", "probe": "http", "url": f"http://{self.up}/"}
        bad = {"name": "back", "probe": "tcp", "address": self.closed}
        services = [
            {"name": "good", "components": [{"name": "web", "targets": [good]}]},
            {"name": "bad", "components": [{"name": "web", "targets": [good]}, {"name": "db", "targets": [bad]}]},
            {
                "name": "scratched",
                "components": [
                    {"name": "web", "targets": [good]},
                    {"name": "db", "critical": False, "targets": [bad]},
                ],
            },
        ]
        targets = [{"probe": "tcp", "address": address, "network": "AS64500"} for address in witnesses]
        self.path.write_text(json.dumps({"services": services, "witnesses": targets}))
        return self

    def check(self, *arguments: str) -> Done:
        return lastseen("check", *arguments, "--config", self.path)


@pytest.fixture
def file(tmp_path: Path, server: Nginx) -> File:
    return File(tmp_path, server)


def test_check_of_a_service_that_is_up_exits_0_and_says_so(file: File) -> None:
    done = file.check("good")
    assert done.returncode == 0
    assert "UP  good is up from here: 1 of 1 targets answer" in done.stdout
    assert "✓ front" in done.stdout
    for phase in ("connect", "request", "response", "rtt"):
        assert f"{phase} " in done.stdout
    assert done.stderr == ""


def test_check_of_a_service_that_is_down_exits_1_and_names_the_layer(file: File) -> None:
    done = file.write([file.up]).check("bad")
    assert done.returncode == 1
    assert "✗ back" in done.stdout
    assert "tcp/refused: Connection refused" in done.stdout
    sentence = (
        "bad is down from here: db fails, connections are refused (tcp/refused). Fine: web. 1 of 1 witnesses answer"
    )
    assert f"DOWN {sentence}" in " ".join(done.stdout.split())


def test_check_without_a_single_answering_witness_exits_3(file: File) -> None:
    done = file.write([file.closed]).check("bad")
    assert done.returncode == 3
    assert "INCONCLUSIVE  Cannot tell: no witness answers either, so our own network is unreachable." in done.stdout


def test_check_without_witnesses_asks_none_and_believes_what_it_sees(file: File) -> None:
    done = file.write([file.closed]).check("bad", "--no-witnesses")
    assert done.returncode == 1
    assert "witnesses  asked" not in done.stdout
    assert "DOWN bad is down from here: db fails" in " ".join(done.stdout.split())
    assert "No witness was asked, so it may be our own network." in " ".join(done.stdout.split())


def test_check_of_a_minor_component_that_fails_still_exits_0(file: File) -> None:
    done = file.write([file.up]).check("scratched")
    assert done.returncode == 0
    assert "UP  scratched is up from here, but db (minor) fails, connections are refused (tcp/refused)" in done.stdout
    assert "1 of 2 targets answer" in " ".join(done.stdout.split())


def test_check_takes_addresses_and_urls_as_people_type_them(file: File) -> None:
    done = file.check(file.up, f"http://{file.up}/")
    assert done.returncode == 0
    assert "2 of 2 targets answer" in done.stdout
    done = file.check(file.closed, f"tls://{file.tls}")
    assert done.returncode == 1
    assert "tcp/refused" in done.stdout
    assert "tls/cert_untrusted" in done.stdout


def test_check_in_json_is_one_document_with_the_same_exit_code(file: File) -> None:
    done = file.write([file.up]).check("good", "bad", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["verdict"] == "down"
    assert document["sentence"].startswith("bad is down from here: bad db fails, connections are refused")
    assert "Fine: good web and bad web." in document["sentence"]
    seen = {target["id"]: target for target in document["targets"]}
    assert seen["bad/db/back/tcp"]["failure"] == {
        "layer": "tcp",
        "reason": "refused",
        "message": "Connection refused",
    }
    front = seen["good/web/front/http"]
    assert front["outcome"] == "ok"
    assert sum(front["phases"].values()) == pytest.approx(front["duration"], abs=1e-5)
    assert [witness["outcome"] for witness in document["witnesses"]] == ["ok"]
    assert done.stderr == ""


def test_check_of_a_whole_service_without_internet_is_inconclusive(tmp_path: Path) -> None:
    with Namespace(tmp_path) as namespace:
        done = lastseen("check", "whatsapp", prefix=namespace.prefix)
    assert done.returncode == 3
    assert done.stdout.count("? ") >= 8
    assert "INCONCLUSIVE" in done.stdout
    assert "✗" not in done.stdout


def test_check_of_something_that_nobody_knows_exits_2_with_a_suggestion() -> None:
    done = lastseen("check", "whatsap")
    assert done.returncode == 2
    assert "no service 'whatsap' in the catalogue" in done.stderr
    assert "did you mean 'whatsapp'?" in done.stderr
    assert done.stdout == ""


def test_validate_says_fine_and_what_it_amounts_to() -> None:
    done = lastseen("validate", "config/monitor.yaml")
    assert done.returncode == 0
    assert "config/monitor.yaml: fine. 23 services, " in done.stdout
    assert "3 witnesses" in done.stdout


def test_validate_says_all_twelve_mistakes_with_line_and_column() -> None:
    path = "tests/config/twelve_mistakes.yaml"
    done = lastseen("validate", path)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 12
    assert all(line.startswith(f"{path}:") for line in lines)
    assert all(part.isdigit() for line in lines for part in line.removeprefix(f"{path}:").split(":")[:2])


@pytest.mark.parametrize("command", ["validate", "run"])
def test_a_file_that_is_not_there_is_one_line_and_exit_code_2(command: str, tmp_path: Path) -> None:
    done = lastseen(command, tmp_path / "none.yaml")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "none.yaml" in done.stderr


def test_explain_shows_every_setting_and_where_it_came_from() -> None:
    check_id = "whatsapp/chat/g.whatsapp.net:443/tcp"
    done = lastseen("explain", check_id, "config/monitor.yaml")
    assert done.returncode == 0
    assert "whatsapp.yaml" in done.stdout
    assert "g.whatsapp.net:443" in done.stdout
    origins = json.loads(lastseen("explain", check_id, "config/monitor.yaml", "--json").stdout)
    assert {"key", "value", "source"} == set(origins[0])
    assert {"interval", "timeout"} <= {origin["key"] for origin in origins}


def test_explain_of_an_unknown_check_suggests_the_nearest() -> None:
    done = lastseen("explain", "whatsapp/chat/g.whatsapp.net:443/tpc", "config/monitor.yaml")
    assert done.returncode == 2
    assert "whatsapp/chat/g.whatsapp.net:443/tcp" in done.stderr


def test_catalogue_lists_every_file_and_shows_one_in_full() -> None:
    done = lastseen("catalogue")
    names = {path.stem for path in (ROOT / "config/services").glob("*.yaml")}
    assert done.returncode == 0
    assert {line.split()[0] for line in done.stdout.splitlines()[1:-1] if line[:1].strip()} >= names
    one = lastseen("catalogue", "whatsapp")
    assert one.returncode == 0
    assert "g.whatsapp.net:443" in one.stdout
    assert "[S]" in one.stdout


def test_schema_is_a_valid_json_schema_that_the_shipped_file_meets() -> None:
    done = lastseen("schema")
    schema: dict[str, Any] = json.loads(done.stdout)
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load((ROOT / "config/monitor.yaml").read_text()), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"servces": []}, schema)


def test_help_of_every_command_ends_with_an_example() -> None:
    with ThreadPoolExecutor(2) as pool:
        for command, done in zip(_COMMANDS, pool.map(lambda name: lastseen(name, "--help"), _COMMANDS), strict=True):
            assert done.returncode == 0
            assert f"Example: lastseen {command}" in done.stdout


def test_without_a_command_help_names_them_all() -> None:
    done = lastseen("--help")
    assert done.returncode == 0
    assert all(f" {command} " in done.stdout for command in _COMMANDS)
    assert lastseen("--version").stdout.startswith("lastseen ")


def on_a_terminal(*arguments: str | Path, **environ: str) -> str:
    """What a command writes to a terminal."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "monitor", *map(str, arguments)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=ROOT,
        env=environment(TERM="xterm-256color", COLUMNS="120", **environ),
    ):
        os.close(follower)
        said = b""
        with os.fdopen(leader, "rb", buffering=0) as terminal:
            while True:
                try:
                    piece = terminal.read(4096)
                except OSError:  # EIO: the last writer has gone
                    break
                if not piece:
                    break
                said += piece
    return said.decode()


def test_colours_on_a_terminal_unless_they_are_not_wanted(file: File) -> None:
    colourful = on_a_terminal("check", "bad", "--config", file.path)
    assert f"{_ESCAPE}[1;31m" in colourful
    plain = on_a_terminal("check", "bad", "--config", file.path, NO_COLOR="1")
    assert f"{_ESCAPE}[1;31m" not in plain
    assert ";31m" not in plain
    assert "DOWN" in plain
