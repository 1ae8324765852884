"""The schema for editors agrees with the loader."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types

from monitor.config import json_schema
from monitor.registry import CHANNEL_SETTINGS, PROBE_SETTINGS
from tests.config.kinds import KINDS, read, target

ROOT = Path(__file__).parents[2]
TCP = "{probe: tcp, address: 'a:1'}"
MAINTENANCE = "maintenance: [{{name: x, {}}}]\n"
GOOD = [
    "{}",
    "vantage: {name: a, country: DE}\nwitnesses: []\nlimits: {max_in_flight: 5}\nlog: {format: json}",
    "web: {listen: 'a:1', basic_auth: {username: a, password_file: /f}, probe_allow: [a, b]}\nwitnesses: default",
    "witnesses: [{probe: tcp, address: 'a:1', network: AS1}]\nsecond_resolver: 192.0.2.53:53",
    "second_resolver: none",
    "services: [{use: whatsapp, interval: 30s, only: [chat], except: web, title: W, enabled: false}]",
    "services: [{use: [whatsapp], components: [{name: chat, targets: [{name: front, interval: 60s}]}]}]",
    target("{probe: tcp, address: 'a:1', interval: 5s, confirm: {attempts: 0, delay: 1s}, proves: x, source: y}"),
    target("{probe: tcp, address: ['a:1', 'b:2'], tls: {alpn: h2}, route: {family: 6, proxy: 'socks5://h:1'}}"),
    target("{probe: tcp, address: 'a:1', dialogue: [{send: x, expect: y, starttls: true}, {expect_hex: '00'}]}"),
    target("{probe: login, host: h, account: {user: u, password: p}, extra: {from: x, wait: 5s}, either: text}"),
    target("{probe: login, host: h, token_file: /f, accounts: [{user: u, password_file: /f}], either: {mode: oauth}}"),
    target("{probe: named, name: a.example}"),
    target("{probe: named, name: a.example, target: label}"),
    target("{probe: tcp, address: 'a:1', fall: 1, fall_of: {failed: 2}, slow: 1s}", above="rise: 2\n    slow: 2s"),
    "judgement: {quiet: 10m, fall: 2, fall_of: {failed: 5, of: 10}, rise: 2, slow: 2s}",
    "peers: [{url: 'http://a:1', token_file: /f}, {url: 'https://b', ca_file: c, interval: 10s}]",
    "peers: [{url: 'http://a:1', basic_auth: {username: a, password: b}}]",
    target(TCP) + MAINTENANCE.format("targets: acme, every: [monday, friday], at: 02:00, for: 2h, zone: UTC"),
    target(TCP)
    + MAINTENANCE.format("targets: ['ac*', acme.home], every: month, day: last, at: 02:00, for: 2h, zone: UTC"),
    target(TCP) + MAINTENANCE.format("targets: acme, from: 2026-12-24 22:00, to: 2026-12-25 06:00, zone: Europe/Rome"),
]
BAD = [
    "servces: []",
    "witnesses: [{probe: tcp, address: 'a:1'}]",
    "second_resolver: []",
    "second_resolver:",
    target("{probe: tpc, address: 'a:1'}"),
    target("{probe: tcp}"),
    target("{probe: tcp, address: 'a:1', target: label}"),
    target("{probe: tcp, address: 'a:1', fall: 0}"),
    "witnesses: [{probe: tcp, address: 'a:1', network: AS1, fall: 1}]",
    "judgement: {quite: 10m}",
    "peers: [{token: a}]",
    target(TCP) + MAINTENANCE.format("targets: acme, every: sonday"),
    target(TCP) + MAINTENANCE.format("every: sunday"),
    target("{probe: tcp, address: 'a:1', adress: x}"),
    target("{probe: login, host: h, account: {user: u}}"),
    target("{probe: login, host: h, port: x}"),
]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema(KINDS, CHANNEL_SETTINGS)


def test_the_schema_is_one(schema: dict[str, Any], real: Draft202012Validator) -> None:
    Draft202012Validator.check_schema(schema)
    Draft202012Validator.check_schema(real.schema)


@pytest.fixture(scope="module")
def real() -> Draft202012Validator:
    return Draft202012Validator(json_schema(PROBE_SETTINGS, CHANNEL_SETTINGS))


@pytest.mark.parametrize("text", GOOD)
def test_good_files_conform(text: str, schema: dict[str, Any]) -> None:
    assert [error.message for error in Draft202012Validator(schema).iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize("text", [text for text in GOOD if "use:" not in text and "/f" not in text])
def test_the_loader_takes_what_the_schema_takes(text: str) -> None:
    read(text)


@pytest.mark.parametrize("text", BAD)
def test_bad_files_do_not(text: str, schema: dict[str, Any]) -> None:
    assert list(Draft202012Validator(schema).iter_errors(yaml.safe_load(text)))


def test_the_default_file_conforms(real: Draft202012Validator) -> None:
    text = (ROOT / "config" / "monitor.yaml").read_text()
    assert [error.message for error in real.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "services").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_service_of_the_catalogue_conforms(path: Path, real: Draft202012Validator) -> None:
    entry = {"services": [yaml.safe_load(path.read_text())]}
    assert [error.message for error in real.iter_errors(entry)] == []
