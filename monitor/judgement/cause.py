"""What the pattern of layers, vantages and neighbours says of the cause.

Trouble of a provider mostly leaves the network green and fails where its
software speaks, in the same way on unrelated networks. Trouble at dns, route,
tcp or tls, seen from some networks only, lies on the way: it is interference
when somebody answers who should not (a reset, a forged name, certificate or page),
when operators of one place fail differently, or when several providers are hit
at once; else it is a path that broke.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from monitor.domain.words import Breadth, Cause, Layer, Reach, Reason
from monitor.judgement.cases import Case
from monitor.judgement.places import Networks, Vote

_WIRE = frozenset({Layer.DNS, Layer.ROUTE, Layer.TCP, Layer.TLS})
_TRUST = frozenset({Reason.CERT_UNTRUSTED, Reason.CERT_PIN})
_IMPOSTOR = frozenset({Reason.KEY, Reason.SIGNATURE, Reason.ALTERED})
SIGNS = _IMPOSTOR | {Reason.FOREIGN_ADDRESS, Reason.NAME_RESET, Reason.CERT_FOREIGN, Reason.INJECTED}
"""What a probe itself takes for somebody who stands between us and the service, or in its place."""
_OURS_ALONE = _TRUST | {Reason.REDIRECTS, Reason.DENIED} | SIGNS - {Reason.NAME_RESET}
"""What fails everywhere at once, in one component, when a prober has grown old: its pinned root or key, its User-Agent,
its list of networks or issuers, its mark of genuine answers."""
_THEIRS = frozenset({Reason.CERT_EXPIRED, Reason.REFUSED})
"""What on the wire only the service itself does: let its certificate expire, refuse at its door. A door that is shut
to one country alone may as well be somebody's on the way."""
_FORGED = SIGNS | {Reason.RESET, Reason.ANSWER, Reason.NXDOMAIN, Reason.CERT_UNTRUSTED, Reason.CERT_NAME}
"""What somebody between us and the service can say in its stead."""

_A_SCORE = 20
Mode = tuple[Layer | None, Reason | None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else there is while a case is open."""

    networks: Networks
    vote: Vote
    others: tuple[Case, ...]
    """The other open cases that began together with it."""


def find_cause(case: Case, around: Surroundings) -> Cause:
    """The most likely cause as far as it can be told now."""
    modes = _modes(case, around.networks)
    if not modes:
        return _of_slowness(case, around)
    if case.main[0] is Layer.DNS and case.reach is not Reach.GLOBAL and case.elsewhere.total():
        return _of_names(case)
    reasons = {reason for _, reason in modes.values()}
    return Cause.PROBE if _is_ours(case, reasons) else _by_reach(case, around, modes)


def _by_reach(case: Case, around: Surroundings, modes: Mapping[str, Mode]) -> Cause:
    layers = {layer for layer, _ in modes.values()}
    reasons = {reason for _, reason in modes.values()}
    others = {other.provider for other in around.others if other.reach is case.reach} - {case.provider}
    theirs = _THEIRS if case.reach is not Reach.LOCAL else _THEIRS - {Reason.REFUSED}
    is_on_the_way = bool(layers & _WIRE or reasons & SIGNS)
    if case.reach in (Reach.LOCAL, Reach.REGIONAL) and is_on_the_way and not reasons <= theirs:
        return _of_the_way(case, around, modes, others)
    is_national = case.reach is Reach.LOCAL and len(around.networks.countries(around.vote.bad)) == 1
    if is_national and others and reasons <= _FORGED | {Reason.TIMEOUT}:
        return Cause.INTERFERENCE
    if case.reach is Reach.UNDETERMINED and (layers <= _WIRE or reasons & SIGNS) and not reasons <= _THEIRS:
        return Cause.UNDETERMINED
    shares = case.reach is Reach.GLOBAL and any(other.main[0] is case.main[0] for other in around.others)
    return Cause.DEPENDENCY if others and shares else Cause.PROVIDER


def _of_names(case: Case) -> Cause:
    """A second resolver was asked: where it knows the name, ours cannot or may not tell it."""
    if case.elsewhere[False] >= case.elsewhere[True]:
        return Cause.PROVIDER
    return Cause.INTERFERENCE if case.main[1] in _FORGED else Cause.PATH


def _of_slowness(case: Case, around: Surroundings) -> Cause:
    """It answers, slowly: everywhere it is the service, in some networks only it is throttled or far."""
    if case.reach is Reach.GLOBAL:
        return Cause.PROVIDER
    if case.reach is Reach.UNDETERMINED:
        return Cause.UNDETERMINED
    several = {other.provider for other in around.others} - {case.provider}
    return Cause.INTERFERENCE if several else Cause.PATH


def _is_ours(case: Case, reasons: set[Reason | None]) -> bool:
    """One component alone, everywhere, by nothing but trust or a redirection; or we alone are refused."""
    if reasons and reasons <= {Reason.DENIED, Reason.REJECTED} and case.reach is Reach.LOCAL and case.fine:
        return len({health.vantage for health in (m.health for m in case.members.values())}) == 1
    return bool(reasons) and reasons <= _OURS_ALONE and not case.fine and case.breadth is Breadth.COMPONENT


def _of_the_way(case: Case, around: Surroundings, modes: Mapping[str, Mode], others: set[str]) -> Cause:
    reasons = {reason for _, reason in modes.values()}
    if others or reasons & _FORGED or len(set(modes.values())) > 1:
        return Cause.INTERFERENCE
    whole_regions = around.networks.regions(around.vote)
    countries = around.networks.countries(around.vote.bad)
    is_service_side = case.reach is Reach.REGIONAL and whole_regions and len(countries) > 1
    return Cause.PROVIDER if is_service_side and _has_no_hole(around) else Cause.PATH


def _has_no_hole(around: Surroundings) -> bool:
    """All networks of the regions that are bad are bad."""
    regions = around.networks.regions(around.vote)
    fine = around.networks.regions(Vote(around.vote.fine, frozenset()))
    return not regions & fine


def _modes(case: Case, networks: Networks) -> dict[str, Mode]:
    """How it mostly fails in each network that fails."""
    counts: dict[str, Counter[Mode]] = {}
    for (vantage, layer, reason), count in case.tally.items():
        counts.setdefault(networks.of(vantage), Counter())[layer, reason] += count
    return {network: modes.most_common(1)[0][0] for network, modes in counts.items()}


class Contemporaries:
    """Cases of other providers that began within ``within`` seconds of one: a score of them tell as much as all."""

    def __init__(self, cases: Iterable[Case], within: float) -> None:
        self._cases = sorted(cases, key=lambda case: (case.start, case.id))
        self._starts = [case.start for case in self._cases]
        self._within = within

    def of(self, case: Case) -> tuple[Case, ...]:
        """Those of one case."""
        first = bisect_left(self._starts, case.start - self._within)
        last = bisect_right(self._starts, case.start + self._within)
        near = (self._cases[index] for index in range(first, last))
        return tuple(islice((other for other in near if other.provider != case.provider), _A_SCORE))
