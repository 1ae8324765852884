"""What a case covers when the configuration changes, and which cases may become one."""

from collections.abc import Container, Mapping

from monitor.domain.words import Breadth, Status
from monitor.judgement.cases import Case
from monitor.judgement.health import Health
from monitor.judgement.places import Place


def component_of(health: Health) -> str:
    """As `Place.id` has it."""
    return f"{health.check.service}.{health.check.component}"


def can_join(case: Case, other: Case) -> bool:
    """What is planned stays apart from what is not."""
    return (case.status is Status.PLANNED) == (other.status is Status.PLANNED)


def refit(case: Case, places: Mapping[str, Place], alive: Container[tuple[str, str]]) -> set[str]:
    """Cover what is still watched, under the present name of its provider.

    Returns the components that the case has to let go, though they are watched: they have another provider now.
    """
    for key in [key for key in case.members if key not in alive]:
        del case.members[key]  # nobody watches it any more: it says nothing about the end
    case.places = {name: places[name] for name in case.places if name in places}
    providers = {place.provider for place in case.places.values()}
    if case.breadth is not Breadth.PROVIDER or providers <= {case.provider}:
        return set()
    if len(providers) == 1 and all(providers):
        (case.provider,) = providers
        case.target = f"provider:{case.provider}"
        return set()
    lost = {name for name, place in case.places.items() if place.provider != case.provider}
    case.places = {name: place for name, place in case.places.items() if name not in lost}
    for key, member in list(case.members.items()):
        if component_of(member.health) in lost:
            member.health.is_member = False
            del case.members[key]
    return lost
