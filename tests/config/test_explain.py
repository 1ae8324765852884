"""Where each setting of a check came from."""

from pathlib import Path

import pytest

from monitor.config import Catalogue, UnknownCheckError, explain, load
from tests.config.kinds import KINDS, read, target

TEXT = """\
services:
  - use: whatsapp
    timeout: 5s
    confirm: {delay: 1s}
    slow: 900ms
    fall_of: {of: 20}
    components:
      - name: web
        require: any
        rise: 2
        targets:
          - name: "web.example:993"
            interval: 90s
            token: abc
            extra: {mode: plain}
judgement: {fall: 4, slow: 2s, fall_of: {failed: 6, of: 30}}
"""


@pytest.fixture
def explained(tmp_path: Path, catalogue: Catalogue) -> dict[str, tuple[str, str]]:
    path = tmp_path / "user.yaml"
    path.write_text(TEXT)
    origins = explain(load(path, KINDS, catalogue, {}), "whatsapp/web/web.example:993/login")
    folder = f"{tmp_path}/services/"
    return {o.key: (o.value, o.source.replace(folder, "").replace(f"{tmp_path}/", "")) for o in origins}


@pytest.mark.parametrize(
    ("key", "value", "source"),
    [
        ("service", "whatsapp", "whatsapp.yaml:1"),
        ("provider", "meta", "whatsapp.yaml:3"),
        ("foreign", "true", "whatsapp.yaml:1"),
        ("component", "web", "user.yaml:8"),
        ("critical", "false", "whatsapp.yaml:21"),
        ("target", "web.example:993", "user.yaml:12"),
        ("probe", "login", "whatsapp.yaml:23"),
        ("interval", "90s", "user.yaml:13"),
        ("timeout", "5s", "user.yaml:3"),
        ("confirm.attempts", "3", "default"),
        ("confirm.delay", "1s", "user.yaml:4"),
        ("require", "any", "user.yaml:9"),
        ("fall", "4", "user.yaml:16"),
        ("fall_of.failed", "6", "user.yaml:16"),
        ("fall_of.of", "20", "user.yaml:6"),
        ("rise", "2", "user.yaml:10"),
        ("slow", "0.9s", "user.yaml:5"),
        ("host", "web.example", "whatsapp.yaml:23"),
        ("port", "993", "default"),
        ("token", "********", "user.yaml:14"),
        ("extra.mode", "plain", "user.yaml:15"),
        ("extra.ratio", "0.5", "whatsapp.yaml:23"),
        ("extra.from", "", "default"),
        ("route.family", "any", "default"),
    ],
)
def test_each_setting_names_its_origin(
    key: str, value: str, source: str, explained: dict[str, tuple[str, str]]
) -> None:
    assert explained[key] == (value, source)


def test_what_comes_from_the_environment_is_masked() -> None:
    configuration = read(target("{probe: tcp, name: x, address: ['${HOST}:1', 'b:2']}"), HOST="a.example")
    (address,) = [o for o in explain(configuration, "acme/home/x/tcp") if o.key == "address"]
    assert (address.value, address.source) == ("********", "f.yaml:6")


def test_lists_and_shorthands_are_shown_as_one_value() -> None:
    configuration = read(target("{probe: tcp, name: x, address: ['a:1', 'b:2'], route: {proxy: 'http://h:1'}}"))
    shown = {o.key: o.value for o in explain(configuration, "acme/home/x/tcp")}
    assert shown["address"] == "a:1, b:2"
    assert shown["route.proxy"] == "address: h:1, password: ********, scheme: http, username: "


def test_a_witness_can_be_explained() -> None:
    shown = {o.key: o for o in explain(read("{}"), "witness/vantage/9.9.9.9:443/tls")}
    assert shown["provider"].value == "AS19281"
    assert shown["interval"].source == "default"
    assert "fall" not in shown, "witnesses judge, they are not judged"


def test_judging_that_nobody_set_is_the_default() -> None:
    shown = {
        o.key: (o.value, o.source) for o in explain(read(target("{probe: tcp, address: 'a:1'}")), "acme/home/a:1/tcp")
    }
    assert (shown["require"], shown["fall"], shown["slow"]) == (("all", "default"), ("3", "default"), ("", "default"))


def test_a_label_is_where_the_name_of_a_target_came_from() -> None:
    text = target("{probe: named, name: a.example,\n target: label}")
    shown = {o.key: (o.value, o.source) for o in explain(read(text), "acme/home/label/named")}
    assert (shown["target"], shown["name"]) == (("label", "f.yaml:7"), ("a.example", "f.yaml:6"))


def test_an_unknown_check_is_met_with_the_nearest_one() -> None:
    configuration = read(target("{probe: tcp, address: 'a.example:1'}"))
    with pytest.raises(UnknownCheckError, match=r"did you mean 'acme/home/a\.example:1/tcp'\?"):
        explain(configuration, "acme/home/a.exmple:1/tcp")
    with pytest.raises(UnknownCheckError, match=r"no check 'zzz'$"):
        explain(configuration, "zzz")
