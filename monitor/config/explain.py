"""``lastseen explain CHECK``: the effective settings of a check, and where each came from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, SecretStr

from monitor.config.model import Configuration, Written
from monitor.config.nodes import Node, Table, is_hidden
from monitor.config.problems import closest
from monitor.config.shapes import keys
from monitor.domain.check import Check
from monitor.domain.settings import Endpoint

DEFAULT = "default"
_MASK = "********"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One effective setting. ``value`` is masked where it must be; ``source`` is ``file:line`` or "default"."""

    key: str
    value: str
    source: str


class UnknownCheckError(LookupError):
    """No check has this id; the message names the nearest one."""


def explain(configuration: Configuration, check_id: str) -> tuple[Origin, ...]:
    """Every setting of one check or witness. Raises UnknownCheckError."""
    checks = {check.id: check for check in (*configuration.checks, *configuration.witnesses)}
    check = checks.get(check_id)
    if check is None:
        hint = closest(check_id, checks)
        raise UnknownCheckError(f"no check {check_id!r}" + (f" (did you mean {hint!r}?)" if hint else ""))
    written = configuration.written[check_id]
    return (*_schedule(check, written), *_settings(check.settings, written.target, ""))


def _schedule(check: Check, written: Written) -> Iterator[Origin]:
    target, component, service = written.target, written.component, written.service
    yield _origin("service", check.service, [(service, "name")])
    yield _origin("provider", check.provider, [(service, "provider"), (target, "network")])
    yield _origin("foreign", check.foreign, [(service, "foreign")])
    yield _origin("component", check.component, [(component, "name")])
    yield _origin("critical", check.critical, [(component, "critical")])
    yield _origin("target", check.target, [(target, "target"), (target, "name")])
    yield _origin("probe", check.kind, [(target, "probe")])
    yield _origin("interval", f"{check.interval:g}s", [(target, "interval"), (service, "interval")])
    yield _origin("timeout", f"{check.timeout:g}s", [(target, "timeout"), (service, "timeout")])
    confirm = [table for level in (target, service) if isinstance(table := level.get("confirm"), Table)]
    yield _origin("confirm.attempts", check.confirm.attempts, [(table, "attempts") for table in confirm])
    yield _origin("confirm.delay", f"{check.confirm.delay:g}s", [(table, "delay") for table in confirm])
    if written.judgement is not None:
        yield from _judging(check, (target, component, service, written.judgement))


def _judging(check: Check, levels: Sequence[Table]) -> Iterator[Origin]:
    judging = check.judging
    counts = [table for level in levels if isinstance(table := level.get("fall_of"), Table)]
    slow = f"{judging.slow:g}s" if judging.slow is not None else None
    yield _origin("require", check.require, [(levels[1], "require")])
    yield _origin("fall", judging.fall, [(level, "fall") for level in levels])
    yield _origin("fall_of.failed", judging.fall_failed, [(table, "failed") for table in counts])
    yield _origin("fall_of.of", judging.fall_of, [(table, "of") for table in counts])
    yield _origin("rise", judging.rise, [(level, "rise") for level in levels])
    yield _origin("slow", slow, [(level, "slow") for level in levels])


def _origin(key: str, value: object, places: list[tuple[Table, str]]) -> Origin:
    """The first place that sets the key is where it came from."""
    nodes = [node for table, name in places if (node := table.get(name)) is not None]
    return Origin(key=key, value=_show(value, nodes[0] if nodes else None), source=_source(nodes[0] if nodes else None))


def _settings(settings: BaseModel, node: Node | None, prefix: str) -> Iterator[Origin]:
    for name, key in zip(type(settings).model_fields, keys(type(settings)), strict=True):
        value = getattr(settings, name)
        inner = node.get(key) if isinstance(node, Table) else None
        if isinstance(value, BaseModel) and not isinstance(value, Endpoint) and not _is_shorthand(inner):
            yield from _settings(value, inner, f"{prefix}{key}.")
        else:
            yield Origin(key=prefix + key, value=_show(value, inner), source=_source(inner))


def _is_shorthand(node: Node | None) -> bool:
    """True when a whole group was written as one value, as in ``proxy: socks5://host:1080``."""
    return node is not None and not isinstance(node, Table)


def _source(node: Node | None) -> str:
    return DEFAULT if node is None else f"{node.mark.file}:{node.mark.line}"


def _show(value: object, node: Node | None) -> str:
    if isinstance(value, SecretStr) or (node is not None and is_hidden(node)):
        return _MASK
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else _show_parts(value)


def _show_parts(value: object) -> str:
    """Groups and lists part by part: a secret may be among them."""
    if isinstance(value, BaseModel) and not isinstance(value, Endpoint):
        value = {key: getattr(value, key) for key in sorted(value.model_fields_set)}
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_show(inner, None)}" for key, inner in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(_show(item, None) for item in value)
    return str(value)
