import shutil
import subprocess
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from monitor.domain.check import Check, Judging
from monitor.domain.maintenance import Announced
from monitor.domain.words import Layer, State, VantageState
from monitor.judgement.vantages import BLIND
from monitor.metrics.states import STATE_VALUES, VANTAGE_VALUES
from tests.metrics.watched import OPENMETRICS, T0, Watched
from tests.support.fakes import a_check

UP, DEGRADED, DOWN, UNKNOWN = 0, 1, 2, -1
CHECK, COMPONENT, SERVICE = "lastseen_check_state", "lastseen_component_state", "lastseen_service_state"
DOWNTIME, UNOBSERVED = "lastseen_downtime_seconds_total", "lastseen_unobserved_seconds_total"
OUTAGES = "lastseen_outages_total"


def check(component: str = "chat", service: str = "whatsapp", **changes: Any) -> Check:
    return a_check(
        **{"target": component, "service": service, "component": component, "interval": 10.0, "timeout": 5.0, **changes}
    )


def witnesses() -> tuple[Check, ...]:
    return tuple(a_check(target, service="witnesses", component="w") for target in ("w.example:443", "192.0.2.1:443"))


async def test_before_anything_was_seen_all_is_unknown_and_every_counter_is_there_at_zero() -> None:
    watched = Watched(check("chat"), check("web"))
    assert await watched.values(CHECK, "component") == {"chat": UNKNOWN, "web": UNKNOWN}
    assert await watched.values(COMPONENT, "service", "component") == {
        "whatsapp/chat": UNKNOWN,
        "whatsapp/web": UNKNOWN,
    }
    assert await watched.values(SERVICE, "service") == {"whatsapp": UNKNOWN}
    assert await watched.values("lastseen_vantage_state", "vantage") == {"fra-1": 0}
    for counter in (DOWNTIME, UNOBSERVED, OUTAGES):
        assert await watched.values(counter, "service", "component") == {
            "whatsapp/": 0,
            "whatsapp/chat": 0,
            "whatsapp/web": 0,
        }


async def test_a_service_says_whose_it_is_as_long_as_it_is_watched() -> None:
    info = "lastseen_service_info"
    watched = Watched(check("chat", provider="meta"), check("web", provider="meta"), check("web", service="telegram"))
    assert await watched.values(info, "service", "provider") == {"whatsapp/meta": 1, "telegram/": 1}
    watched.take(check("web", service="telegram", provider="telegram"))
    assert await watched.values(info, "service", "provider") == {"telegram/telegram": 1}


async def test_a_fall_shows_in_the_check_its_component_and_its_service_and_so_does_the_end() -> None:
    chat, web = check("chat"), check("web")
    watched = Watched(chat, web)
    watched.rounds(3)
    assert await watched.values(SERVICE, "service") == {"whatsapp": UP}
    watched.rounds(3, [chat])
    assert await watched.values(CHECK, "component") == {"chat": DOWN, "web": UP}
    assert await watched.values(COMPONENT, "component") == {"chat": DOWN, "web": UP}
    assert await watched.values(SERVICE, "service") == {"whatsapp": DOWN}
    watched.rounds(3)
    assert await watched.values(CHECK, "component") == {"chat": UP, "web": UP}
    assert await watched.values(SERVICE, "service") == {"whatsapp": UP}


async def test_a_minor_component_that_is_down_degrades_its_service() -> None:
    media = check("media", critical=False)
    watched = Watched(check("chat"), media)
    watched.rounds(3)
    watched.rounds(3, [media])
    assert await watched.values(COMPONENT, "component") == {"chat": UP, "media": DOWN}
    assert await watched.values(SERVICE, "service") == {"whatsapp": DEGRADED}
    assert (await watched.values(DOWNTIME, "component"))[""] == 0


async def test_what_is_slow_is_degraded_and_not_down() -> None:
    chat = check("chat", judging=Judging(slow=1.0))
    watched = Watched(chat)
    watched.rounds(15, slow=[chat])
    assert await watched.values(CHECK, "component") == {"chat": DEGRADED}
    assert await watched.values(SERVICE, "service") == {"whatsapp": DEGRADED}
    assert (await watched.values(DOWNTIME, "component")) == {"": 0, "chat": 0}


