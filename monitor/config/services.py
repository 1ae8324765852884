"""The entries of ``services:`` -> checks, and what to tell people about them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from monitor.config.catalogue import Catalogue
from monitor.config.envelope import ComponentSettings, ServiceSettings, TargetSettings
from monitor.config.judging import JudgementSettings, settle
from monitor.config.model import ComponentInfo, ServiceInfo, TargetInfo, Written
from monitor.config.nodes import Items, Node, Table, is_hidden
from monitor.config.problems import Mark, Problems
from monitor.config.targets import CONFIRM, JUDGING, Kinds, Place, build, label_key, read_head, remember, settle_confirm
from monitor.config.use import USE_KEYS, used
from monitor.config.validate import validate
from monitor.domain.check import Check
from monitor.domain.words import Require


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads one document, noting mistakes and collecting what is right."""

    kinds: Kinds
    catalogue: Catalogue | None
    problems: Problems
    judgement: JudgementSettings
    judgement_table: Table
    checks: list[Check] = field(default_factory=list)
    services: list[ServiceInfo] = field(default_factory=list)
    written: dict[str, Written] = field(default_factory=dict)
    seen_services: dict[str, Mark] = field(default_factory=dict)
    seen_checks: dict[str, Mark] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    """Of all services, and of all components as ``service.component``, switched off or not."""

    def read(self, node: Node | None) -> None:
        """All entries of ``services:``."""
        for table in self.tables(node, "services", is_optional=True):
            if "use" in table.entries:
                for service, mark in used(table, self.catalogue or Catalogue({}), self.kinds, self.problems):
                    self._service(service, mark)
            else:
                self._service(table, name_mark(table))

    def tables(self, node: Node | None, what: str, *, is_optional: bool = False) -> Iterator[Table]:
        """The mappings of a list; anything else is noted."""
        if not isinstance(node, Items):
            if node is not None:
                self.problems.add(node.mark, f"{what!r} must be a list")
            return
        if not node.items and not is_optional:
            self.problems.add(node.mark, f"{what!r} needs at least one entry")
        for item in node.items:
            if isinstance(item, Table):
                yield item
            else:
                self.problems.add(item.mark, "must be a mapping")

    def _service(self, table: Table, mark: Mark) -> None:
        settings = validate(ServiceSettings, table, self.problems, also=USE_KEYS)
        self.names.add(table.text("name") or "")
        if table.get("components") is None:
            self.problems.add(table.mark, "'components' is missing")
        if settings is not None and not self._is_new(settings.name, mark, self.seen_services, "service"):
            return
        infos = list(self._components(table, settings))
        if settings is not None and settings.enabled and infos:
            self.services.append(
                ServiceInfo(
                    name=settings.name,
                    title=settings.title or settings.name,
                    provider=settings.provider or "",
                    foreign=settings.foreign,
                    sources=settings.sources,
                    components=tuple(infos),
                )
            )

    def _components(self, table: Table, service: ServiceSettings | None) -> Iterator[ComponentInfo]:
        seen: dict[str, Mark] = {}
        for item in self.tables(table.get("components"), "components"):
            settings = validate(ComponentSettings, item, self.problems)
            self.names.add(f"{table.text('name')}.{item.text('name')}")
            if item.get("targets") is None:
                self.problems.add(item.mark, "'targets' is missing")
            if settings is not None and not self._is_new(settings.name, name_mark(item), seen, "component"):
                continue
            place = self._place(table, item, service, settings) if service and settings else None
            enabled = bool(service and service.enabled and settings and settings.enabled)
            targets = tuple(self._targets(item, place, enabled=enabled))
            if settings is not None and targets:
                yield ComponentInfo(
                    name=settings.name,
                    title=settings.title or settings.name,
                    critical=settings.critical,
                    targets=targets,
                )

    def _place(self, table: Table, item: Table, service: ServiceSettings, component: ComponentSettings) -> Place:
        """What all targets of a component have in common."""
        judging = JUDGING
        for level in (self.judgement, service, component):
            judging = settle(level, judging)
        return Place(
            service=service.name,
            component=component.name,
            provider=service.provider or "",
            critical=component.critical,
            foreign=service.foreign,
            interval=service.interval,
            timeout=service.timeout,
            confirm=settle_confirm(service.confirm, CONFIRM),
            require=Require(component.require),
            judging=judging,
            service_table=table,
            component_table=item,
            judgement_table=self.judgement_table,
        )

    def _targets(self, item: Table, place: Place | None, *, enabled: bool) -> Iterator[TargetInfo]:
        for target in self.tables(item.get("targets"), "targets"):
            common, settings = read_head(target, self.kinds, TargetSettings, self.problems)
            if common is None or settings is None or place is None:
                continue
            check, info = build(target, place, common, settings, self.problems)
            if not self.is_new(check, target):
                continue
            if common.enabled and enabled:
                self.checks.append(check)
                self.written[check.id] = remember(place, target)
                yield info

    def is_new(self, check: Check, table: Table) -> bool:
        """False, and noted, when another check has the same id."""
        key = label_key(self.kinds[check.kind])
        what = "check" if is_hidden(table) else f"check {check.id!r}"
        advice = f"; if it asks for something else, give it a {key!r} of its own"
        return self._is_first(check.id, table.mark, self.seen_checks, (what, advice))

    def _is_new(self, name: str, mark: Mark, seen: dict[str, Mark], what: str) -> bool:
        return self._is_first(name, mark, seen, (f"{what} {name!r}", ""))

    def _is_first(self, name: str, mark: Mark, seen: dict[str, Mark], words: tuple[str, str]) -> bool:
        if name not in seen:
            seen[name] = mark
            return True
        where = seen[name]
        place = f"line {where.line}" if where.file == mark.file else f"{where.file}:{where.line}"
        what, advice = words
        self.problems.add(mark, f"{what} is already defined in {place}{advice}")
        return False


def name_mark(table: Table) -> Mark:
    """Where the name of a thing stands, or the thing itself."""
    return table.entries["name"].node.mark if "name" in table.entries else table.mark
