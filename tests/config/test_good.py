"""What a right file means."""

from pathlib import Path

import pytest

from monitor.config import Catalogue, Configuration, load
from monitor.domain.check import Check, Confirm, Judging, Vantage
from monitor.domain.settings import Endpoint
from monitor.domain.words import Require
from tests.config.kinds import KINDS, LoginSettings, read, target

TCP = '{probe: tcp, address: "a.example:1"}'


def one(line: str) -> Check:
    (check,) = read(target(line)).checks
    return check


def ids(configuration: Configuration) -> list[str]:
    return [check.id for check in configuration.checks]


def use(text: str, catalogue: Catalogue) -> Configuration:
    return read(f"services: [{{use: {text}}}]", catalogue=catalogue)


WHATSAPP = [
    "whatsapp/chat/front/tcp",
    "whatsapp/chat/e.example:443/tcp",
    "whatsapp/chat/twice/tcp",
    "whatsapp/chat/twice/login",
    "whatsapp/web/web.example:993/login",
]


def test_an_empty_mapping_watches_nothing_and_has_every_default() -> None:
    configuration = read("{}")
    assert configuration.vantage == Vantage()
    assert configuration.checks == ()
    assert configuration.store == "sqlite:///lastseen.db"
    assert configuration.web.listen == Endpoint(host="127.0.0.1", port=9797)
    assert (configuration.web.url, configuration.web.public) == (None, False)
    assert configuration.limits.max_in_flight == 5000
    assert (configuration.log.level, configuration.log.format) == ("info", "console")
    assert configuration.contact == ""
    assert configuration.modules is None
    assert configuration.quiet == 900.0
    assert configuration.maintenance == ()
    assert configuration.peers == ()


def test_every_top_level_setting_is_taken() -> None:
    configuration = read("""
vantage: {name: fra-1, region: eu, country: NO, network: AS3320}
contact: "mailto:ops@acme.example"
store: sqlite:////var/lib/lastseen/lastseen.db
web:
  listen: "[::1]:80"
  basic_auth: {username: ops, password: hunter2}
  bearer_token: t0ken
  tls: {cert_file: /c.pem, key_file: /k.pem}
  url: "https://status.acme.example/"
  public: true
  probe_allow: "*.acme.example"
limits: {max_in_flight: 10}
log: {level: debug, format: json}
modules: /etc/blackbox.yml
witnesses: []
judgement: {quiet: 5m}
peers:
  - {url: "http://10.0.0.2:9797", token: t0ken}
  - {url: "https://monitor.example/lastseen/", basic_auth: {username: a, password: b}, ca_file: /ca.pem, interval: 30s}
""")
    assert configuration.vantage == Vantage(name="fra-1", region="eu", country="NO", network="AS3320")
    assert configuration.contact == "mailto:ops@acme.example"
    assert configuration.store == "sqlite:////var/lib/lastseen/lastseen.db"
    assert configuration.web.listen == Endpoint(host="::1", port=80)
    assert configuration.web.basic_auth is not None
    assert configuration.web.basic_auth.password.get_secret_value() == "hunter2"
    assert configuration.web.tls is not None
    assert configuration.web.tls.key_file == "/k.pem"
    assert (configuration.web.url, configuration.web.public) == ("https://status.acme.example", True)
    assert configuration.web.probe_allow == ("*.acme.example",)
    assert configuration.limits.max_in_flight == 10
    assert configuration.log.format == "json"
    assert configuration.modules == Path("/etc/blackbox.yml")
    assert configuration.witnesses == ()
    assert configuration.quiet == 300.0
    first, second = configuration.peers
    assert (first.url, first.interval, first.ca_file) == ("http://10.0.0.2:9797", 5.0, None)
    assert first.token is not None
    assert first.token.get_secret_value() == "t0ken"
    assert (second.url, second.interval, second.ca_file) == ("https://monitor.example/lastseen", 30.0, "/ca.pem")
    assert second.basic_auth is not None


