from typing import Any

from monitor.domain.check import Check
from monitor.domain.outage import Window
from monitor.domain.words import Breadth, Kind, Layer, Reach, Status
from monitor.metrics.outages import OutageMetrics
from tests.metrics.watched import HERE, T0, Watched
from tests.support.fakes import a_check
from tests.support.windows import whatsapp_2022

START, INFO, TOTAL = "lastseen_outage_start_timestamp_seconds", "lastseen_outage_info", "lastseen_outages_total"
QUIET = 95
"""Rounds of ten seconds after which a window that stayed quiet is closed."""


def check(component: str = "chat", service: str = "whatsapp", **changes: Any) -> Check:
    return a_check(
        **{"target": component, "service": service, "component": component, "interval": 10.0, "timeout": 5.0, **changes}
    )


def window(*components: str, **changes: Any) -> Window:
    """An open window over these components of WhatsApp."""
    values: dict[str, Any] = {
        "id": "-".join(components),
        "components": tuple(f"whatsapp.{component}" for component in components),
        "breadth": Breadth.COMPONENT,
        "status": Status.OPEN,
        "end": None,
        **changes,
    }
    return whatsapp_2022(**values)


class Kept:
    """Metrics of a few components that are told of windows by hand."""

    def __init__(self, *checks: Check) -> None:
        self.metrics = OutageMetrics(HERE)
        self.metrics.replace(checks or [check("chat"), check("web"), check("media"), check("inbox", "messenger")])

    def lines(self, name: str) -> list[str]:
        for _ in self.metrics.settle():
            pass
        lines = [line.decode() for family in self.metrics.families() for line in family.blocks.values()]
        return [line.rstrip() for line in lines if line.startswith(f"{name}{{")]

    def total(self, component: str = "", service: str = "whatsapp") -> int:
        (line,) = (line for line in self.lines(TOTAL) if f'service="{service}",component="{component}",' in line)
        return int(line.split()[-1])

    def start(self, service: str = "whatsapp") -> float:
        (line,) = (line for line in self.lines(START) if f'service="{service}"' in line)
        return float(line.split()[-1])


async def test_an_outage_is_open_until_it_recovers_and_has_its_start_again_when_it_relapses() -> None:
    chat = check("chat")
    watched = Watched(chat, check("login", "signal"))
    watched.rounds(6)
    assert await watched.outage() == {"whatsapp": 0, "signal": 0}
    watched.rounds(6, [chat])
    assert await watched.outage() == {"whatsapp": T0 + 60, "signal": 0}
    (info,) = await watched.samples(INFO)
    assert info.value == 1
    assert info.labels == {
        "service": "whatsapp",
        "vantage": "fra-1",
        "breadth": "service",
        "reach": "undetermined",
        "kind": "total",
        "layer": "tcp",
        "cause": "undetermined",
    }
    watched.rounds(6)
    assert watched.judge.windows[0].status is Status.RECOVERING
    assert await watched.outage() == {"whatsapp": 0, "signal": 0}
    assert await watched.samples(INFO) == []
    watched.rounds(6, [chat])
    assert await watched.outage() == {"whatsapp": T0 + 60, "signal": 0}
    assert await watched.values(TOTAL, "service", "component") == {
        "whatsapp/": 1,
        "whatsapp/chat": 1,
        "signal/": 0,
        "signal/login": 0,
    }


async def test_one_after_the_quiet_period_is_another_outage() -> None:
    chat = check("chat")
    watched = Watched(chat)
    for _ in range(2):
        watched.rounds(6)
        watched.rounds(6, [chat])
        watched.rounds(2 * QUIET)  # what comes back sooner is watched for longer
        assert watched.judge.windows == ()
    assert await watched.values(TOTAL, "component") == {"": 2, "chat": 2}
    assert await watched.outage() == {"whatsapp": 0}


async def test_what_a_process_before_this_one_counted_is_not_counted_again() -> None:
    chat = check("chat")
    before = Watched(chat)
    before.rounds(6)
    before.rounds(6, [chat])
    after = Watched(chat)
    after.outages.resume(before.judge.windows)
    assert await after.outage() == {"whatsapp": T0 + 60}
    after.outages.follow(before.judge.windows)
    assert await after.values(TOTAL, "component") == {"": 0, "chat": 0}


