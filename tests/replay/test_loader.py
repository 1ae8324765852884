"""Files in, scenarios or all of their mistakes out."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.config import ConfigError
from monitor.domain.words import Layer
from monitor.replay.loader import ScenarioError
from monitor.replay.scenario import alone
from tests.replay.making import FILES, expecting, fault, load, made, window, write


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_scenario_of_ours_is_understood_to_the_last_key(path: Path) -> None:
    scenario = load(path)
    assert scenario.id == path.stem
    assert scenario.notices == ()


def test_the_names_of_shared_sets_become_vantages_targets_and_chains(tmp_path: Path) -> None:
    scenario = made(tmp_path)
    assert [vantage.name for vantage in scenario.vantages][:2] == ["eu-par", "eu-mil"]
    assert scenario.vantages[2].resolver == "public-a"
    bizapi = scenario.targets["whatsapp.bizapi"]
    assert (bizapi.kind, bizapi.provider, bizapi.chain[-1]) == ("api", "meta", Layer.DELIVER)
    assert scenario.pace.seed == 20261122
    assert scenario.t0 == 1_666_677_600


def test_what_a_scenario_defines_itself_needs_no_shared_set(tmp_path: Path) -> None:
    services = {"acme": {"provider": "acme", "components": {"chat": "chat", "odd": ["dns", "tcp", "login"]}}}
    vantages = [{"id": "here", "network": "AS64500", "resolver": "isp"}]
    scenario = made(tmp_path, services=services, vantages=vantages, probe={"interval": 30}, noise=0)
    assert scenario.targets["acme.odd"].kind == "login"
    assert (scenario.pace.interval, scenario.pace.timeout, scenario.pace.noise) == (30, 10, 0)


def test_a_base_beside_the_file_comes_before_our_own(tmp_path: Path) -> None:
    base = {
        "probe": {"interval": 10, "timeout": 5, "deliver_timeout": 20, "seed": 7},
        "noise": 0.5,
        "vantage_sets": {"mine": [{"id": "moon"}]},
        "layer_chains": {"name": ["dns"]},
        "services": {"acme": {"provider": "acme", "components": {"zone": "name"}}},
    }
    (tmp_path / "base.yml").write_text(yaml.safe_dump(base))
    scenario = made(tmp_path, vantages="mine", services=["acme"])
    assert list(scenario.targets) == ["acme.zone"]
    assert (scenario.vantages[0].name, scenario.pace.interval, scenario.pace.noise) == ("moon", 10, 0.5)


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["whatsapp.media"], ["whatsapp.media"]),
        (["facebook"], ["facebook.web", "facebook.login", "facebook.media"]),
        (["*.chat"], ["whatsapp.chat", "telegram.chat"]),
        (["telegram:*"], ["telegram.chat", "telegram.web", "telegram.media"]),
        (["provider:none"], ["control.name_a", "control.web_b", "control.web_c"]),
        (["telegram.web", "telegram.*"], ["telegram.web", "telegram.chat", "telegram.media"]),
    ],
)
def test_patterns_mean_targets(tmp_path: Path, patterns: list[str], names: list[str]) -> None:
    assert list(made(tmp_path).expand(patterns)) == names


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"t0": "yesterday"}, "t0: 'yesterday' is not a time with its zone"),
        ({"t0": "2022-10-25T06:00:00"}, "t0: '2022-10-25T06:00:00' is not a time with its zone"),
        ({"vantages": "world8"}, "vantages: no shared set 'world8'; there are world7"),
        ({"services": ["whatsup", "control"]}, "services: no shared service 'whatsup'"),
        (
            {"services": {"a": {"provider": "a", "components": {"b": "hat"}}}},
            "services.a.b: 'hat' is no layer chain: name one of api, chat, http, login, name",
        ),
        ({"faults": [fault(targets=["whatsapp.chad"])]}, "faults.f1: no target matches 'whatsapp.chad'"),
        ({"faults": [fault(vantages=["eu-par", "eu-paris"])]}, "faults.f1: no vantage 'eu-paris'"),
        ({"faults": [fault(to=9000)]}, "faults.f1: from 1800 to 9000 is not a time within 0 to 7200"),
        ({"faults": [fault(effect="http_5xx")]}, "faults.f1: http_5xx takes code, not none"),
        ({"faults": [fault(params={"code": 500})]}, "app_handshake_timeout takes no params, not code"),
        ({"faults": [fault(effect="login_rejected")]}, "faults.f1: login_rejected cannot hit whatsapp.chat"),
        ({"prober": [{"event": "pause", "at": 60}]}, "prober.0 (pause): seconds is missing"),
        ({"prober": [{"event": "maintenance", "at": 0, "to": 60}]}, "prober.0 (maintenance): from is missing"),
        ({"expected": expecting(window(target="signal"))}, "expected.windows.w1: no target matches 'signal'"),
        ({"expected": expecting(window(where_until={"x": 1}))}, "expected.windows.w1: no vantage 'x'"),
        ({"expected": expecting(window(open_by=60))}, "expected.windows.w1: start, open_by and duration"),
        ({"expected": expecting(window(close_by=None))}, "expected.windows.w1: start, end, close_by and duration"),
    ],
)
def test_names_that_do_not_fit_are_told_with_file_and_place(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ScenarioError) as error:
        made(tmp_path, **changes)
    assert f"{tmp_path / 'made.yaml'}: " in str(error.value)
    assert complaint in str(error.value)


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as error:
        made(tmp_path, t0="", faults=[fault(to=1), fault(id="f2", targets=["x"])])
    assert len(str(error.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"faults": [fault(effect="tcp_rest")]}, "did you mean 'tcp_reset'?"),
        ({"faults": None}, "'faults' is missing"),
        ({"duration": "long"}, "must be a whole number"),
        ({"noise": 2}, "must be at most 1"),
        ({"expected": expecting(window(reach="everywhere"))}, "must be 'global', 'regional' or 'local'"),
    ],
)
def test_values_that_cannot_be_are_told_with_line_and_column(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(ConfigError) as error:
        load(path)
    (problem,) = error.value.problems
    assert complaint in str(problem)
    assert (problem.file, problem.line > 0) == (str(path), True)


def test_what_is_not_known_is_passed_over_and_told(tmp_path: Path) -> None:
    scenario = made(tmp_path, faults=[fault(moon="full")], prober=[{"event": "eclipse", "at": 3}])
    assert scenario.notices == (
        "prober.0: event 'eclipse' is not known and passed over",
        "faults.f1: key 'moon' is not known and passed over",
    )


def test_with_one_vantage_what_it_cannot_see_is_silence_and_reach_cannot_be_known(tmp_path: Path) -> None:
    expected = expecting(
        window(where_until={"eu-par": 3000}),
        window(id="w2", target="telegram", where=["na-iad"]),
        vantage_states=[{"vantage": "na-iad", "state": "offline", "start": 0, "end": 60, "tol": 60}],
    )
    seen = alone(made(tmp_path, expected=expected), "eu-par")
    assert [vantage.name for vantage in seen.vantages] == ["eu-par"]
    (first,) = seen.expected.windows
    assert (first.end, first.reach, first.accept["reach"]) == (3000, "undetermined", ("local",))
    (silence,) = seen.expected.silence
    assert (silence.targets, silence.start, silence.to) == (("telegram",), 1800, 3600)
    assert seen.expected.vantage_states == ()


def test_with_one_vantage_that_sees_nothing_every_window_is_too_many(tmp_path: Path) -> None:
    scenario = made(tmp_path, expected=expecting(window(where=["na-iad"])))
    assert alone(scenario, "eu-par").expected.max_windows == 0
    assert alone(scenario, "na-iad").expected.max_windows == 3


def test_a_vantage_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no vantage 'moon' in made; it has eu-par, "):
        alone(made(tmp_path), "moon")