def test_a_target_without_a_schedule_takes_the_defaults_of_the_code() -> None:
    check = one(TCP)
    assert check.id == "acme/home/a.example:1/tcp"
    assert (check.interval, check.timeout, check.confirm, check.foreign) == (60.0, 10.0, Confirm(), False)


def test_the_default_timeout_is_never_more_than_half_of_the_interval() -> None:
    assert one("{probe: tcp, address: 'a:1', interval: 5s}").timeout == 2.5


def test_schedules_are_inherited_from_the_service_and_confirmation_field_by_field() -> None:
    above = "{interval: 40s, timeout: 4s, confirm: {attempts: 5, delay: 1s}}"
    text = target(
        f"{TCP}, {{probe: tcp, address: 'b:1', interval: 20s, confirm: {{attempts: 0}}}}", above=f"<<: {above}"
    )
    first, second = read(text).checks
    assert (first.interval, first.timeout, first.confirm) == (40.0, 4.0, Confirm(attempts=5, delay=1.0))
    assert (second.interval, second.timeout, second.confirm) == (20.0, 4.0, Confirm(attempts=0, delay=1.0))


def test_the_judging_nearest_to_a_target_wins_field_by_field() -> None:
    text = """
judgement: {fall: 4, fall_of: {failed: 6, of: 20}, rise: 5, slow: 4s}
services:
  - name: acme
    slow: 3s
    fall_of: {of: 30}
    components:
      - name: near
        rise: 6
        require: any
        targets:
          - {probe: tcp, address: "a:1", fall: 1, slow: 500ms, fall_of: {failed: 7}}
          - {probe: tcp, address: "b:1"}
      - name: far
        fall: 2
        require: majority
        targets: [{probe: tcp, address: "c:1"}]
  - {name: other, components: [{name: far, targets: [{probe: tcp, address: "d:1", timeout: 1s}]}]}
"""
    first, second, third, fourth = read(text).checks
    assert first.judging == Judging(fall=1, fall_failed=7, fall_of=30, rise=6, slow=0.5)
    assert second.judging == Judging(fall=4, fall_failed=6, fall_of=30, rise=6, slow=3.0)
    assert third.judging == Judging(fall=2, fall_failed=6, fall_of=30, rise=5, slow=3.0)
    assert fourth.judging == Judging(fall=4, fall_failed=6, fall_of=20, rise=5, slow=4.0)
    assert [check.require for check in (first, second, third, fourth)] == ["any", "any", "majority", "all"]


def test_what_nobody_says_about_judging_is_the_default_of_the_code(catalogue: Catalogue) -> None:
    assert one(TCP).judging == Judging(fall=3, fall_failed=5, fall_of=15, rise=3, slow=None)
    assert one(TCP).require is Require.ALL
    assert {check.judging for check in read("judgement: {fall: 7}").witnesses} == {Judging()}
    overridden = use("whatsapp, fall: 2, components: [{name: chat, require: any}]", catalogue)
    assert {check.judging.fall for check in overridden.checks} == {2}
    assert [check.require for check in overridden.checks] == ["any"] * 4 + ["all"]


def test_a_target_whose_kind_has_a_name_of_its_own_is_named_by_target() -> None:
    line = "{probe: named, name: a.example}, {probe: named, name: a.example, target: a over v4, route: {family: 4}}"
    assert ids(read(target(line))) == ["acme/home/a.example/A/named", "acme/home/a over v4/named"]


def test_an_override_finds_a_target_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("""
name: a
foreign: false
components:
  - name: b
    targets:
      - {probe: named, name: a.example}
      - {probe: named, name: a.example, target: second}
""")
    override = "{target: second, interval: 20s}, {name: a.example, target: third, probe: named}"
    text = f"services: [{{use: a, components: [{{name: b, targets: [{override}]}}]}}]"
    configuration = read(text, catalogue=Catalogue.load(tmp_path))
    assert [(check.target, check.interval) for check in configuration.checks] == [
        ("a.example/A", 60),
        ("second", 20),
        ("third", 60),
    ]