async def test_the_parts_of_a_wide_outage_are_counted_once_and_so_is_their_service() -> None:
    parts = [check(component) for component in ("chat", "web", "media", "calls")]
    watched = Watched(*parts)
    watched.rounds(6)
    for number in range(1, 5):
        watched.rounds(3, parts[:number])
    (window,) = watched.judge.windows
    assert window.breadth is Breadth.SERVICE
    counts = await watched.values(TOTAL, "component")
    assert counts == dict.fromkeys(("", "chat", "web", "media", "calls"), 1)
    assert await watched.outage() == {"whatsapp": T0 + 60}
    assert len(await watched.samples(INFO)) == 1


def test_two_windows_at_once_are_one_outage_of_the_service_and_the_graver_is_shown() -> None:
    kept = Kept()
    kept.metrics.follow([window("media", kind=Kind.DEGRADED, layer=None, start=T0)])
    assert (kept.start(), kept.total(), kept.total("media")) == (T0, 1, 1)
    kept.metrics.follow([window("chat", kind=Kind.TOTAL, start=T0 + 600)])
    assert (kept.start(), kept.total(), kept.total("chat")) == (T0 + 600, 1, 1)
    (info,) = kept.lines(INFO)
    assert 'kind="total"' in info
    kept.metrics.follow([window("chat", kind=Kind.TOTAL, start=T0 + 600, status=Status.CLOSED)])
    assert (kept.start(), kept.total()) == (T0, 1)
    (info,) = kept.lines(INFO)
    assert 'kind="degraded",layer="",' in info


def test_an_outage_that_changes_has_one_series_at_a_time() -> None:
    kept = Kept()
    kept.metrics.follow([window("chat", reach=Reach.LOCAL, layer=Layer.DNS)])
    (before,) = kept.lines(INFO)
    kept.metrics.follow([window("chat", reach=Reach.GLOBAL, layer=Layer.TLS)])
    (after,) = kept.lines(INFO)
    assert 'reach="local",kind="total",layer="dns"' in before
    assert 'reach="global",kind="total",layer="tls"' in after


def test_an_outage_of_a_provider_is_one_of_each_of_its_services() -> None:
    kept = Kept()
    wide = window(
        "chat",
        breadth=Breadth.PROVIDER,
        services=("whatsapp", "messenger"),
        components=("whatsapp.chat", "messenger.inbox"),
        start=T0,
    )
    kept.metrics.follow([wide])
    assert (kept.start("whatsapp"), kept.start("messenger")) == (T0, T0)
    assert (kept.total("", "messenger"), kept.total("inbox", "messenger"), kept.total("web")) == (1, 1, 0)
    assert len(kept.lines(INFO)) == 2


def test_a_window_that_is_absorbed_hands_its_outage_on_in_whatever_order_they_are_told() -> None:
    kept = Kept()
    chat, web = window("chat", id="1"), window("web", id="2")
    kept.metrics.follow([chat])
    kept.metrics.follow([web])
    gone = window("web", id="2", status=Status.ABSORBED, absorbed_by="1")
    kept.metrics.follow([gone, window("chat", "web", id="1", breadth=Breadth.SERVICE)])
    assert (kept.total(), kept.total("chat"), kept.total("web")) == (1, 1, 1)


def test_what_is_planned_is_no_outage_until_it_overruns() -> None:
    kept = Kept()
    kept.metrics.follow([window("chat", status=Status.PLANNED)])
    assert (kept.start(), kept.total(), kept.lines(INFO)) == (0, 0, [])
    kept.metrics.follow([window("chat", status=Status.OPEN, start=T0)])
    assert (kept.start(), kept.total(), kept.total("chat")) == (T0, 1, 1)


def test_a_service_that_is_gone_has_no_outage_and_begins_anew_when_it_is_back() -> None:
    kept = Kept()
    kept.metrics.follow([window("chat", start=T0)])
    kept.metrics.replace([check("inbox", "messenger")])
    for name in (START, INFO, TOTAL):
        assert not any("whatsapp" in line for line in kept.lines(name))
    kept.metrics.follow([window("chat", start=T0, reach=Reach.LOCAL)])
    kept.metrics.replace([check("chat")])
    assert (kept.start(), kept.total()) == (0, 0)


def test_names_with_dots_are_told_apart() -> None:
    kept = Kept(check("b.c", "a"), check("b", "a"))
    kept.metrics.follow([window("x", services=("a",), components=("a.b.c",))])
    assert (kept.total("b.c", "a"), kept.total("b", "a"), kept.total("", "a")) == (1, 0, 1)
