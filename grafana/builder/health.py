"""The monitor itself: whether it is on time, whole, and how much it costs."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

from grafana.builder import alerts, palette, queries
from grafana.builder.frame import INSTANCE, Plan, Row, Section
from grafana.builder.frame import dashboard as frame
from grafana.builder.panels import A_MINUTE, About, Value, lines, now, query, stacked, states, tile
from grafana.builder.queries import HERE
from grafana.builder.vocabulary import SKIPS
from monitor.domain.words import Outcome

_NAMED = "{{instance}}"
_GOOD_BAD = {1: ("Taken", palette.FINE), 0: ("Refused", palette.BAD)}
_WHOLE = {0: ("Whole", palette.FINE), 1: ("Damaged", palette.BAD)}
_FLYING = ("lastseen_attempts_in_flight", "lastseen_attempts_in_flight_max")
_OUTCOMES: Mapping[str, str] = {
    Outcome.OK: palette.FINE,
    Outcome.FAILED: palette.BAD,
    Outcome.INCONCLUSIVE: palette.UNKNOWN,
}
_NO_TROUBLE = palette.steps(palette.FINE, (1, palette.BAD))


def dashboard() -> model.Dashboard:
    """Who watches the watcher."""
    return frame(
        Plan(
            uid="lastseen-health",
            title="lastseen: monitor health",
            description="Whether the monitors run on time, keep what they find, and what they cost.",
            variables=(INSTANCE,),
            matching="",
            sections=(
                Section(title="Now", rows=_now()),
                Section(title="On time", rows=_on_time()),
                Section(title="Work", rows=_work()),
                Section(title="Kept", rows=_kept()),
                Section(title="Alerts", rows=alerts.rows()),
                Section(title="Cost", rows=_cost()),
            ),
        )
    )


def _own(name: str) -> str:
    return f"max by (instance) ({name}{{{HERE}}})"


def _now() -> tuple[Row, ...]:
    plain = palette.steps(palette.UNKNOWN)
    up = states(
        About(title="Scraped", description="Whether Prometheus got an answer from each monitor."),
        query(queries.timeline("up", HERE, "instance", function="min"), _NAMED),
        palette.words(palette.ANSWERS),
    )
    return (
        Row(
            height=4,
            panels=(
                (_version(), 4),
                (
                    _tile(
                        "Running for",
                        "Since the process started.",
                        f"time() - {_own('process_start_time_seconds')}",
                        Value(unit=palette.LASTS, thresholds=plain),
                    ),
                    4,
                ),
                (
                    _tile(
                        "Checks",
                        "On the schedule, witnesses included.",
                        _own("lastseen_checks"),
                        Value(thresholds=plain),
                    ),
                    4,
                ),
                (
                    _tile(
                        "Last configuration",
                        "Whether it was taken; else the one before still runs.",
                        _own("lastseen_config_last_reload_successful"),
                        Value(mappings=palette.words(_GOOD_BAD)),
                    ),
                    4,
                ),
                (
                    _tile(
                        "Store",
                        "A damaged file is left as it is, and no longer written.",
                        _own("lastseen_store_damaged"),
                        Value(mappings=palette.words(_WHOLE)),
                    ),
                    4,
                ),
                (_troubles(), 4),
            ),
        ),
        Row(height=4, panels=((up, 24),)),
    )


def _tile(title: str, description: str, expression: str, value: Value) -> stat.Panel:
    return tile(About(title=title, description=description), now(expression, _NAMED), value)


def _version() -> stat.Panel:
    about = About(title="Version", description="What runs, and on which Python.")
    build = f"max by (instance, version, python) (lastseen_build_info{{{HERE}}})"
    value = Value(thresholds=palette.steps(palette.UNKNOWN))
    made = tile(about, now(build, "{{version}} on Python {{python}}"), value)
    return made.text_mode(common.BigValueTextMode.NAME)


def _troubles() -> stat.Panel:
    kinds = ("lastseen_internal_errors_total", "lastseen_store_errors_total", "lastseen_sink_errors_total")
    grown = " or ".join(f'label_replace({queries.increase(kind, HERE)}, "kind", "{kind}", "", "")' for kind in kinds)
    about = About(
        title="Troubles",
        description="In this range: bugs of ours, a store that could not be written or read, observations lost.",
    )
    return tile(about, now(f"sum(round({grown}))", "Troubles"), Value(thresholds=_NO_TROUBLE))


def _on_time() -> tuple[Row, ...]:
    late = lines(
        About(title="Lateness of runs", description="How late attempts start. The goal: 99 of 100 within 10 ms."),
        "s",
        *(
            query(
                queries.quantile(q, "instance", "lastseen_schedule_lateness_seconds", HERE),
                f"{{{{instance}}}} p{100 * q:g}",
                ref=ref,
            )
            for q, ref in ((0.5, "A"), (0.99, "B"))
        ),
        legend=("lastNotNull", "max"),
    )
    lag = _line("Stand-still of the event loop", "The longest in the last 15 s.", "s", "lastseen_loop_lag_seconds")
    return (Row(height=8, panels=((late, 12), (lag, 12))), Row(height=8, panels=((_skipped(), 12), (_stood(), 12))))


def _line(title: str, description: str, unit: str, gauge: str) -> timeseries.Panel:
    """The highest of each step."""
    highest = f"max by (instance) {queries.over_step('max', gauge, HERE)}"
    return lines(About(title=title, description=description), unit, query(highest, _NAMED))


def _share(title: str, description: str, part: str, whole: str) -> timeseries.Panel:
    """The highest of each step, of what there may be."""
    used = f"max by (instance) {queries.over_step('max', part, HERE)}"
    share = f"{used} / max by (instance) {queries.over_step('max', whole, HERE)}"
    about = About(title=title, description=description)
    return lines(about, "percentunit", query(share, _NAMED)).axis_soft_max(0.1)


def _short(gauge: str) -> str:
    return gauge.removeprefix("lastseen_").removeprefix("process_").replace("_", " ")


def _rates(title: str, description: str, unit: str, *counters: str) -> timeseries.Panel:
    """A minute, or a second where the unit says so, of one counter or more."""
    per = "60 * " if unit == A_MINUTE else ""
    targets = (
        query(
            f"{per}sum by (instance) (rate({counter}{{{HERE}}}[$__rate_interval]))",
            _NAMED if len(counters) == 1 else f"{{{{instance}}}} {_short(counter.removesuffix('_total'))}",
            ref=chr(ord("A") + index),
        )
        for index, counter in enumerate(counters)
    )
    return lines(About(title=title, description=description), unit, *targets)


def _skipped() -> timeseries.Panel:
    about = About(
        title="Runs skipped",
        description="A minute, by reason: due, and not started. Overload is spread evenly over all checks.",
    )
    return stacked(
        about, A_MINUTE, query(_by("reason", "lastseen_runs_skipped_total"), "{{reason}}"), palette.each(SKIPS)
    )


def _by(label: str, counter: str) -> str:
    return queries.a_minute(label, counter, HERE)


def _stood() -> timeseries.Panel:
    return _rates(
        "Time the process stood still",
        "Share of the time, in pauses of 2 s and more: suspended, swapped out, a machine with too much to do.",
        "percentunit",
        "lastseen_gap_seconds_total",
    ).axis_soft_max(0.1)


def _work() -> tuple[Row, ...]:
    attempts = stacked(
        About(title="Attempts by outcome", description="A minute, confirmations and witnesses included."),
        A_MINUTE,
        query(_by("outcome", "lastseen_probe_attempts_total"), "{{outcome}}"),
        _OUTCOMES,
    )
    flying = _share("In flight", "Attempts going on, of those that may at once.", *_FLYING)
    shed = _line(
        "Shed", "Share of runs skipped because this machine is overloaded.", "percentunit", "lastseen_shed_ratio"
    )
    shed.axis_soft_max(0.1)
    return (Row(height=8, panels=((attempts, 10), (flying, 7), (shed, 7))),)


def _kept() -> tuple[Row, ...]:
    pending = _line("Store: rows waiting", "To be written to disk.", "none", "lastseen_store_pending_rows")
    errors = _rates(
        "Errors",
        "A minute: times the store could not be written or read, bugs of ours, observations that a part did not take.",
        A_MINUTE,
        "lastseen_store_errors_total",
        "lastseen_internal_errors_total",
        "lastseen_sink_errors_total",
    )
    about = About(title="Last reload", description="How long ago a configuration was taken last.")
    age = f"time() - {_own('lastseen_config_last_reload_success_timestamp_seconds')}"
    reload = tile(about, now(age, _NAMED), Value(unit=palette.LASTS))
    return (Row(height=7, panels=((pending, 9), (errors, 9), (reload, 6))),)


def _cost() -> tuple[Row, ...]:
    scrape = _line("Time of a scrape", "As Prometheus measures it.", "s", "scrape_duration_seconds")
    samples = _line("Samples of a scrape", "Lines that a scrape brings.", "short", "scrape_samples_scraped")
    cpu = _rates("CPU", "Cores in use.", "none", "process_cpu_seconds_total")
    memory = _line("Memory", "Resident.", "bytes", "process_resident_memory_bytes")
    files = _share("Open files", "Of those that may be open.", "process_open_fds", "process_max_fds")
    return (
        Row(height=7, panels=((cpu, 8), (memory, 8), (files, 8))),
        Row(height=7, panels=((scrape, 12), (samples, 12))),
    )
