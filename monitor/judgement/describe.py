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
    services, components = _covered(case)
    window = Window(
        id=case.id,
        target=case.target,
        provider=case.provider,
        services=services,
        components=components,
        breadth=case.breadth,
        reach=case.reach,
        kind=kind,
        layer=None if kind is Kind.DEGRADED else layer,
        reason=None if kind is Kind.DEGRADED else reason,
        cause=case.cause,
        status=case.status,
        start=case.start,
        start_after=case.start_after,
        end=None if case.end is None else max(case.end, case.start),  # the clock may have been set back since
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


def _covered(case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Services and components: those that it had, when none of them is watched any more."""
    if case.places or case.stored is None:
        return tuple(dict.fromkeys(place.service for place in case.places.values())), tuple(case.places)
    return case.stored.services, case.stored.components
