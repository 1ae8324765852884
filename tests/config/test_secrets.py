"""Secrets come from the environment and from files, and are never shown."""

from pathlib import Path

import pytest

from monitor.config import ConfigError, explain, loads
from tests.config.kinds import KINDS, LoginSettings, mistakes, problems, read, target

HIDDEN = "f.yaml:6:{}: not valid (the value is a secret or comes from the environment, and is not shown)"


def settings(line: str, **environ: str) -> LoginSettings:
    (check,) = loads(target(line), KINDS, None, environ).checks
    assert isinstance(check.settings, LoginSettings)
    return check.settings


def test_variables_are_filled_in_and_two_dollars_are_one() -> None:
    found = settings("{probe: login, host: 'a.${ZONE}${ZONE}', token: '$${ZONE}$x$'}", ZONE="b")
    assert found.host == "a.bb"
    assert found.token is not None
    assert found.token.get_secret_value() == "${ZONE}$x$"


def test_a_variable_is_always_text() -> None:
    found = settings("{probe: login, host: h, token: '${PIN}'}", PIN="0123")
    assert found.token is not None
    assert found.token.get_secret_value() == "0123"
    assert read("store: ${STORE}", STORE="sqlite:///a").store == "sqlite:///a"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NONE}", "the environment variable NONE is not set"),
        ("${A:-b}", "${A:-b} is not a variable; write ${NAME}, or $$ for a dollar"),
        ("${}", "${} is not a variable; write ${NAME}, or $$ for a dollar"),
    ],
)
def test_a_variable_that_is_not_there_is_the_only_mistake_of_its_value(text: str, message: str) -> None:
    assert mistakes(target(f"{{probe: tcp, address: '{text}'}}")) == [f"f.yaml:6:41: {message}"]


def test_a_key_cannot_come_from_the_environment() -> None:
    assert mistakes("{'${A}': b}", A="store") == ["f.yaml:1:2: a key must be a plain text; put it in quotes"]


def test_a_secret_can_stand_in_a_file_at_any_depth(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("  hunter2\n")
    mine = f"{{user: u, password_file: {path}}}"
    line = f"{{probe: login, host: h, token_file: {path}, account: {mine}, accounts: [{mine}]}}"
    found = settings(line)
    assert found.token is not None
    assert found.account is not None
    secrets = [found.token, found.account.password, found.accounts[0].password]
    assert [secret.get_secret_value() for secret in secrets] == ["hunter2"] * 3
    assert "hunter2" not in repr(found)


def test_the_token_of_a_peer_can_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    (peer,) = read(f"peers: [{{url: 'http://a', token_file: {tmp_path}/secret}}]").peers
    assert peer.token is not None
    assert peer.token.get_secret_value() == "hunter2"
    assert mistakes("peers: [{url: 'http://a', token: ''}]") == ["f.yaml:1:9: token is empty"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"\xff", "cannot read the secret: not UTF-8 text"),
        (b"x" * 70000, "the file is too large for a secret"),
    ],
)
def test_a_secret_file_that_holds_no_secret_is_a_mistake(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "secret").write_bytes(content)
    assert [p.message for p in problems(target(f"{{probe: login, host: h, token_file: {tmp_path}/secret}}"))] == [
        message
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{probe: tcp, address: '${SECRET}'}",
        "{probe: tcp, address: 'a.example:${SECRET}'}",
        "{probe: tcp, address: ['a:1', 'a.example:${SECRET}']}",
        "{probe: tcp, address: 'a:1', interval: '${SECRET}'}",
        "{probe: tcp, address: 'a:1', dialogue: [{expect: '(${SECRET}'}]}",
        "{probe: '${SECRET}'}",
        "{probe: login, host: h, account: {user: hunter2, password: hunter2}}",
        "{probe: login, host: h, account: {user: '${SECRET}', password: '${SECRET}'}}",
        "{probe: login, host: h, via: 'socks5://u:hunter2/x@h:1'}",
        "{probe: login, host: h, via: 'http://u:p@h:hunter2'}",
        "{probe: login, host: h, extra: {mode: '${SECRET}'}}",
        "{probe: login, host: h, port: '${SECRET}'}",
        "{probe: login, host: '${SECRET}'}, {probe: login, host: '${SECRET}'}",
        "{probe: login, host: h, either: ['${SECRET}']}",
    ],
)
def test_no_message_shows_a_secret_or_a_variable(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(target(line), SECRET="hunter2")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value)
    assert "hunter2" not in repr(caught.value.problems)
    assert caught.value.__cause__ is None or "hunter2" not in str(caught.value.__cause__)


@pytest.mark.parametrize(
    "text",
    [
        "services: [{use: '${SECRET}'}]",
        "services: [{use: whatsapp, only: '${SECRET}'}]",
        "services: ['${SECRET}']",
        "witnesses: '${SECRET}'",
        "store: '${SECRET}'",
        "vantage: {name: '${SECRET} '}",
        "web: {listen: '${SECRET}', bearer_token: ['${SECRET}']}",
        "'${SECRET}': 1",
        "peers: [{url: '${SECRET}'}]",
        "peers: [{url: 'http://${SECRET}'}, {url: 'http://${SECRET}'}]",
        "peers: [{url: 'http://u:hunter2@a'}]",
        "judgement: {quiet: '${SECRET}', slow: '${SECRET}'}",
        "maintenance: [{name: a, targets: '${SECRET}', zone: '${SECRET}'}]",
        "contact: !!int '${SECRET}'\nmodules: 5",
    ],
)
def test_no_message_about_the_rest_of_the_file_shows_a_variable(text: str) -> None:
    assert "hunter2" not in "".join(mistakes(text, SECRET="hunter2"))
    assert mistakes(text, SECRET="hunter2")


def test_what_is_wrong_with_a_hidden_value_is_told_by_its_place() -> None:
    assert mistakes(target("{probe: tcp, address: '${SECRET}'}"), SECRET="hunter2") == [HIDDEN.format(41)]


def test_neither_the_configuration_nor_an_explanation_shows_a_secret() -> None:
    text = target("{probe: login, host: 'h', token: '${SECRET}', account: {user: u, password: hunter2}}")
    configuration = read(
        text
        + "store: 'postgresql://u:${SECRET}@h/d'\nweb: {bearer_token: hunter2}\n"
        + "peers: [{url: 'http://a', token: '${SECRET}'},"
        + " {url: 'http://b', basic_auth: {username: u, password: hunter2}}]\n",
        SECRET="hunter2",
    )
    assert configuration.store == "postgresql://u:hunter2@h/d"
    assert "hunter2" not in repr(configuration)
    assert "hunter2" not in repr(configuration.written)
    assert "hunter2" not in repr(explain(configuration, configuration.checks[0].id))
