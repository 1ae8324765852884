"""A report as CSV (RFC 4180), for spreadsheets: a line for each service and each component, numbers bare."""

import csv
from dataclasses import asdict
from io import StringIO
from math import floor

from monitor.formats.spreadsheet import cell
from monitor.reports.figures import Component, Service
from monitor.reports.findings import Findings
from monitor.reports.period import Period, day_of
from monitor.store.values import DAY

_STATES = ("up", "degraded", "down", "unknown", "planned", "unrecorded")
COLUMNS = (
    *("first_day", "last_day", "is_over", "service", "component", "title", "provider", "availability", "coverage"),
    *(f"{state}_seconds" for state in _STATES),
    *("outages", "slow", "outage_seconds", "longest_seconds", "mttr_seconds", "mtbf_seconds"),
    *("objective", "budget_seconds", "budget_left_seconds", "objective_met"),
)
_Value = str | float
_PLACES = 6


def as_csv(findings: Findings) -> str:
    """A header line, then of each service the service (without a component) and its components.

    Shares are from 0 to 1, times in seconds; what is not known is empty. A text
    that a spreadsheet would take for a formula has an apostrophe before it.
    """
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writeheader()
    for service in findings.services:
        writer.writerow({**_row(service, findings.period), **_of(service), **_budget(service, findings)})
        for component in service.components:
            writer.writerow({**_row(component, findings.period), **_of(service), "component": cell(component.name)})
    return text.getvalue()


def _of(service: Service) -> dict[str, _Value]:
    return {"service": cell(service.name), "provider": cell(service.provider)}


def _row(one: Service | Component, period: Period) -> dict[str, _Value]:
    spent, outages = asdict(one.spent), one.outages
    return {
        "first_day": str(day_of(period.since)),
        "last_day": str(day_of(period.until - DAY)),
        "is_over": "yes" if period.is_over else "no",
        "title": cell(one.title),
        "availability": _share(one.spent.availability),
        "coverage": _share(one.spent.coverage),
        **{f"{state}_seconds": round(spent[state], 3) for state in _STATES},
        "outages": len(outages.parts),
        "slow": outages.slow,
        "outage_seconds": round(outages.seconds, 3),
        "longest_seconds": _number(outages.longest),
        "mttr_seconds": _number(outages.to_recover),
        "mtbf_seconds": _number(outages.between),
    }


def _budget(service: Service, findings: Findings) -> dict[str, _Value]:
    objective = _number(findings.order.objective)
    if service.spent.availability is None:
        return {"objective": objective}
    return {
        "objective": objective,
        "budget_seconds": _number(service.budget.allowed),
        "budget_left_seconds": _number(service.budget.left),
        "objective_met": "yes" if service.budget.is_met else "no",
    }


def _share(value: float | None) -> _Value:
    """Cut, and so never rounded up to 1."""
    return "" if value is None else floor(round(value * 10**_PLACES, 3)) / 10**_PLACES


def _number(value: float | None) -> _Value:
    return "" if value is None else round(value, _PLACES)