def test_lists_reach_a_kind_as_tuples_and_free_values_as_they_are() -> None:
    settings = one("{probe: login, host: h, accounts: [{user: u, password: p}], says: {a: [1, [x]]}}").settings
    assert isinstance(settings, LoginSettings)
    assert settings.accounts[0].user == "u"
    assert settings.says == {"a": [1, ["x"]]}


def test_an_alias_of_a_field_is_the_key_in_the_file() -> None:
    settings = one("{probe: login, host: h, extra: {from: x, wait: 1m, ratio: 2}}").settings
    assert isinstance(settings, LoginSettings)
    assert (settings.extra.from_, settings.extra.wait, settings.extra.ratio) == ("x", 60.0, 2.0)


def test_a_kind_with_a_name_of_its_own_keeps_the_word() -> None:
    assert one("{probe: named, name: a.example, type: MX}").id == "acme/home/a.example/MX/named"


@pytest.mark.parametrize(
    ("written", "value"),
    [("NO", "NO"), ("1:30", "1:30"), ("2026-01-01", "2026-01-01"), ("'5'", "5"), ("!!str 5", "5"), ("on", "on")],
)
def test_plain_scalars_follow_yaml_1_2(written: str, value: str) -> None:
    assert read(f"vantage: {{region: {written}}}").vantage.region == value


def test_anchors_and_merge_keys_work() -> None:
    line = "&a {probe: tcp, address: 'a:1', interval: 20s}, {<<: *a, address: 'b:1'}, {<<: [*a], address: 'c:1'}"
    checks = read(target(line)).checks
    assert [(check.target, check.interval) for check in checks] == [("a:1", 20), ("b:1", 20), ("c:1", 20)]