async def test_what_nobody_asks_any_more_is_unknown_though_no_attempt_said_so() -> None:
    chat, web = check("chat"), check("web")
    watched = Watched(chat, web)
    watched.rounds(3, [chat])
    before = (await watched.values(UNOBSERVED, "component"))["chat"]
    for _ in range(8):
        watched.rounds(1, [chat], silent=[chat])
        for second in range(2, 10):
            watched.sit(watched.now - 10 + second)
    assert await watched.values(CHECK, "component") == {"chat": UNKNOWN, "web": UP}
    assert await watched.values(COMPONENT, "component") == {"chat": UNKNOWN, "web": UP}
    # Since its last attempt, in the third round: what came after that was seen by nobody, whenever that was decided.
    assert 80 <= (await watched.values(UNOBSERVED, "component"))["chat"] - before <= 90


async def test_a_blind_vantage_says_so_and_nothing_of_anybody_else() -> None:
    chat = check("chat")
    watched = Watched(chat, witnesses=witnesses())
    watched.rounds(3)
    before = (await watched.values(UNOBSERVED, "component"))["chat"]
    watched.rounds(12, [chat, *watched.witnesses], layer=Layer.ROUTE)
    assert await watched.values("lastseen_vantage_state", "vantage") == {"fra-1": 6}
    assert await watched.values(CHECK, "component") == {"chat": UNKNOWN}
    assert await watched.values(SERVICE, "service") == {"whatsapp": UNKNOWN}
    assert await watched.values(OUTAGES, "component") == {"": 0, "chat": 0}
    assert 90 <= (await watched.values(UNOBSERVED, "component"))["chat"] - before <= 130


async def test_a_vantage_that_was_blind_shows_what_it_sees_again() -> None:
    chat = check("chat")
    watched = Watched(chat, witnesses=witnesses())
    watched.rounds(3)
    watched.rounds(12, [chat, *watched.witnesses], layer=Layer.ROUTE)
    watched.rounds(4)
    assert await watched.values("lastseen_vantage_state", "vantage") == {"fra-1": 0}
    assert await watched.values(CHECK, "component") == {"chat": UP}
    assert await watched.values(COMPONENT, "component") == {"chat": UP}
    assert await watched.values(SERVICE, "service") == {"whatsapp": UP}


async def test_witnesses_are_no_checks_with_a_state() -> None:
    watched = Watched(check("chat"), witnesses=witnesses())
    watched.rounds(3)
    assert b'"witnesses"' not in await watched.body()


def test_every_state_has_a_number_and_the_worse_has_the_higher_one() -> None:
    assert set(STATE_VALUES) == set(State)
    assert set(VANTAGE_VALUES) == set(VantageState)
    assert {state for state, value in VANTAGE_VALUES.items() if value >= 3} == BLIND
    assert sorted(VANTAGE_VALUES.values()) == list(range(len(VantageState)))


async def test_downtime_is_the_time_from_the_first_failure_to_the_first_answer() -> None:
    chat = check("chat")
    watched = Watched(chat)
    watched.rounds(6)
    watched.rounds(30, [chat])
    watched.rounds(6)
    assert await watched.values(DOWNTIME, "service", "component") == {"whatsapp/": 300, "whatsapp/chat": 300}


async def test_in_a_maintenance_the_state_is_what_it_is_and_nothing_is_counted() -> None:
    chat = check("chat")
    watched = Watched(chat)
    watched.rounds(6)
    watched.judge.announce([Announced(name="update", targets=("whatsapp",), starts=T0, ends=T0 + 3600)])
    watched.rounds(30, [chat])
    assert await watched.values(CHECK, "component") == {"chat": DOWN}
    assert await watched.values(SERVICE, "service") == {"whatsapp": DOWN}
    assert await watched.values(DOWNTIME, "component") == {"": 0, "chat": 0}
    assert await watched.values(OUTAGES, "component") == {"": 0, "chat": 0}
    assert await watched.outage() == {"whatsapp": 0}
    assert await watched.samples("lastseen_outage_info") == []


async def test_a_maintenance_that_overruns_becomes_an_outage() -> None:
    chat = check("chat")
    watched = Watched(chat)
    watched.rounds(6)
    watched.judge.announce([Announced(name="update", targets=("whatsapp",), starts=T0, ends=T0 + 300)])
    watched.rounds(30, [chat])
    assert await watched.values(OUTAGES, "component") == {"": 1, "chat": 1}
    assert await watched.outage() == {"whatsapp": T0 + 60}
    assert (await watched.values(DOWNTIME, "component"))["chat"] == pytest.approx(50, abs=10)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(1, 8), st.sampled_from(["fine", "failing", "silent", "cut off"])), max_size=12))
