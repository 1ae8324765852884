"""All services at a glance: what is down now, what was, since when, and from where it is seen."""

from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from grafana.builder import palette, queries
from grafana.builder.frame import PROVIDER, SERVICES, VANTAGE, Plan, Row, Section
from grafana.builder.frame import dashboard as frame
from grafana.builder.panels import (
    A_MINUTE,
    About,
    Value,
    lines,
    now,
    query,
    stacked,
    states,
    tile,
    windows,
)
from grafana.builder.queries import CHOSEN, WHOLE
from grafana.builder.sheets import matrix, outage_sheet, service_sheet
from grafana.builder.vocabulary import LAYERS

_WORST = f"max by (service) (lastseen_service_state{{{CHOSEN}}})"


def dashboard() -> model.Dashboard:
    """The first one that people open."""
    return frame(
        Plan(
            uid="lastseen-overview",
            title="lastseen: overview",
            description="Is it down, or is it me: all services, their outage windows, and from where they are seen.",
            variables=(PROVIDER, SERVICES, VANTAGE),
            matching=CHOSEN,
            sections=(
                Section(title="Now", rows=(Row(height=4, panels=_numbers()),)),
                Section(title="Windows", rows=(Row(height=9, panels=((_states(), 24),)), *_windows())),
                Section(title="In figures", rows=_figures()),
            ),
        )
    )


def _numbers() -> tuple[tuple[stat.Panel, int], ...]:
    alarming = palette.steps(palette.FINE, (1, palette.BAD))
    doubtful = palette.steps(palette.FINE, (1, palette.DOUBTFUL))
    grey = palette.steps(palette.FINE, (1, palette.UNKNOWN))
    return (
        (_count("Down", "Services that are down, seen from any vantage.", 2, alarming), 4),
        (_count("Degraded", "Services of which a part is down, slow, or comes and goes.", 1, doubtful), 4),
        (
            _count(
                "Unknown", "Services of which nobody can tell: nothing was asked, or the vantage is blind.", -1, grey
            ),
            4,
        ),
        (_open_age(), 4),
        (_outages(), 4),
        (_lowest_coverage(), 4),
    )


def _count(title: str, description: str, state: int, thresholds: Builder[model.ThresholdsConfig]) -> stat.Panel:
    counted = f"sum({_WORST} == bool {state})"
    return tile(About(title=title, description=description), now(counted, title), Value(thresholds=thresholds))


def _open_age() -> stat.Panel:
    about = About(title="Longest open outage", description="For how long the oldest of the open outages has lasted.")
    age = f"max(time() - (lastseen_outage_start_timestamp_seconds{{{CHOSEN}}} > 0))"
    value = Value(unit=palette.LASTS, thresholds=palette.steps(palette.FINE, (0, palette.BAD)), nothing="None")
    return tile(about, now(age, "Open for"), value)


def _outages() -> stat.Panel:
    about = About(
        title="Outages begun",
        description="In this range, over all services. A relapse is not counted again, nor what began within another.",
    )
    return tile(
        about, now(f"sum({queries.outages(WHOLE)})", "Outages"), Value(thresholds=palette.steps(palette.UNKNOWN))
    )


def _lowest_coverage() -> stat.Panel:
    about = About(
        title="Coverage",
        description="Share of this range in which somebody could tell, of the service of which least is known. "
        "Availability is of that share alone.",
    )
    value = Value(
        unit="percentunit",
        decimals=1,
        thresholds=palette.steps(palette.UNKNOWN, (0.9, palette.DOUBTFUL), (0.99, palette.FINE)),
    )
    return tile(about, now(f"min({queries.coverage(CHOSEN)})", "Coverage"), value)


def _states() -> statetimeline.Panel:
    about = About(
        title="State of each service",
        description="The worst of each moment, from all chosen vantages. Grey: nobody knows, or nothing was scraped.",
    )
    target = query(queries.timeline("lastseen_service_state", CHOSEN, "service"), "{{service}}")
    return states(about, target, palette.words(palette.STATES))


def _windows() -> tuple[Row, ...]:
    about = About(
        title="Outage windows",
        description="One band for each outage, labelled with the moment it began as lastseen stores it. Hover for it "
        "where there is no room. A band begins with the first failure, not with our knowing of it.",
    )
    target = query(f"1000 * {queries.in_outage(CHOSEN)}", "{{service}}")
    return (
        Row(height=6, panels=((windows(about, target), 24),)),
        Row(height=6, panels=((outage_sheet(CHOSEN), 24),)),
    )


def _figures() -> tuple[Row, ...]:
    return (
        Row(height=9, panels=((service_sheet(CHOSEN), 14), (_matrix(), 10))),
        Row(height=9, panels=((_layers(), 12), (_latency(), 12))),
    )


def _matrix() -> table.Panel:
    about = About(
        title="Seen from",
        description="How each service stands now, from each vantage. Down from one and up from another: look at the "
        "path, not at the service.",
    )
    return matrix(about, queries.by_place(CHOSEN), "service", "place")


def _layers() -> timeseries.Panel:
    about = About(
        title="Failed attempts by layer",
        description="Where attempts broke, a minute, confirmations included. What was our own fault is not in it.",
    )
    failures = queries.a_minute("layer", "lastseen_probe_failures_total", f'{CHOSEN},service!="witness"')
    return stacked(about, A_MINUTE, query(failures, "{{layer}}"), palette.each(LAYERS))


def _latency() -> timeseries.Panel:
    about = About(title="Latency, 95th percentile", description="Of attempts that succeeded, from all chosen vantages.")
    slow = queries.latency("service")
    return lines(about, "s", query(slow, "{{service}}"), legend=("lastNotNull", "max"))
