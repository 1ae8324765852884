"""A table of wrong files and exactly what is said about each."""

from pathlib import Path

import pytest

from monitor.config import Catalogue, ConfigError, load
from tests.config.kinds import KINDS, mistakes, problems, target

TCP = 'probe: tcp, address: "a.example:1"'


def say(line: str, *, above: str = "") -> list[str]:
    return [message.removeprefix("f.yaml:") for message in mistakes(target("{" + line + "}", above=above))]


@pytest.mark.parametrize(
    ("line", "messages"),
    [
        (f"{TCP}, intervall: 30s", ["6:56: unknown key 'intervall' (did you mean 'interval'?)"]),
        (f"{TCP}, adress: x", ["6:56: unknown key 'adress' (did you mean 'address'?)"]),
        (f"{TCP}, zzzzzzzz: x", ["6:56: unknown key 'zzzzzzzz'"]),
        (
            f"{TCP}, interval: 30",
            ["6:66: not a duration: 30; write a number with a unit, as in 500ms, 30s, 5m, 1h30m"],
        ),
        (
            f"{TCP}, interval: 30 s",
            ["6:66: not a duration: '30 s'; write a number with a unit, as in 500ms, 30s, 5m, 1h30m"],
        ),
        (f"{TCP}, interval: 500ms, timeout: 100ms", ["6:66: the interval must be at least 1s"]),
        (f"{TCP}, interval: 0s", ["6:66: the interval must be at least 1s"]),
        (f"{TCP}, interval: 999999999999999h", ["6:66: longer than ten years"]),
        (f"{TCP}, interval: {'9' * 400}h", ["6:66: longer than ten years"]),
        (f"{TCP}, timeout: 0s", ["6:65: the timeout must be more than 0s"]),
        (f"{TCP}, interval: 5s, timeout: 5s", ["6:79: the timeout must be shorter than the interval (5s, 5s)"]),
        (f"{TCP}, timeout: 2m", ["6:65: the timeout must be shorter than the interval (120s, 60s)"]),
        (f"{TCP}, confirm: {{attempts: -1}}", ["6:76: must be at least 0"]),
        (f"{TCP}, confirm: {{attempts: 1.5}}", ["6:76: must be a whole number"]),
        (f"{TCP}, confirm: {{attemps: 1}}", ["6:66: unknown key 'attemps' (did you mean 'attempts'?)"]),
        (f"{TCP}, confirm: 3", ["6:65: must be a mapping"]),
        (f"{TCP}, enabled: yes", ["6:65: must be true or false"]),
        (f"{TCP}, name: 5", ["6:62: must be text; put it in quotes"]),
        (f"{TCP}, network: AS1", ["6:56: unknown key 'network'"]),
        (f"{TCP}, target: x", ["6:56: unknown key 'target'"]),
        (f"{TCP}, fall: 0, rise: 11", ["6:62: must be at least 1", "6:71: must be at most 10"]),
        (f"{TCP}, fall: 2.5", ["6:62: must be a whole number"]),
        (f"{TCP}, fal: 2", ["6:56: unknown key 'fal' (did you mean 'fall'?)"]),
        (f"{TCP}, fall_of: 5", ["6:65: must be a mapping"]),
        (f"{TCP}, fall_of: {{failed: 0, of: 61}}", ["6:74: must be at least 1", "6:81: must be at most 60"]),
        (f"{TCP}, fall_of: {{failed: 16}}", ["6:74: 'failed' must be at most 'of' (16, 15)"]),
        (f"{TCP}, fall_of: {{of: 4}}", ["6:70: 'failed' must be at most 'of' (5, 4)"]),
        (f"{TCP}, slow: 0s", ["6:62: must be more than 0s"]),
        (f"{TCP}, slow: 10s", ["6:62: must be shorter than the timeout, or nothing is ever slow"]),
        (f"{TCP}, require: any", ["6:56: unknown key 'require'"]),
        ("probe: tpc, address: 'a:1'", ["6:27: unknown probe 'tpc' (did you mean 'tcp'?)"]),
        ("probe: 7", ["6:27: must be text; put it in quotes"]),
        ("address: 'a:1'", ["6:19: 'probe' is missing"]),
        ("probe: tcp", ["6:19: 'address' is missing"]),
        ("probe: tcp, address: a.example", ["6:41: no port in 'a.example'; write host:port"]),
        ("probe: tcp, address: 'a.example:70000'", ["6:41: not a port: '70000'"]),
        ("probe: tcp, address: []", ["6:41: must not be empty"]),
        (f"{TCP}, route: {{family: 5}}", ["6:72: must be 'any', 4 or 6"]),
        (f"{TCP}, dialogue: [{{send: a, send_hex: '00'}}]", ["6:67: send and send_hex exclude each other"]),
        (
            f"{TCP}, dialogue: [{{expect: '('}}]",
            ["6:76: not a regular expression: missing ), unterminated subpattern at position 0"],
        ),
        ("probe: login, host: h, port: x", ["6:49: must be a whole number"]),
        ("probe: login, host: h, port: 0", ["6:49: must be at least 1"]),
        ("probe: login, host: [a], port: 65536", ["6:40: must be text", "6:51: must be at most 65535"]),
        ("probe: login, host: h, extra: {mode: oath}", ["6:57: must be 'plain' or 'oauth' (did you mean 'oauth'?)"]),
        (
            "probe: login, host: h, extra: {ratio: much, from_: x}",
            ["6:58: must be a number", "6:64: unknown key 'from_' (did you mean 'from'?)"],
        ),
        ("probe: login, host: h, either: {mode: x}", ["6:58: must be 'plain' or 'oauth'"]),
        ("probe: login, host: h, either: 5", ["6:51: must be text or a mapping"]),
        ("probe: login, host: h, accounts: [{user: u}]", ["6:54: 'password' is missing"]),
        (
            "probe: login, host: h, accounts: [{user: u, pasword_file: f}]",
            ["6:54: 'password' is missing", "6:64: unknown key 'pasword_file' (did you mean 'password_file'?)"],
        ),
        ("probe: login, host: h, accounts: 5", ["6:53: must be a list"]),
        ("probe: login, host: h, token: 12345", ["6:50: must be text; put it in quotes"]),
        (
            "probe: login, host: h, token_file: /nonexistent/secret",
            ["6:55: cannot read the secret: No such file or directory"],
        ),
        ("probe: login, host: h, token: a, token_file: b", ["6:53: 'token_file' and 'token' exclude each other"]),
    ],
)
def test_a_mistake_in_a_target_is_told_with_its_place(line: str, messages: list[str]) -> None:
    assert say(line) == messages


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["1:1: must be a mapping, with 'services' in it"]),
        ("just text", ["1:1: must be a mapping, with 'services' in it"]),
        ("- a\n", ["1:1: must be a mapping, with 'services' in it"]),
        ("servces: []\n", ["1:1: unknown key 'servces' (did you mean 'services'?)"]),
        ("services: 5\n", ["1:11: 'services' must be a list"]),
        ("services: [5]\n", ["1:12: must be a mapping"]),
        (
            "store: a\nstore: b\n",
            ["1:8: must be a URL such as sqlite:///lastseen.db", "2:1: 'store' is given twice (first in line 1)"],
        ),
        ("services:\n\t- a\n", ["2:1: a tab cannot indent; use spaces"]),
        ("a: [1, 2\nb: 3\n", ["2:2: not YAML: while parsing a flow sequence, expected ',' or ']', but got ':'"]),
        ("a: 'b\n", ["2:1: not YAML: while scanning a quoted scalar, found unexpected end of stream"]),
        ("contact: a\n---\ncontact: b\n", ["2:1: a second document; one file holds one"]),
        ("contact: \x07\n", ["1:10: not YAML: a character that is not allowed in a text"]),
        ("contact: \ud800\n", ["1:10: not YAML: a character that is not allowed in a text"]),
        ("1: 2\n", ["1:1: a key must be a plain text; put it in quotes"]),
        ("? [a]\n: b\n", ["1:3: a key must be a plain text; put it in quotes"]),
        ("contact: !!python/object:os.system x\n", ["1:10: a YAML tag has no place here"]),
        ("contact: *x\n", ["1:10: no anchor &x before this alias"]),
        ("services: &x [*x]\n", ["1:15: the alias *x stands inside what it repeats"]),
        ("web:\n  <<: 5\n", ["2:7: '<<' takes a mapping or a list of mappings"]),
        ("web: {listen: nowhere}\n", ["1:15: no port in 'nowhere'; write host:port"]),
        ("web: {basic_auth: {username: a}}\n", ["1:19: 'password' is missing"]),
        ("vantage: {country: Germany}\n", ["1:20: must be two capital letters (ISO 3166-1), as in DE"]),
        ("vantage: {name: 'a b'}\n", ["1:17: a name is made of letters, digits, '.', '_' and '-', at most 63 of them"]),
        ("judgement: {quiet: 0s}\n", ["1:20: must be 1s to 24h"]),
        (
            "judgement: {fall: 0, quite: 15m}\n",
            ["1:19: must be at least 1", "1:22: unknown key 'quite' (did you mean 'quiet'?)"],
        ),
        (
            "web: {url: status.example, public: yes}\n",
            ["1:12: not a URL such as https://monitor.example:9797", "1:36: must be true or false"],
        ),
        ("web: {url: 'https://u:p@a'}\n", ["1:12: no credentials inside a URL; use token or basic_auth"]),
        (
            "web: {url: 'https://a.example/status'}\n",
            ["1:12: must be a URL without a path: the pages are at the root of their host"],
        ),
        ("peers: [{url: 'ftp://a'}]\n", ["1:15: not a URL such as https://monitor.example:9797"]),
        ("peers: [{url: 'http://u:p@a'}]\n", ["1:15: no credentials inside a URL; use token or basic_auth"]),
        ("peers: [{url: 'http://a/?b'}]\n", ["1:15: must be a URL without '?' and '#'"]),
        ("peers: [{url: 'http://a:99999'}]\n", ["1:15: Port out of range 0-65535"]),
        ("peers: [{token: a, interval: 500ms}]\n", ["1:9: 'url' is missing", "1:30: must be at least 1s"]),
        (
            "peers: [{url: 'http://a', ca_file: b},"
            " {url: 'http://c', token: t0ken, basic_auth: {username: a, password: pass5}}]\n",
            ["1:9: ca_file takes a url with https", "1:40: token and basic_auth exclude each other"],
        ),
        ("peers: [{url: 'http://a'}, {url: 'http://a/'}]\n", ["1:8: two of them have the same url"]),
        ("limits: {max_in_flight: 0}\n", ["1:25: must be at least 1"]),
        ("log: {level: warn}\n", ["1:14: must be 'debug', 'info', 'warning' or 'error' (did you mean 'warning'?)"]),
        ('contact: "a\\nb"\n', ["1:10: must be one line of ASCII: it becomes part of the User-Agent"]),
        (
            "witnesses: defualt\n",
            ["1:12: 'witnesses' must be 'default' or a list of targets (did you mean 'default'?)"],
        ),
        ("witnesses: [{probe: tcp, address: 'a:1'}]\n", ["1:13: 'network' is missing"]),
        (
            "second_resolver: dns.example\n",
            ["1:18: must be an address such as 9.9.9.9 or [2620:fe::fe]:53, or 'none'"],
        ),
        (
            "second_resolver:\n",
            ["1:17: must be an address such as 9.9.9.9 or [2620:fe::fe]:53, or 'none', not empty"],
        ),
        (
            "witnesses: [{probe: tcp, address: 'a:1', network: AS1, interval: 5s}]\n",
            ["1:66: the interval must be at least 30s towards a network that is not ours (foreign: true)"],
        ),
        ("services: [{use: whatsap}]\n", ["1:18: no service 'whatsap' in the catalogue (did you mean 'whatsapp'?)"]),
        (
            "services: [{use: [whatsapp, sgnal]}]\n",
            ["1:29: no service 'sgnal' in the catalogue (did you mean 'signal'?)"],
        ),
        ("services: [{use: 5}]\n", ["1:18: must be text; put it in quotes"]),
        ("services: [{use: }]\n", ["1:18: must be text, not empty"]),
        (
            "services: [{use: whatsapp}, {use: [signal, whatsapp]}]\n",
            ["1:44: service 'whatsapp' is already defined in line 1"],
        ),
        (
            "services: [{use: whatsapp, only: [chta]}]\n",
            ["1:35: no component 'chta' in this service (did you mean 'chat'?)"],
        ),
        (
            "services: [{use: whatsapp, except: chat, onlly: web}]\n",
            ["1:42: unknown key 'onlly' (did you mean 'only'?)"],
        ),
        (
            "services: [{use: whatsapp, interval: 10s}]\n",
            ["1:38: the interval must be at least 30s towards a network that is not ours (foreign: true)"],
        ),
        (
            "services: [{use: whatsapp, foreign: false, interval: 5s}]\n",
            ["1:54: the timeout must be shorter than the interval (10s, 5s)"],
        ),
        (
            "services: [{use: whatsapp, components: [{name: chta, enabled: false}]}]\n",
            ["1:48: no component 'chta' to override (did you mean 'chat'?)"],
        ),
        (
            "services: [{use: whatsapp, components: [{name: chat, targets: [{name: fron, enabled: false}]}]}]\n",
            ["1:71: no target 'fron' to override (did you mean 'front'?)"],
        ),
        (
            "services: [{use: whatsapp, components: [{name: chat, targets: [{name: twice, interval: 90s}]}]}]\n",
            ["1:71: several targets are named 'twice'; add their probe"],
        ),
        ("services: [{use: whatsapp, components: 5}]\n", ["1:40: 'components' must be a list"]),
        (
            "services: [{use: whatsapp, components: [{name: chat, targets: [{target: fron, interval: 60s}]}]}]\n",
            ["1:73: no target 'fron' to override (did you mean 'front'?)"],
        ),
        (
            "services: [{use: whatsapp, components: [{name: chat, require: most}]}]\n",
            ["1:63: must be 'all', 'majority' or 'any'"],
        ),
        (
            "judgement: {slow: 20s, fall_of: {of: 4}}\nservices: [{use: whatsapp, only: web}]\n",
            ["1:38: 'failed' must be at most 'of' (5, 4)"],
        ),
        ("witnesses: [{probe: tcp, address: 'a:1', network: AS1, fall: 1}]\n", ["1:56: unknown key 'fall'"]),
        ("services: [{name: a}]\n", ["1:12: 'components' is missing"]),
        ("services: [{name: a, components: []}]\n", ["1:34: 'components' needs at least one entry"]),
        ("services: [{name: a, components: [{name: b}]}]\n", ["1:35: 'targets' is missing"]),
        (
            "services: [{name: a, components: [{targets: [{probe: tcp, address: 'a:1'}]}]}]\n",
            ["1:35: 'name' is missing"],
        ),
    ],
)
def test_a_mistake_above_the_targets_is_told_with_its_place(
    text: str, messages: list[str], catalogue: Catalogue
) -> None:
    assert [message.removeprefix("f.yaml:") for message in mistakes(text, catalogue=catalogue)] == messages


