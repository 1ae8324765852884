"""Findings for those who write them down: an October with one of everything, and others that mean harm."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from monitor.domain.outage import Span
from monitor.domain.words import Kind, VantageState
from monitor.formats.edition import Edition
from monitor.formats.report import Report
from monitor.reports.figures import Subject, service
from monitor.reports.findings import Findings, Order
from monitor.reports.parts import part_of
from monitor.reports.period import Period
from monitor.store import Availability
from tests.formats.examples import HOSTILE, TEXTS
from tests.reports.months import (
    AFTER,
    FIRST,
    LATER,
    OCTOBER,
    booked,
    days,
    note,
    october,
    overran,
    parts,
    window,
)

EVIL = '<script>alert(1)</script> "quoted" & =1+1 **bold** [x](javascript:alert(1)) | cell'


def eventful(period: Period = OCTOBER, objective: float = 0.999) -> Findings:
    """Two services: one with an outage of every sort, one that was fine, and 20 October blind for both."""
    outage = window(october("25T06:35:00"), october("25T09:30:00"), sentence=f"S was down, {EVIL}")
    crossing = window(AFTER - 1800, AFTER + 3600)
    slow = window(october("08T10:00:00"), october("08T10:35:00"), kind=Kind.DEGRADED)
    meant = window(october("18T02:00:00"), october("18T03:00:00"), planned_until=october("18T04:00:00"))
    late = overran(october("04T02:00:00"), october("04T04:00:00"), october("04T04:30:00"))
    none = window(october("15T20:00:00"), october("15T20:30:00"))
    said = [
        replace(note(outage, kind="intermittent"), author=f"in{EVIL}", text=f"{EVIL}\nand the next line"),
        note(none, outage="no"),
    ]
    found = parts([outage, crossing, slow, meant, late, none], said, period)
    special = (
        booked(4, planned=7200, down=1800),
        booked(8, degraded=2100),
        booked(15, unknown=1800),
        booked(18, planned=3600),
        booked(20, unknown=4500),
        booked(25, down=10_500),
        booked(31, down=1800),
    )
    rows = [*days(*special), *days(*(replace(row, component="c") for row in special), component="c")]
    bad = Subject(name="s", title=f"S {EVIL}", provider=EVIL, components={"c": (f"C {EVIL}", True)})
    fine = Subject(name="t", title="T", provider="q", components={"x": ("X", False)})
    blind = replace(booked(20, unknown=4500), service="t")
    others = [*days(blind, first=3), *days(replace(blind, component="x"), component="x", first=3)]
    return findings([(bad, rows), (fine, others)], [part.report for part in found], period, objective)


def findings(
    services: Sequence[tuple[Subject, Sequence[Availability]]],
    reports: Sequence[Report],
    period: Period = OCTOBER,
    objective: float = 0.999,
) -> Findings:
    """As they would be read from a store."""
    found = [part for one in reports if (part := part_of(one, period)) is not None]
    return Findings(
        order=Order(period=period, objective=objective),
        edition=Edition(now=LATER, site="fra-1", titles={"s": "S"}),
        services=tuple(service(subject, rows, found, period, objective) for subject, rows in services),
        parts=tuple(found),
        spans=(
            Span(
                vantage="fra-1",
                state=VantageState.OFFLINE,
                start=october("20T11:10:00"),
                end=october("20T12:25:00"),
            ),
        ),
    )


def _hostile(reports: list[Report], titles: list[str]) -> Findings:
    within = [
        replace(one, window=replace(one.window, start=FIRST + 60, end=FIRST + 7200, services=("s",))) for one in reports
    ]
    subjects = [
        (Subject(name=name, title=title, provider=title, components={title: (title, True)}), days())
        for name, title in zip(("s", *titles), titles, strict=False)
    ]
    return findings(subjects, within)


HOSTILE_FINDINGS = st.builds(_hostile, HOSTILE, st.lists(TEXTS, min_size=1, max_size=3))
