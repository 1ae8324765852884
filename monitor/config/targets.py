"""One target mapping -> one check."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from monitor.config.envelope import ConfirmSettings, HeadSettings, TargetSettings
from monitor.config.judging import check_judging, settle
from monitor.config.model import TargetInfo, Written
from monitor.config.nodes import Node, Scalar, Table, is_hidden
from monitor.config.problems import Problems, closest
from monitor.config.shapes import keys, known_keys
from monitor.config.validate import fill_secrets, validate
from monitor.domain.check import Check, Confirm, Judging
from monitor.domain.settings import ProbeSettings
from monitor.domain.words import Require

Kinds = Mapping[str, type[ProbeSettings]]
FOREIGN_FLOOR = 30.0
SHORTEST = 1.0
_TOWARDS = "towards a network that is not ours (foreign: true)"
DEFAULT_INTERVAL = 60.0
DEFAULT_TIMEOUT = 10.0
"""Where neither target nor service says anything; never more than half of the interval."""
CONFIRM, JUDGING = Confirm(), Judging()
"""Where no level says anything."""
Number = TypeVar("Number", int, float)
Head = TypeVar("Head", bound=HeadSettings)


def first(own: Number | None, inherited: Number | None, default: Number) -> Number:
    """The value nearest to the target that is set."""
    return own if own is not None else inherited if inherited is not None else default


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a target stands, and what it inherits."""

    service: str
    component: str
    provider: str
    critical: bool
    foreign: bool
    interval: float | None
    timeout: float | None
    confirm: Confirm = CONFIRM
    require: Require = Require.ALL
    judging: Judging = JUDGING
    service_table: Table
    component_table: Table
    judgement_table: Table | None = None


def head_keys(kind: type[ProbeSettings] | None, head: type[HeadSettings]) -> frozenset[str]:
    """The keys of a target that are ours. A kind is named by ``label_key``, and by nothing else."""
    ours = frozenset(keys(head))
    return ours - ({"name", "target"} - {label_key(kind)}) if kind is not None else ours


def label_key(kind: type[ProbeSettings]) -> str:
    """What a target is named by: ``name``, or ``target`` where the kind has a ``name`` of its own (dns)."""
    return "target" if "name" in keys(kind) else "name"


def kind_of(table: Table, kinds: Kinds) -> type[ProbeSettings] | None:
    """The settings class that the target's ``probe`` asks for."""
    return kinds.get(table.text("probe") or "")


def read_settings(table: Table, kinds: Kinds, head: type[HeadSettings], problems: Problems) -> ProbeSettings | None:
    """The kind's own settings out of a target."""
    kind = kind_of(table, kinds)
    if kind is None:
        return None
    ours = head_keys(kind, head)
    own = fill_secrets(table.part(ours, inside=False), kind, problems)
    return validate(kind, own, problems, also=ours)


def read_head(
    table: Table, kinds: Kinds, head: type[Head], problems: Problems
) -> tuple[Head | None, ProbeSettings | None]:
    """What is common to all kinds, and the kind's settings; None for what is wrong."""
    kind = kind_of(table, kinds)
    probe = table.get("probe")
    if kind is None and isinstance(probe, Scalar) and isinstance(probe.value, str):
        problems.add(probe.mark, f"unknown probe {probe.show()}", "" if probe.hidden else closest(probe.value, kinds))
    common = validate(head, table.part(head_keys(kind, head)), problems, also=known_keys((kind,)) if kind else ())
    return common, read_settings(table, kinds, head, problems)


def build(
    table: Table, place: Place, common: HeadSettings, settings: ProbeSettings, problems: Problems
) -> tuple[Check, TargetInfo]:
    """The check, with what it inherits. Schedules that cannot work are noted."""
    interval = first(common.interval, place.interval, DEFAULT_INTERVAL)
    timeout = first(common.timeout, place.timeout, min(DEFAULT_TIMEOUT, interval / 2))
    _check_schedule(table, place, (interval, timeout), problems)
    judging = settle(common, place.judging) if isinstance(common, TargetSettings) else place.judging
    if place.judgement_table is not None:
        tables = (table, place.component_table, place.service_table, place.judgement_table)
        check_judging(judging, timeout, tables, problems)
    check = Check(
        service=place.service,
        component=place.component,
        target=common.name or common.target or settings.endpoint,
        kind=common.probe,
        settings=settings,
        provider=place.provider,
        critical=place.critical,
        foreign=place.foreign,
        interval=interval,
        timeout=timeout,
        confirm=settle_confirm(common.confirm, place.confirm),
        require=place.require,
        judging=judging,
    )
    info = TargetInfo(check_id=check.id, name=check.target, kind=check.kind, proves=common.proves, source=common.source)
    return check, info


def settle_confirm(own: ConfirmSettings, above: Confirm) -> Confirm:
    """What holds at a level: its own, and the rest from the level above. The very same where nothing is its own."""
    if own.attempts is None and own.delay is None:
        return above
    return Confirm(attempts=first(own.attempts, None, above.attempts), delay=first(own.delay, None, above.delay))


def _check_schedule(table: Table, place: Place, schedule: tuple[float, float], problems: Problems) -> None:
    interval, timeout = schedule
    interval_node = _given("interval", table, place)
    timeout_node = _given("timeout", table, place)
    if interval < SHORTEST:
        problems.add(interval_node.mark, f"the interval must be at least {SHORTEST:g}s")
    elif place.foreign and interval < FOREIGN_FLOOR:
        problems.add(interval_node.mark, f"the interval must be at least {FOREIGN_FLOOR:g}s {_TOWARDS}")
    elif timeout >= interval:
        late = _decided_last(table, place, timeout_node, interval_node)
        shown = not is_hidden(interval_node) and not is_hidden(timeout_node)
        times = f" ({timeout:g}s, {interval:g}s)" if shown else ""
        problems.add(late.mark, f"the timeout must be shorter than the interval{times}")
    elif timeout <= 0:
        problems.add(timeout_node.mark, "the timeout must be more than 0s")


def _decided_last(table: Table, place: Place, timeout: Node, interval: Node) -> Node:
    """Which of the two is the mistake: the target's before the service's, the user's before the catalogue's."""
    if table.get("timeout") is None and table.get("interval") is not None:
        return interval
    users_own = [node for node in (timeout, interval) if node.mark.file == place.service_table.mark.file]
    return users_own[0] if users_own and table.get("timeout") is None else timeout


def _given(key: str, table: Table, place: Place) -> Node:
    return table.get(key) or place.service_table.get(key) or table


def remember(place: Place, table: Table) -> Written:
    """What `explain` needs of a target."""
    return Written(
        service=place.service_table, component=place.component_table, target=table, judgement=place.judgement_table
    )
