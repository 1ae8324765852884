"""The tables: what queries give, transformed to rows that read well."""

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

from grafana.builder import palette, queries
from grafana.builder.panels import GROUND, INK, About, history_rows, override, rows, sheet, sorted_by, transformation
from grafana.builder.queries import STARTS

_GROUND_OF_ALL = common.TableColoredBackgroundCellOptions(mode=common.TableCellBackgroundDisplayMode.BASIC)
_CENTER = common.FieldTextAlignment.CENTER
_WHAT = ("breadth", "reach", "kind", "layer", "cause")
_ISO = "dateTimeAsIso"
_DAY = 86400
_AVAILABILITY = {
    "mode": "absolute",
    "steps": [
        {"color": palette.BAD, "value": None},
        {"color": palette.DOUBTFUL, "value": 0.99},
        {"color": palette.FINE, "value": 0.999},
    ],
}
_NEAR_THE_END = {  # days
    "mode": "absolute",
    "steps": [
        {"color": palette.BAD, "value": None},
        {"color": palette.DOUBTFUL, "value": 14},
        {"color": palette.FINE, "value": 30},
    ],
}


def outage_sheet(matching: str) -> table.Panel:
    """Every outage that the range has a step of, newest first."""
    about = About(
        title="Outages",
        description="Started: as lastseen stores it. Seen until: exact to one step of this range; the exact end, the "
        "evidence and the notes are at /api/v1/outages and on lastseen's own page. Reach and cause: as far as known. "
        "One that a wider one took in, or that began within another, has a row, and is counted with it.",
    )
    by = ", ".join(_WHAT)
    start = f"(max_over_time({STARTS}{{{matching}}}[$__interval]) > 0)"
    info = f"max_over_time(lastseen_outage_info{{{matching}}}[$__interval])"
    found = f"min by (service, {by}) ({start} * ignoring ({by}) group_right () {info})"
    made = sheet(about, history_rows(found), nothing="No outage in this range").max_data_points(3000)
    for step in _outage_steps():
        made.with_transformation(step)
    made.override_by_name("Duration", override(unit=palette.LASTS, custom__width=130, custom__align="left"))
    for name in ("Started", "Seen until"):
        made.override_by_name(name, override(unit=_ISO, custom__width=180, custom__align="left"))
    return made


def _outage_steps() -> list[model.DataTransformerConfig]:
    group = {"aggregations": [], "operation": "groupby"}
    last = {"aggregations": ["last"], "operation": "aggregate"}
    fields = {"service": group, "Value": group, **dict.fromkeys(("Time", *_WHAT), last)}
    order = ("service", "Started", "Time (last)", "Duration", *(f"{word} (last)" for word in _WHAT))
    names = {"service": "Service", "Time (last)": "Seen until"}
    return [
        sorted_by("Time"),
        transformation("groupBy", fields=fields),
        _calculated("Started", "Value", "*", "1000"),
        _calculated("last_seconds", "Time (last)", "/", "1000"),
        _calculated("Duration", "last_seconds", "-", "Value", is_field=True),
        transformation(
            "organize",
            excludeByName={"Value": True, "last_seconds": True},
            indexByName={name: index for index, name in enumerate(order)},
            renameByName={**{f"{word} (last)": word.capitalize() for word in _WHAT}, **names},
        ),
        sorted_by("Started", desc=True),
    ]


def _calculated(
    alias: str, left: str, operator: str, right: str, *, is_field: bool = False
) -> model.DataTransformerConfig:
    by_name = {"matcher": {"id": "byName", "options": left}}
    other = {"matcher": {"id": "byName", "options": right}} if is_field else {"fixed": right}
    binary = {"left": by_name, "operator": operator, "right": other}
    return transformation("calculateField", mode="binary", alias=alias, binary=binary, replaceFields=False)