def test_equal_check_ids_are_a_mistake() -> None:
    line = f"{{{TCP}}}, {{{TCP}}}"
    assert mistakes(target(line)) == [
        "f.yaml:6:57: check 'acme/home/a.example:1/tcp' is already defined in line 6; "
        "if it asks for something else, give it a 'name' of its own"
    ]
    line = "{probe: named, name: a.example}, {probe: named, name: a.example, route: {family: 4}}"
    assert mistakes(target(line)) == [
        "f.yaml:6:52: check 'acme/home/a.example/A/named' is already defined in line 6; "
        "if it asks for something else, give it a 'target' of its own"
    ]


def test_equal_components_are_a_mistake() -> None:
    text = (
        f"services: [{{name: a, components: [{{name: b, targets: [{{{TCP}}}]}}, {{name: b, targets: [{{{TCP}}}]}}]}}]"
    )
    assert [problem.message for problem in problems(text)] == ["component 'b' is already defined in line 1"]


def test_a_mistake_of_a_service_is_told_once_for_all_its_targets() -> None:
    text = target("{probe: tcp, address: 'a:1'}, {probe: tcp, address: 'b:1'}", above="interval: 100ms")
    assert mistakes(text) == ["f.yaml:3:15: the interval must be at least 1s"]


def test_a_file_with_twelve_mistakes_gets_twelve_messages(catalogue: Catalogue) -> None:
    path = Path(__file__).with_name("twelve_mistakes.yaml")
    with pytest.raises(ConfigError) as caught:
        load(path, KINDS, catalogue, {})
    wanted = [
        "3:12: must be two capital letters (ISO 3166-1), as in DE",
        "5:10: no service 'whatsap' in the catalogue (did you mean 'whatsapp'?)",
        "7:5: unknown key 'intervall' (did you mean 'interval'?)",
        "9:15: not a duration: 'ten'; write a number with a unit, as in 500ms, 30s, 5m, 1h30m",
        "12:9: 'name' is given twice (first in line 11)",
        "13:19: must be true or false",
        "15:20: unknown probe 'tpc' (did you mean 'tcp'?)",
        "17:23: not a port: '99999'",
        "18:13: 'address' is missing",
        "21:102: the timeout must be shorter than the interval (5s, 5s)",
        "22:8: the environment variable LASTSEEN_NO_SUCH_URL is not set",
        "23:15: no port in 'everywhere'; write host:port",
    ]
    assert [str(problem) for problem in caught.value.problems] == [f"{path}:{message}" for message in wanted]


def test_a_file_that_cannot_be_read_is_a_mistake_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.yaml", KINDS, None, {})
    assert str(caught.value) == f"{tmp_path / 'none.yaml'}:1:1: cannot read the file: No such file or directory"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, KINDS, None, {})
    assert str(caught.value) == f"{tmp_path}:1:1: cannot read the file: Is a directory"


def test_the_place_of_the_first_byte_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "latin1.yaml"
    path.write_bytes(b"contact: a\n# K\xf6ln\n")
    with pytest.raises(ConfigError) as caught:
        load(path, KINDS, None, {})
    assert str(caught.value) == f"{path}:2:4: not UTF-8 text"


def test_columns_count_characters_not_bytes() -> None:
    assert mistakes('{contact: "mailto:x@é.example", store: x}') == [
        "f.yaml:1:11: must be one line of ASCII: it becomes part of the User-Agent",
        "f.yaml:1:40: must be a URL such as sqlite:///lastseen.db",
    ]
