"""What every dashboard has: variables, annotations, links, and panels in sections with an id each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from grafana.builder import palette
from grafana.builder.panels import SOURCE
from grafana.builder.queries import as_region, in_outage, over_step

_TAG = "lastseen"
_COLUMNS = 24
_STEP = "15s"
"""The least step of an annotation: the scrape interval that compose.yaml has."""
_ALL = model.VariableOption(text=["All"], value=["$__all"])

Laid = tuple[Builder[model.Panel], int]
"""A panel, and how many of the 24 columns it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels beside each other, all of one height."""

    height: int
    panels: Sequence[Laid]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows under a heading."""

    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One dashboard."""

    uid: str
    title: str
    description: str
    variables: Sequence[Builder[model.VariableModel]]
    matching: str
    """The outages and services that its annotations are about."""
    sections: Sequence[Section]


def variable(name: str, query: str, description: str, *, all_value: str = "") -> build.QueryVariable:
    """Values that Prometheus knows in the range; several or all can be chosen. All: each of them, or ``all_value``."""
    made = _variable(name, query, description).multi(True).include_all(True).current(_ALL)
    return made.all_value(all_value) if all_value else made


def one_of(name: str, query: str, description: str) -> build.QueryVariable:
    """The same, of which one is chosen."""
    return _variable(name, query, description)


def _variable(name: str, query: str, description: str) -> build.QueryVariable:
    return (
        build.QueryVariable(name)
        .label(name.capitalize())
        .description(description)
        .datasource(SOURCE)
        .query({"query": query, "refId": name, "qryType": 5})
        .definition(query)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )


def source() -> build.DatasourceVariable:
    """The Prometheus that is asked."""
    return build.DatasourceVariable("datasource").label("Data source").description("A Prometheus.").type("prometheus")


PROVIDER = variable(
    "provider", "label_values(lastseen_service_info{}, provider)", "Who runs the services.", all_value=".*"
)
_OF_PROVIDER = 'label_values(lastseen_service_info{provider=~"$provider"}, service)'
SERVICES = variable("service", _OF_PROVIDER, "The services to look at.")
SERVICE = one_of("service", _OF_PROVIDER, "The service to look at.")
VANTAGE = variable(
    "vantage", "label_values(lastseen_service_info{}, vantage)", "From where it is looked at.", all_value=".+"
)
INSTANCE = variable("instance", "label_values(lastseen_build_info{}, instance)", "The monitors to look at.")


def dashboard(plan: Plan) -> model.Dashboard:
    """It, with everything in its place."""
    made = (
        build.Dashboard(plan.title)
        .uid(plan.uid)
        .description(plan.description)
        .tags([_TAG])
        .readonly()
        .time("now-24h", "now")
        .timezone("browser")
        .refresh("1m")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .annotations(_annotations(plan.matching))
        .link(_links())
    )
    for one in (source(), *plan.variables):
        made.with_variable(one)
    whole = made.build()
    whole.panels = [*_placed(plan.sections)]
    for number, panel in enumerate(whole.panels, 1):
        panel.id_val = number
    return whole


def _annotations(matching: str) -> list[Builder[model.AnnotationQuery]]:
    outages = (
        _annotation("Outages", palette.BAD, as_region(in_outage(matching)))
        .use_value_for_time(True)
        .title_format("{{service}}: outage")
        .tag_keys("service")
    )
    worst = over_step("max", "lastseen_vantage_state", 'vantage=~".+"')
    blind = (
        _annotation("Blind time", palette.UNKNOWN, f"max by (vantage) {worst} >= 3")
        .title_format("{{vantage}} was blind")
        .text_format("Its own way out was broken: what it saw of services does not count.")
        .tag_keys("vantage")
    )
    return [outages, blind]


def _annotation(name: str, color: str, expression: str) -> build.AnnotationQuery:
    return (
        build.AnnotationQuery()
        .name(name)
        .datasource(SOURCE)
        .enable(True)
        .icon_color(color)
        .expr(expression)
        .step(_STEP)
    )


def _links() -> build.DashboardLink:
    """To the other dashboards, with what was chosen here."""
    links = build.DashboardLink("lastseen").type(model.DashboardLinkType.DASHBOARDS).tags([_TAG])
    return links.as_dropdown(False).include_vars(True).keep_time(True)


def _placed(sections: Sequence[Section]) -> Iterator[model.Panel | model.RowPanel]:
    top = 0
    for section in sections:
        yield build.Row(section.title).grid_pos(model.GridPos(x=0, y=top, w=_COLUMNS, h=1)).build()
        top += 1
        for row in section.rows:
            left = 0
            for builder, width in row.panels:
                panel = builder.build()
                panel.grid_pos = model.GridPos(x=left, y=top, w=width, h=row.height)
                left += width
                yield panel
            top += row.height
