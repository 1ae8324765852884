"""The places that are looked from: how they are, what they see, who vouches for them, whom they hear."""

from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

from grafana.builder import palette, queries
from grafana.builder.frame import PROVIDER, SERVICES, VANTAGE, Plan, Row, Section
from grafana.builder.frame import dashboard as frame
from grafana.builder.panels import (
    A_MINUTE,
    About,
    Value,
    cells,
    lines,
    now,
    query,
    rows,
    sheet,
    sorted_by,
    states,
    tile,
    transformation,
)
from grafana.builder.queries import CHOSEN, WHOLE
from grafana.builder.sheets import matrix

_THEM = 'vantage=~"$vantage"'
_ALONE = "No peers are configured"
_WITNESSES = 'service="witness",vantage=~"$vantage"'


def dashboard() -> model.Dashboard:
    """Before anybody is blamed."""
    return frame(
        Plan(
            uid="lastseen-vantages",
            title="lastseen: vantages",
            description="Who sees what, who was blind and when, what the witnesses say, and how peers are heard.",
            variables=(PROVIDER, SERVICES, VANTAGE),
            matching=CHOSEN,
            sections=(
                Section(title="Now", rows=_now()),
                Section(title="Who sees what", rows=_sights()),
                Section(title="Witnesses", rows=_witnesses()),
                Section(title="Other monitors", rows=_peers()),
            ),
        )
    )


def _now() -> tuple[Row, ...]:
    state = tile(
        About(title="Vantages", description="What the witnesses say of each place. While it is blind, nothing counts."),
        now(f"max by (vantage) (lastseen_vantage_state{{{_THEM}}})", "{{vantage}}"),
        Value(mappings=palette.words(palette.VANTAGES), nothing="No vantage"),
    ).text_mode(common.BigValueTextMode.VALUE_AND_NAME)
    return (
        Row(height=6, panels=((state, 8), (_blind(), 5), (_unobserved(), 5), (_places(), 6))),
        Row(height=6, panels=((_states(), 24),)),
    )


def _blind() -> stat.Panel:
    about = About(
        title="Blind time", description="In this range: its own way out was broken, so nothing it saw counts."
    )
    looks = f"sum_over_time((lastseen_vantage_state{{{_THEM}}} >= bool 3)[$__range:$__interval])"
    seconds = f"max by (vantage) ({looks}) * $__interval_ms / 1000"
    limits = palette.steps(palette.FINE, (1, palette.UNKNOWN))
    return tile(about, now(seconds, "{{vantage}}"), Value(unit=palette.LASTS, thresholds=limits))


def _unobserved() -> stat.Panel:
    about = About(
        title="Time without knowing",
        description="In this range, of the service that it knows least of: blind, not asked yet, or not asked at all.",
    )
    lost = f"max by (vantage) ({queries.increase('lastseen_unobserved_seconds_total', WHOLE)})"
    limits = palette.steps(palette.FINE, (60, palette.UNKNOWN))
    return tile(about, now(lost, "{{vantage}}"), Value(unit=palette.LASTS, thresholds=limits))


def _places() -> table.Panel:
    about = About(title="Places", description="Two vantages in one network have one vote.")
    labels = ("vantage", "region", "country", "network")
    made = sheet(about, rows(f"max by ({', '.join(labels)}) (lastseen_vantage_info{{{_THEM}}})"), nothing="No vantage")
    shown = transformation(
        "organize",
        excludeByName={"Time": True, "Value": True},
        indexByName={label: index for index, label in enumerate(labels)},
        renameByName={label: label.capitalize() for label in labels},
    )
    return made.with_transformation(shown).with_transformation(sorted_by("Vantage"))


def _states() -> statetimeline.Panel:
    about = About(title="State of each vantage", description="The worst of each moment. From blind on, nothing counts.")
    target = query(queries.timeline("lastseen_vantage_state", _THEM, "vantage"), "{{vantage}}")
    return states(about, target, palette.words(palette.VANTAGES))


def _sights() -> tuple[Row, ...]:
    grid = matrix(
        About(title="Now", description="How each service stands, from each vantage."),
        queries.by_place(CHOSEN),
        "service",
        "place",
    )
    history = cells(
        About(
            title="Over time",
            description="A cell is as bad as its worst moment, so that nothing short is lost. Grey: nobody knew.",
        ),
        query(queries.timeline("lastseen_service_state", CHOSEN, "service, vantage"), "{{service}} · {{vantage}}"),
        palette.words(palette.STATES),
    )
    return (Row(height=12, panels=((grid, 8), (history, 16))),)


def _witnesses() -> tuple[Row, ...]:
    answers = states(
        About(
            title="Witnesses",
            description="Endpoints of unrelated networks that nobody watches for their own sake. If all of them fail, "
            "it is us.",
        ),
        query(
            queries.timeline("probe_success", _WITNESSES, "target, vantage", function="min"), "{{target}} · {{vantage}}"
        ),
        palette.words(palette.ANSWERS),
    )
    duration = f"max by (target, vantage) {queries.over_step('max', 'probe_duration_seconds', _WITNESSES)}"
    slow = lines(
        About(title="How long witnesses take", description="The longest of each moment, failed attempts included."),
        "s",
        query(duration, "{{target}} · {{vantage}}"),
        legend=("mean", "max"),
    )
    return (Row(height=7, panels=((answers, 14), (slow, 10))),)


def _peers() -> tuple[Row, ...]:
    up = states(
        About(title="Peers", description="Whether each other monitor answered when it was asked last."),
        query(queries.timeline("lastseen_peer_up", "", "peer", function="min"), "{{peer}}"),
        palette.words(palette.ANSWERS),
    ).no_value(_ALONE)
    return (
        Row(height=6, panels=((up, 24),)),
        Row(height=7, panels=((_lag(), 8), (_skew(), 8), (_ignored(), 8))),
    )


def _lag() -> timeseries.Panel:
    about = About(title="Lag of peers", description="The longest time between an attempt there and our hearing of it.")
    lag = f"max by (peer) {queries.over_step('max', 'lastseen_peer_lag_seconds', '')}"
    return lines(about, "s", query(lag, "{{peer}}")).no_value(_ALONE)


def _skew() -> timeseries.Panel:
    about = About(title="Clock skew of peers", description="How much our clock is ahead of theirs; taken into account.")
    skew = f"max by (peer) {queries.over_step('avg', 'lastseen_peer_clock_skew_seconds', '')}"
    return lines(about, "s", query(skew, "{{peer}}")).no_value(_ALONE).axis_soft_max(1)


def _ignored() -> timeseries.Panel:
    about = About(
        title="Trouble with peers",
        description="A minute: answers that were of no use, attempts that are not judged here, and attempts that were "
        "forgotten before we asked.",
    )
    return lines(
        about,
        A_MINUTE,
        query(queries.where_any("reason", "lastseen_peer_errors_total", ""), "answer: {{reason}}", ref="A"),
        query(queries.where_any("reason", "lastseen_peer_attempts_ignored_total", ""), "attempt: {{reason}}", ref="B"),
        query(queries.where_any("peer", "lastseen_peer_lost_total", ""), "lost by {{peer}}", ref="C"),
    ).no_value("None in this range")
