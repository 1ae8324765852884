"""One service: its parts, where it breaks, how long each step takes, its budget, its certificates."""

from grafana_foundation_sdk.builders import common as parts
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import stat, statetimeline, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

from grafana.builder import palette, queries
from grafana.builder.frame import PROVIDER, SERVICE, VANTAGE, Plan, Row, Section
from grafana.builder.frame import dashboard as frame
from grafana.builder.panels import A_MINUTE, About, Value, lines, now, query, stacked, states, tile, windows
from grafana.builder.queries import CHOSEN, WHOLE
from grafana.builder.sheets import certificate_sheet, failing_sheet, outage_sheet
from grafana.builder.vocabulary import LAYERS, PHASES

_BUDGET = "(1 - $objective / 100)"
_MONTH = 30 * 86400
_DOWN = f"lastseen_downtime_seconds_total{{{WHOLE}}}"
_EVIDENCE = f'{CHOSEN},probe!="statuspage"'
"""Probes of the service itself; the provider's word about it is none."""
_PER_TARGET = "component, target, probe, vantage"
_TARGET = "{{component}} · {{target}} · {{probe}} · {{vantage}}"


def dashboard() -> model.Dashboard:
    """The one to look into."""
    return frame(
        Plan(
            uid="lastseen-service",
            title="lastseen: one service",
            description="One service in depth: components, targets, layers, latency by step, error budget.",
            variables=(PROVIDER, SERVICE, VANTAGE, _objective()),
            matching=CHOSEN,
            sections=(
                Section(title="Now", rows=(Row(height=4, panels=_numbers()),)),
                Section(title="Windows", rows=_windows()),
                Section(title="Where it breaks", rows=_breaks()),
                Section(title="How long it takes", rows=_times()),
                Section(title="Error budget of 30 days", rows=_budget()),
                Section(title="Certificates", rows=(Row(height=7, panels=((certificate_sheet(CHOSEN), 24),)),)),
            ),
        )
    )


def _objective() -> build.CustomVariable:
    percents = ("99", "99.5", "99.9", "99.95", "99.99")
    options = [model.VariableOption(text=text, value=text, selected=text == "99.9") for text in percents]
    return (
        build.CustomVariable("objective")
        .label("Objective, %")
        .description("The availability that was promised: its rest is the error budget.")
        .values(",".join(percents))
        .options(options)
        .current(model.VariableOption(text="99.9", value="99.9", selected=True))
    )


def _numbers() -> tuple[tuple[stat.Panel, int], ...]:
    graded = palette.steps(palette.BAD, (0.99, palette.DOUBTFUL), (0.999, palette.FINE))
    known = palette.steps(palette.UNKNOWN, (0.9, palette.DOUBTFUL), (0.99, palette.FINE))
    plain = palette.steps(palette.UNKNOWN)
    return (
        (_state(), 4),
        (_since(), 4),
        (
            tile(
                About(
                    title="Availability", description="Share of the time seen in this range in which it was not down."
                ),
                now(queries.availability(CHOSEN), "{{service}}"),
                Value(unit="percentunit", decimals=3, thresholds=graded),
            ),
            4,
        ),
        (
            tile(
                About(title="Coverage", description="Share of this range in which somebody could tell."),
                now(queries.coverage(CHOSEN), "{{service}}"),
                Value(unit="percentunit", decimals=1, thresholds=known),
            ),
            4,
        ),
        (
            tile(
                About(title="Downtime", description="In this range, announced maintenance left out."),
                now(queries.downtime(WHOLE), "{{service}}"),
                Value(unit=palette.LASTS, thresholds=plain),
            ),
            4,
        ),
        (
            tile(
                About(
                    title="Outages begun",
                    description="In this range. A relapse is not counted again, nor what began within another.",
                ),
                now(queries.outages(WHOLE), "{{service}}"),
                Value(thresholds=plain),
            ),
            4,
        ),
    )


def _state() -> stat.Panel:
    about = About(title="State", description="The worst that any chosen vantage sees.")
    worst = f"max by (service) (lastseen_service_state{{{CHOSEN}}})"
    value = Value(mappings=palette.words(palette.STATES), nothing="No data")
    return tile(about, now(worst, "{{service}}"), value)


def _since() -> stat.Panel:
    about = About(title="Open outage", description="The moment at which the open outage began, as lastseen stores it.")
    start = f"1000 * (min by (service) (lastseen_outage_start_timestamp_seconds{{{CHOSEN}}} > 0))"
    value = Value(unit=palette.since("HH:mm:ss"), mappings=palette.any_time(), nothing="None")
    return tile(about, now(start, "{{service}}"), value)


def _windows() -> tuple[Row, ...]:
    outages = windows(
        About(
            title="Outage windows by vantage",
            description="One band for each outage, labelled with the moment it began as lastseen stores it.",
        ),
        query(f"1000 * {queries.in_outage(CHOSEN, 'service, vantage')}", "{{vantage}}"),
    )
    return (
        Row(height=4, panels=((outages, 24),)),
        Row(height=5, panels=((_ours(), 12), (_theirs(), 12))),
        Row(height=6, panels=((_components(), 24),)),
        Row(height=8, panels=((_targets(), 24),)),
        Row(height=6, panels=((outage_sheet(CHOSEN), 24),)),
    )


