"""From a case to the window that is stored and told."""

from collections.abc import Mapping
from dataclasses import replace

from monitor.domain.outage import Window
from monitor.domain.words import Kind
from monitor.judgement.cases import Case
from monitor.judgement.sentences import say


def describe(case: Case, titles: Mapping[str, str]) -> Window:
    """The case as it is now."""
    kind = case.kind
    layer, reason = case.main
    window = Window(
        id=case.id,
        target=case.target,
        provider=case.provider,
        services=tuple(dict.fromkeys(place.service for place in case.places.values())),
        components=tuple(case.places),
        breadth=case.breadth,
        reach=case.reach,
        kind=kind,
        layer=None if kind is Kind.DEGRADED else layer,
        reason=None if kind is Kind.DEGRADED else reason,
        cause=case.cause,
        status=case.status,
        start=case.start,
        start_after=case.start_after,
        end=case.end,
        end_after=case.end_after,
        opened=case.opened,
        closed=case.closed,
        vantages=tuple(case.vantages),
        vantages_fine=tuple(vantage for vantage in case.fine if vantage not in case.vantages),
        unaffected=case.unaffected,
        stages=tuple(case.stages),
        evidence=tuple(case.evidence),
        planned_until=case.planned_until,
        absorbed_by=case.absorbed_by,
        sentence="",
        updated=case.looked,
    )
    return replace(window, sentence=say(window, titles))
