"""Kinds of panels, each with what is the same wherever it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import common as parts
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, statushistory, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.builder import palette

SOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
_FINE_POINTS = 6000
"""Points of a panel in which a window must begin within one scrape: 24 hours at 15 s. Prometheus gives 11,000."""
_BRIDGED = 180_000
"""Milliseconds over which a line goes on where nothing was measured: three rounds of once a minute."""
A_MINUTE = "suffix:/min"
"""The unit of events a minute."""
_LOOKS = 1500
"""Steps into which a range is cut where time is added up: 24 hours are counted by the minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a panel is called, and the sentence behind its question mark."""

    title: str
    description: str


def query(expression: str, legend: str = "", *, ref: str = "A") -> prometheus.Dataquery:
    """One series a label set, over the range."""
    return prometheus.Dataquery().expr(expression).ref_id(ref).legend_format(legend).datasource(SOURCE).range()


def now(expression: str, legend: str = "", *, ref: str = "A") -> prometheus.Dataquery:
    """One value a label set, at the end of the range."""
    return prometheus.Dataquery().expr(expression).ref_id(ref).legend_format(legend).datasource(SOURCE).instant()


def rows(expression: str, *, ref: str = "A") -> prometheus.Dataquery:
    """One row a label set, as it is at the end of the range."""
    return now(expression, ref=ref).format(PromQueryFormat.TABLE)


def history_rows(expression: str) -> prometheus.Dataquery:
    """One row a label set and step."""
    return query(expression).format(PromQueryFormat.TABLE)


def transformation(name: str, **options: object) -> dashboard.DataTransformerConfig:
    """A transformation by its id."""
    return dashboard.DataTransformerConfig(id_val=name, options=options)


def sorted_by(column: str, **options: object) -> dashboard.DataTransformerConfig:
    """Rows in the order of a column: Prometheus gives those of a moment in any order."""
    return transformation("sortBy", fields={}, sort=[{"field": column, **options}])


def _without_bare_frames() -> dashboard.DataTransformerConfig:
    """Drops frames without any field, which is what the data source makes of an answer without series.

    With such a frame a timeline says "Data does not have a time field" and not what we say of nothing.
    """
    return transformation("filterFieldsByName", include={"pattern": ".*"})


def override(**properties: object) -> list[dashboard.DynamicConfigValue]:
    """Properties of a field; two underscores stand for a dot."""
    return [dashboard.DynamicConfigValue(id_val=name.replace("__", "."), value=v) for name, v in properties.items()]


def _legend(*calculations: str) -> Builder[common.VizLegendOptions]:
    legend = parts.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM)
    if not calculations:
        return legend.display_mode(common.LegendDisplayMode.LIST)
    right = legend.display_mode(common.LegendDisplayMode.TABLE).placement(common.LegendPlacement.RIGHT)
    return right.calcs(list(calculations))


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """How a number is shown."""

    unit: str = "none"
    decimals: int | None = None
    thresholds: Builder[dashboard.ThresholdsConfig] = field(default_factory=lambda: palette.steps(palette.UNKNOWN))
    mappings: Sequence[dashboard.ValueMapping] = ()
    nothing: str = "-"
    """What is shown when the query finds nothing."""


def tile(about: About, target: prometheus.Dataquery, value: Value) -> stat.Panel:
    """Numbers, or words, on a coloured ground."""
    panel = (
        stat.Panel()
        .title(about.title)
        .description(about.description)
        .datasource(SOURCE)
        .with_target(target)
        .max_data_points(_LOOKS)
        .unit(value.unit)
        .mappings(list(value.mappings))
        .thresholds(value.thresholds)
        .no_value(value.nothing)
        .color_mode(common.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(common.BigValueGraphMode.NONE)
        .reduce_options(parts.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return panel if value.decimals is None else panel.decimals(value.decimals)


def states(
    about: About, target: prometheus.Dataquery, mappings: Sequence[dashboard.ValueMapping]
) -> statetimeline.Panel:
    """A band for each series, in words."""
    return (
        statetimeline.Panel()
        .title(about.title)
        .description(about.description)
        .datasource(SOURCE)
        .with_target(target)
        .with_transformation(_without_bare_frames())
        .mappings(list(mappings))
        .color_scheme(build.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC))
        .merge_values(True)
        .show_value(common.VisibilityMode.AUTO)
        .row_height(0.8)
        .fill_opacity(85)
        .line_width(0)
        .per_page(25)
        .legend(_legend())
    )


def windows(about: About, target: prometheus.Dataquery) -> statetimeline.Panel:
    """A band for each outage, on which it says since when; the value is that moment in milliseconds."""
    return (
        states(about, target, palette.any_time())
        .unit(palette.since())
        .max_data_points(_FINE_POINTS)
        .no_value("No outage in this range")
        .legend(parts.VizLegendOptions().show_legend(False).display_mode(common.LegendDisplayMode.HIDDEN))
    )


def cells(
    about: About, target: prometheus.Dataquery, mappings: Sequence[dashboard.ValueMapping]
) -> statushistory.Panel:
    """A row for each series and 96 cells: a quarter of an hour each in 24 hours."""
    return (
        statushistory.Panel()
        .title(about.title)
        .description(about.description)
        .datasource(SOURCE)
        .with_target(target)
        .with_transformation(_without_bare_frames())
        .mappings(list(mappings))
        .color_scheme(build.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC))
        .max_data_points(96)
        .row_height(0.8)
        .fill_opacity(85)
        .line_width(0)
        .show_value(common.VisibilityMode.NEVER)
        .legend(_legend())
    )


def lines(about: About, unit: str, *targets: prometheus.Dataquery, legend: Sequence[str] = ()) -> timeseries.Panel:
    """Lines, with zero in sight; ``legend`` names what its table calculates, else it is a list."""
    panel = (
        timeseries.Panel()
        .title(about.title)
        .description(about.description)
        .datasource(SOURCE)
        .unit(unit)
        .axis_soft_min(0)
        .color_scheme(build.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC))
        .line_width(1.5)
        .fill_opacity(0)
        .show_points(common.VisibilityMode.AUTO)
        .span_nulls(_BRIDGED)
        .legend(_legend(*legend))
        .tooltip(parts.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    )
    for target in targets:
        panel.with_target(target)
    return panel.axis_soft_max(1) if unit == A_MINUTE else panel  # or zero alone has an axis up to 100


def stacked(about: About, unit: str, target: prometheus.Dataquery, colors: Mapping[str, str]) -> timeseries.Panel:
    """Areas on top of each other; ``colors`` has all the series that there can be."""
    panel = (
        lines(about, unit, target, legend=("max", "mean"))
        .fill_opacity(60)
        .line_width(0)
        .stacking(parts.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    )
    for name, color in colors.items():
        panel.override_by_name(name, palette.always(color))
    return panel


def sheet(about: About, *targets: prometheus.Dataquery, nothing: str = "Nothing") -> table.Panel:
    """A table; transformations and overrides are for the caller to add."""
    panel = (
        table.Panel()
        .title(about.title)
        .description(about.description)
        .datasource(SOURCE)
        .max_data_points(_LOOKS)
        .no_value(nothing)
        .color_scheme(palette.fixed("text"))
        .cell_height(common.TableCellHeight.SM)
        .min_width(60)
        .filterable(False)
    )
    for target in targets:
        panel.with_target(target)
    return panel


GROUND = {"type": "color-background", "mode": "basic"}
INK = {"type": "color-text"}