def _ours() -> statetimeline.Panel:
    about = About(
        title="What we find",
        description="The service as a whole: the worst of each moment, from all chosen vantages.",
    )
    target = query(queries.timeline("lastseen_service_state", CHOSEN, "service"), "{{service}}")
    return states(about, target, palette.words(palette.STATES))


def _theirs() -> statetimeline.Panel:
    about = About(
        title="The provider's own word",
        description="What the provider's status page says of the service meanwhile, where one is read: never evidence, "
        "and often late. Of several pages the worst word.",
    )
    its = 'service=~"$service"'  # it says the same to every vantage
    target = query(queries.timeline("lastseen_provider_claim", its, "service"), "{{service}}")
    return states(about, target, palette.words(palette.CLAIMS)).no_value("No status page is read")


def _components() -> statetimeline.Panel:
    about = About(title="Components", description="The worst of each moment, from all chosen vantages.")
    target = query(queries.timeline("lastseen_component_state", CHOSEN, "component"), "{{component}}")
    return states(about, target, palette.words(palette.STATES))


def _targets() -> statetimeline.Panel:
    about = About(title="Targets", description="Each target and probe, from each chosen vantage.")
    target = query(queries.timeline("lastseen_check_state", CHOSEN, _PER_TARGET), _TARGET)
    return states(about, target, palette.words(palette.STATES))


def _breaks() -> tuple[Row, ...]:
    about = About(title="Failed attempts by layer", description="A minute, confirmations included.")
    failures = queries.a_minute("layer", "lastseen_probe_failures_total", CHOSEN)
    layers = stacked(about, A_MINUTE, query(failures, "{{layer}}"), palette.each(LAYERS))
    failing = failing_sheet(CHOSEN)
    return (Row(height=6, panels=((failing, 24),)), Row(height=8, panels=((layers, 24),)))


def _times() -> tuple[Row, ...]:
    return (
        Row(height=9, panels=((_phases(), 12), (_percentiles(), 12))),
        Row(height=9, panels=((_round_trips(), 24),)),
    )


def _phases() -> timeseries.Panel:
    about = About(
        title="Latency by phase",
        description="The mean target, step on step: the height is how long an attempt takes altogether.",
    )
    total = f"sum by (phase) {queries.over_step('avg', 'lastseen_probe_phase_seconds', _EVIDENCE)}"
    number = f"scalar(count{queries.over_step('avg', 'probe_duration_seconds', _EVIDENCE)})"
    return stacked(about, "s", query(f"{total} / {number}", "{{phase}}"), palette.each(PHASES))


def _percentiles() -> timeseries.Panel:
    about = About(title="Latency of components, 95th percentile", description="Of attempts that succeeded.")
    slow = queries.latency("component")
    return lines(about, "s", query(slow, "{{component}}"), legend=("lastNotNull", "max"))


def _round_trips() -> timeseries.Panel:
    about = About(
        title="Kernel round trip against TCP handshake",
        description="The same round trip, measured by the kernel (dashed) and by us. Where ours is longer, this "
        "machine was late, not the network.",
    )
    kernel = f"avg by (target) {queries.over_step('avg', 'lastseen_probe_kernel_rtt_seconds', _EVIDENCE)}"
    matching = f'{_EVIDENCE},phase="connect"'
    ours = f"avg by (target) {queries.over_step('avg', 'lastseen_probe_phase_seconds', matching)}"
    made = lines(
        about,
        "s",
        query(kernel, "{{target}} kernel", ref="A"),
        query(ours, "{{target}} handshake", ref="B"),
        legend=("mean", "max"),
    )
    dashed = model.DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [6, 6]})
    return made.override_by_regexp("/ kernel$/", [dashed])


def _budget() -> tuple[Row, ...]:
    return (Row(height=8, panels=((_left(), 6), (_burn(), 18))),)


def _left() -> stat.Panel:
    about = About(
        title="Budget left",
        description="Of 30 days, whatever range is chosen: 100 % is untouched, 0 % is spent, less is overspent. Time "
        "before Prometheus knew the service counts as fine.",
    )
    spent = f"max by (service) (increase({_DOWN}[30d])) / ({_MONTH} * {_BUDGET})"
    limits = palette.steps(palette.BAD, (0, palette.DOUBTFUL), (0.25, palette.FINE))
    return tile(about, now(f"1 - {spent}", "{{service}}"), Value(unit="percentunit", decimals=1, thresholds=limits))


def _burn() -> timeseries.Panel:
    about = About(
        title="Burn rate",
        description="How many times as fast as allowed the budget is being spent: at 1 it lasts 30 days. Dashed: the "
        "rates worth a ticket (1), a page (6) and a page at once (14.4).",
    )
    targets = (
        query(f"max by (service) (increase({_DOWN}[{window}])) / ({seconds} * {_BUDGET})", window, ref=ref)
        for window, seconds, ref in (("1h", 3600, "A"), ("6h", 21600, "B"), ("3d", 259200, "C"))
    )
    limits = palette.steps("transparent", (1, palette.DOUBTFUL), (6, palette.SERIES[1]), (14.4, palette.BAD))
    dashed = parts.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
    made = lines(about, "suffix:x", *targets, legend=("lastNotNull", "max"))
    for name, color in palette.each(("1h", "6h", "3d")).items():
        made.override_by_name(name, palette.always(color))
    return made.thresholds(limits).thresholds_style(dashed)