async def test_counters_never_go_down_whatever_happens(story: list[tuple[int, str]]) -> None:
    chat, web = check("chat"), check("web")
    watched = Watched(chat, web, witnesses=witnesses())
    watched.judge.announce([Announced(name="update", targets=("whatsapp.web",), starts=T0 + 95, ends=T0 + 185)])
    seen = [await watched.counters()]
    for number, what in story:
        if what == "silent":
            watched.rounds(number, silent=[chat])
        elif what == "cut off":
            watched.rounds(number, [chat, web, *watched.witnesses])
        else:
            watched.rounds(number, [chat, web] if what == "failing" else [])
        seen.append(await watched.counters())
    assert all(after[key] >= value for before, after in pairwise(seen) for key, value in before.items())


async def test_a_reload_removes_what_is_gone_and_keeps_the_counters_of_what_stays() -> None:
    chat, web, other = check("chat"), check("web"), check("login", service="signal")
    watched = Watched(chat, web, other)
    watched.rounds(3)
    watched.rounds(6, [chat, other])
    watched.rounds(1)
    before = (await watched.values(DOWNTIME, "component"))["chat"]
    assert before > 0
    watched.take(chat, check("new"))
    text = (await watched.body()).decode()
    assert '"signal"' not in text
    assert '"web"' not in text
    assert await watched.values(CHECK, "component") == {"chat": DOWN, "new": UNKNOWN}
    assert (await watched.values(DOWNTIME, "component"))["chat"] == before
    assert (await watched.values(OUTAGES, "component")) == {"": 1, "chat": 1, "new": 0}


async def test_a_reload_in_the_middle_of_a_scrape_brings_nothing_back() -> None:
    stays, goes = check("stays"), check("goes")
    for steps in range(20):
        watched = Watched(stays, goes)
        settling = [watched.states.settle(), watched.outages.settle()]
        for source in settling:
            for _ in range(steps):
                next(source, None)
        watched.take(stays)
        for source in settling:
            list(source)
        assert (
            '"goes"'
            not in b"".join(
                lines
                for source in (watched.states, watched.outages)
                for f in source.families()
                for lines in f.blocks.values()
            ).decode()
        )


async def test_thousands_of_checks_are_rendered_a_few_at_a_time() -> None:
    watched = Watched(*(check(f"c{n}") for n in range(3000)))
    for source in (watched.states, watched.outages):
        families = source.families()
        before = sum(len(family.blocks) for family in families)
        for _ in source.settle():
            after = sum(len(family.blocks) for family in families)
            assert after - before <= 1200
            before = after
    assert len(await watched.values(CHECK, "component")) == 3000


async def test_names_of_all_sorts_stay_within_their_label() -> None:
    hostile = 'x"} 1\nevil{a="\\'
    chat = check("chat", service=hostile, target=hostile)
    watched = Watched(chat)
    watched.rounds(3, [chat])
    assert await watched.values(CHECK, "service", "target") == {f"{hostile}/{hostile}": DOWN}
    for name in (COMPONENT, SERVICE, DOWNTIME, OUTAGES, "lastseen_outage_info"):
        assert {sample.labels["service"] for sample in await watched.samples(name)} == {hostile}


