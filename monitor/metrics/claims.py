"""What providers say of themselves, beside what we find."""

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from monitor.domain.claim import Said
from monitor.domain.words import Claim

VALUES = {Claim.FINE: 0, Claim.DEGRADED: 1, Claim.DOWN: 2, Claim.MAINTENANCE: 3}


def claim_families(claims: Iterable[Said]) -> Iterator[Metric]:
    """One family; of several status pages of a service the worst word."""
    worst: dict[str, int] = {}
    for said in claims:
        worst[said.service] = max(worst.get(said.service, 0), VALUES[said.claim], key=_badness)
    family = GaugeMetricFamily(
        "lastseen_provider_claim",
        "What the provider says of its service: 0 fine, 1 degraded, 2 down, 3 maintenance. Never evidence.",
        labels=["service"],
    )
    for service, value in sorted(worst.items()):
        family.add_metric([service], value)
    yield family


def _badness(value: int) -> int:
    return (0, 2, 3, 1)[value]