def test_equal_files_give_equal_configurations(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(target(TCP))
    (tmp_path / "b.yaml").write_text("# moved\n" + target(TCP))
    assert load(tmp_path / "a.yaml", KINDS, None, {}) == load(tmp_path / "b.yaml", KINDS, None, {})


def test_use_takes_a_service_of_the_catalogue_as_it_is(catalogue: Catalogue) -> None:
    configuration = use("whatsapp", catalogue)
    assert ids(configuration) == WHATSAPP
    assert [check.interval for check in configuration.checks] == [60, 120, 60, 60, 60]
    assert all(check.foreign and check.provider == "meta" for check in configuration.checks)
    assert [check.critical for check in configuration.checks] == [True, True, True, True, False]
    (service,) = configuration.services
    assert (service.name, service.title, service.provider, service.foreign) == ("whatsapp", "WhatsApp", "meta", True)
    assert service.sources == ("[S] a public source",)
    chat, web = service.components
    assert (chat.title, chat.critical, web.title, web.critical) == ("Chat", True, "web", False)
    assert chat.targets[0].check_id == WHATSAPP[0]
    assert chat.targets[0].proves == "The chat front end accepts connections."
    assert chat.targets[0].source == "[S] a file"


def test_use_takes_a_list(catalogue: Catalogue) -> None:
    assert [service.name for service in use("[whatsapp, signal]", catalogue).services] == ["whatsapp", "signal"]


def test_an_override_of_the_service_leaves_what_a_target_says_itself(catalogue: Catalogue) -> None:
    configuration = use("whatsapp, interval: 30s, provider: m, confirm: {attempts: 2}", catalogue)
    assert [check.interval for check in configuration.checks] == [30, 120, 30, 30, 30]
    assert [check.confirm.attempts for check in configuration.checks] == [2, 1, 2, 2, 2]
    assert configuration.services[0].provider == "m"


def test_a_renamed_service_can_stand_beside_the_original(catalogue: Catalogue) -> None:
    v6 = "components: [{name: chat, targets: [{name: 'chat.example:443', route: {family: 6}}]}]"
    text = f"services: [{{use: signal}}, {{use: signal, name: signal-v6, {v6}}}]"
    configuration = read(text, catalogue=catalogue)
    assert ids(configuration) == ["signal/chat/chat.example:443/tcp", "signal-v6/chat/chat.example:443/tcp"]
    assert [check.settings.route.family for check in configuration.checks] == ["any", 6]


def test_only_and_except_choose_components(catalogue: Catalogue) -> None:
    assert ids(use("whatsapp, only: web", catalogue)) == WHATSAPP[4:]
    assert ids(use("whatsapp, except: [web]", catalogue)) == WHATSAPP[:4]


def test_a_target_is_overridden_by_name_or_endpoint_and_keeps_the_rest(catalogue: Catalogue) -> None:
    text = """whatsapp, components: [
      {name: chat, critical: false, targets: [{name: front, interval: 45s}, {name: 'e.example:443', timeout: 2s}]},
      {name: web, targets: [{name: 'web.example:993', extra: {mode: plain}}]}]"""
    configuration = use(text, catalogue)
    assert ids(configuration) == WHATSAPP
    assert (configuration.checks[0].interval, configuration.checks[1].timeout) == (45, 2)
    assert not configuration.checks[0].critical
    web = configuration.checks[4].settings
    assert isinstance(web, LoginSettings)
    assert (web.extra.mode, web.extra.ratio) == ("plain", 0.5)


def test_the_probe_tells_targets_of_one_name_apart(catalogue: Catalogue) -> None:
    text = "whatsapp, components: [{name: chat, targets: [{name: twice, probe: login, interval: 90s}]}]"
    assert [check.interval for check in use(text, catalogue).checks] == [60, 120, 60, 90, 60]


def test_unknown_names_add_components_and_targets(catalogue: Catalogue) -> None:
    text = f"whatsapp, components: [{{name: chat, targets: [{TCP}]}}, {{name: new, targets: [{TCP}]}}]"
    added = [check_id for check_id in ids(use(text, catalogue)) if check_id not in WHATSAPP]
    assert added == ["whatsapp/chat/a.example:1/tcp", "whatsapp/new/a.example:1/tcp"]


@pytest.mark.parametrize(
    ("override", "left"),
    [
        ("enabled: false", []),
        ("components: [{name: chat, enabled: false}]", WHATSAPP[4:]),
        ("components: [{name: chat, targets: [{name: front, enabled: false}]}]", WHATSAPP[1:]),
    ],
)
def test_a_service_a_component_or_a_target_can_be_switched_off(
    override: str, left: list[str], catalogue: Catalogue
) -> None:
    configuration = use(f"whatsapp, {override}", catalogue)
    assert ids(configuration) == left
    described = [t.check_id for s in configuration.services for c in s.components for t in c.targets]
    assert described == left


def test_a_service_of_the_user_is_not_foreign_and_may_be_probed_every_second() -> None:
    assert one("{probe: tcp, address: 'a:1', interval: 1s}").interval == 1.0


def test_default_witnesses_stand_in_three_networks() -> None:
    witnesses = read("{}").witnesses
    assert [check.id for check in witnesses] == [
        "witness/vantage/www.wikipedia.org:443/tls",
        "witness/vantage/www.ripe.net:443/tls",
        "witness/vantage/9.9.9.9:443/tls",
    ]
    assert [check.provider for check in witnesses] == ["AS14907", "AS3333", "AS19281"]
    for check in witnesses:
        assert (check.interval, check.timeout, check.confirm.attempts, check.foreign) == (30, 3, 0, True)
    assert read("witnesses: default") == read("{}")


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("{}", "9.9.9.9:53"),
        ("second_resolver: 192.0.2.53", "192.0.2.53:53"),
        ("second_resolver: '[2001:db8::53]:5353'", "[2001:db8::53]:5353"),
        ("second_resolver: none", "None"),
    ],
)
def test_a_second_resolver_is_asked_unless_there_shall_be_none(line: str, address: str) -> None:
    assert str(read(line).second_resolver) == address


def test_witnesses_can_be_ones_own() -> None:
    line = "{probe: tcp, address: '127.0.0.1:1', network: local, foreign: false, interval: 1s, timeout: 500ms}"
    (check,) = read(f"witnesses: [{line}]").witnesses
    assert (check.provider, check.interval, check.timeout, check.foreign) == ("local", 1.0, 0.5, False)