async def test_both_formats_say_the_same_and_promtool_has_nothing_to_say() -> None:
    chat, web = check("chat"), check("web")
    watched = Watched(chat, web)
    watched.rounds(3)
    watched.rounds(5, [chat])

    def lines(families: Any) -> set[tuple[str, str, float]]:
        return {
            (s.name, str(sorted(s.labels.items())), s.value)
            for family in families
            for s in family.samples
            if s.name.startswith("lastseen_")
        }

    text = await watched.body()
    openmetrics = (await watched.body(OPENMETRICS)).decode()
    read = parse_openmetrics(openmetrics)  # type: ignore[no-untyped-call]  # untyped in prometheus_client
    assert lines(parse_text(text.decode())) == lines(read)
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: run scripts/install-servers"
    done = subprocess.run(  # noqa: ASYNC221  # a test may wait
        [promtool, "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


GOLDEN = """\
# HELP lastseen_check_state State of a check: 0 up, 1 degraded, 2 down, -1 unknown.
# TYPE lastseen_check_state gauge
lastseen_check_state{service="whatsapp",component="chat",target="chat",probe="fake",vantage="fra-1"} 2
lastseen_check_state{service="whatsapp",component="web",target="web",probe="fake",vantage="fra-1"} 0
# HELP lastseen_component_state State of a component: 0 up, 1 degraded, 2 down, -1 unknown.
# TYPE lastseen_component_state gauge
lastseen_component_state{service="whatsapp",component="chat",vantage="fra-1"} 2
lastseen_component_state{service="whatsapp",component="web",vantage="fra-1"} 0
# HELP lastseen_service_state State of a service: 0 up, 1 degraded, 2 down, -1 unknown.
# TYPE lastseen_service_state gauge
lastseen_service_state{service="whatsapp",vantage="fra-1"} 2
# HELP lastseen_downtime_seconds_total Time down outside announced maintenance; component="" is the service as a whole.
# TYPE lastseen_downtime_seconds_total counter
lastseen_downtime_seconds_total{service="whatsapp",component="chat",vantage="fra-1"} 40.000
lastseen_downtime_seconds_total{service="whatsapp",component="web",vantage="fra-1"} 0.000
lastseen_downtime_seconds_total{service="whatsapp",component="",vantage="fra-1"} 40.000
# HELP lastseen_unobserved_seconds_total Time in which nobody could tell whether it was up; component="" is the \
service as a whole.
# TYPE lastseen_unobserved_seconds_total counter
lastseen_unobserved_seconds_total{service="whatsapp",component="chat",vantage="fra-1"} 1.000
lastseen_unobserved_seconds_total{service="whatsapp",component="web",vantage="fra-1"} 1.000
lastseen_unobserved_seconds_total{service="whatsapp",component="",vantage="fra-1"} 1.000
# HELP lastseen_vantage_state What the witnesses say of a vantage, which is blind from 3 on: 0 online, 1 degraded, \
2 trust_store_old, 3 resolver_broken, 4 clock_wrong, 5 captive, 6 offline.
# TYPE lastseen_vantage_state gauge
lastseen_vantage_state{vantage="fra-1"} 0
# HELP lastseen_service_info 1 for every service that is watched: whose it is.
# TYPE lastseen_service_info gauge
lastseen_service_info{service="whatsapp",provider="",vantage="fra-1"} 1
# HELP lastseen_vantage_info 1 for the vantage that we stand at: where that is.
# TYPE lastseen_vantage_info gauge
lastseen_vantage_info{vantage="fra-1",region="",country="",network=""} 1
# HELP lastseen_outage_start_timestamp_seconds Unix time at which the open outage of a service began; 0 when there is \
none.
# TYPE lastseen_outage_start_timestamp_seconds gauge
lastseen_outage_start_timestamp_seconds{service="whatsapp",vantage="fra-1"} 1700000030.000
# HELP lastseen_outage_info 1 while a service has an outage: the gravest, if several.
# TYPE lastseen_outage_info gauge
lastseen_outage_info{service="whatsapp",vantage="fra-1",breadth="component",reach="undetermined",kind="total",\
layer="tcp",cause="undetermined"} 1
# HELP lastseen_outages_total Outages that began, relapses not counted; component="" is the service as a whole.
# TYPE lastseen_outages_total counter
lastseen_outages_total{service="whatsapp",component="",vantage="fra-1"} 1
lastseen_outages_total{service="whatsapp",component="chat",vantage="fra-1"} 1
lastseen_outages_total{service="whatsapp",component="web",vantage="fra-1"} 0
"""


async def test_the_page_reads_so() -> None:
    chat, web = check("chat"), check("web")
    watched = Watched(chat, web)
    watched.rounds(3)
    watched.rounds(5, [chat])
    ours = {family.name for source in (watched.states, watched.outages) for family in source.families()}
    page = [
        line
        for line in (await watched.body()).decode().splitlines(keepends=True)
        if line.removeprefix("# HELP ").removeprefix("# TYPE ").split("{")[0].split()[0].removesuffix("_total") in ours
    ]
    assert "".join(page) == GOLDEN