def service_sheet(matching: str) -> table.Panel:
    """Each service: now, and over the range."""
    whole = f'{matching},component=""'
    about = About(
        title="Services in this range",
        description="Availability is the share of the time seen; coverage says how much of the range that was. "
        "Downtime and outages are those of the vantage that counted most.",
    )
    made = sheet(
        about,
        rows(f"max by (service) (lastseen_service_state{{{matching}}})", ref="A"),
        rows(queries.availability(matching), ref="B"),
        rows(queries.coverage(matching), ref="C"),
        rows(queries.downtime(whole), ref="D"),
        rows(queries.outages(whole), ref="E"),
        nothing="No service is watched",
    )
    columns = ("service", "Value #A", "Value #B", "Value #C", "Value #D", "Value #E")
    names = ("Service", "Now", "Availability", "Coverage", "Downtime", "Outages")
    made.with_transformation(transformation("merge"))
    made.with_transformation(_organized(dict(zip(columns, names, strict=True))))
    made.with_transformation(sorted_by("Availability"))
    made.override_by_name("Service", override(links=[_to_service("Service")]))
    state = palette.words(palette.STATES)
    cell = override(mappings=state, custom__cellOptions=GROUND, custom__width=110, custom__align=_CENTER)
    made.override_by_name("Now", cell)
    share = {"unit": "percentunit", "custom__width": 110}
    graded = override(**share, decimals=3, thresholds=_AVAILABILITY, color={"mode": "thresholds"})
    made.override_by_name("Availability", [*graded, *override(custom__cellOptions=INK)])
    made.override_by_name("Coverage", override(**share, decimals=1))
    made.override_by_name("Downtime", override(unit=palette.LASTS, custom__width=130))
    return made.override_by_name("Outages", override(decimals=0, custom__width=90))


def matrix(about: About, expression: str, down: str, across: str) -> table.Panel:
    """States as a grid: one label down, another across."""
    corner = f"{down}\\{across}"
    grid = {"rowField": down, "columnField": across, "valueField": "Value", "emptyValue": "null"}
    made = sheet(about, rows(expression), nothing="Nobody looks")
    made.with_transformation(sorted_by(across))
    made.with_transformation(transformation("groupingToMatrix", **grid))
    made.with_transformation(_organized({corner: down.capitalize()}))
    made.with_transformation(sorted_by(down.capitalize()))
    made.mappings(palette.words(palette.STATES)).cell_options(_GROUND_OF_ALL)
    made.thresholds(palette.steps("transparent")).color_scheme(palette.by_thresholds()).align(_CENTER)
    plain = override(custom__cellOptions={"type": "auto"}, custom__align="left")
    return made.override_by_name(down.capitalize(), plain)


def certificate_sheet(matching: str) -> table.Panel:
    """Each certificate chain, the one that ends first on top."""
    about = About(
        title="Certificates",
        description="When the chain that each target presents expires, its earliest part. Whoever renews by itself "
        "does so a month ahead, or a third of a short life.",
    )
    by = "component, target, probe"
    expiry = f"min by ({by}) (probe_ssl_earliest_cert_expiry{{{matching}}})"
    made = sheet(
        about,
        rows(f"1000 * {expiry}", ref="A"),
        rows(f"({expiry} - time()) / {_DAY}", ref="B"),
        nothing="No TLS is asked for",
    )
    columns = ("component", "target", "probe", "Value #A", "Value #B")
    names = ("Component", "Target", "Probe", "Expires", "Left")
    made.with_transformation(transformation("merge"))
    made.with_transformation(_organized(dict(zip(columns, names, strict=True))))
    made.with_transformation(sorted_by("Left"))
    made.override_by_name("Expires", override(unit=_ISO, custom__width=180))
    graded = override(thresholds=_NEAR_THE_END, color={"mode": "thresholds"}, custom__cellOptions=INK)
    return made.override_by_name("Left", [*override(unit="suffix:days", decimals=1, custom__width=110), *graded])


def failing_sheet(matching: str) -> table.Panel:
    """What fails at the end of the range, at which layer and why."""
    about = About(
        title="Failing now",
        description="Targets whose last conclusive attempt failed: the layer that broke, and the reason.",
    )
    labels = ("component", "target", "probe", "vantage", "layer", "reason")
    failing = f"max by ({', '.join(labels)}) (lastseen_probe_failing{{{matching}}})"
    made = sheet(about, rows(failing), nothing="Nothing fails")
    for column, width in {"Component": 150, "Probe": 100, "Vantage": 130, "Layer": 110, "Reason": 165}.items():
        made.override_by_name(column, override(custom__width=width))
    made.override_by_name("Target", override(custom__inspect=True))
    made.with_transformation(_organized({label: label.capitalize() for label in labels}, "Value"))
    return made.with_transformation(sorted_by("Component"))


def _organized(names: dict[str, str], *hidden: str) -> model.DataTransformerConfig:
    """These columns in this order, by these names; Time and what is ``hidden`` left out."""
    return transformation(
        "organize",
        excludeByName=dict.fromkeys(("Time", *hidden), True),
        indexByName={name: index for index, name in enumerate(names)},
        renameByName=names,
    )


def _to_service(column: str) -> dict[str, str]:
    chosen = f"var-service=${{__data.fields.{column}}}&${{vantage:queryparam}}&var-datasource=${{datasource}}"
    return {"title": "Look at this service", "url": f"/d/lastseen-service?{chosen}&${{__url_time_range}}"}
