"""A user's overrides on top of a service of the catalogue: one tree, in which each value keeps its place."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from monitor.config.envelope import TargetSettings
from monitor.config.nodes import Entry, Items, Node, Table, is_hidden
from monitor.config.problems import Problems, closest
from monitor.config.targets import Kinds, read_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Merges by name: components, and inside them targets. Mappings merge, anything else is replaced."""

    kinds: Kinds
    problems: Problems

    def service(self, base: Table, over: Table) -> Table:
        """The service with its overrides."""
        merged = _merge(base, over.part(frozenset(("components",)), inside=False))
        below, above = base.get("components"), over.get("components")
        if above is None or not isinstance(below, Items):
            return merged
        if not isinstance(above, Items):
            return merged.put("components", above)
        return merged.put("components", self._components(below, above))

    def _components(self, base: Items, over: Items) -> Items:
        components = list(base.items)
        names = [_text(item, "name") for item in components]
        for item in over.items:
            name = _text(item, "name")
            at = names.index(name) if name is not None and name in names else None
            known = components[at] if at is not None else None
            if at is not None and isinstance(known, Table) and isinstance(item, Table):
                components[at] = self._component(known, item)
            elif name is not None and isinstance(item, Table) and "targets" not in item.entries:
                self._miss(item, f"no component {name!r} to override", name, names)
            else:
                components.append(item)
        return replace(base, items=tuple(components))

    def _component(self, base: Table, over: Table) -> Table:
        merged = _merge(base, over.part(frozenset(("targets",)), inside=False))
        below, above = base.get("targets"), over.get("targets")
        if above is None or not isinstance(below, Items):
            return merged
        if not isinstance(above, Items):
            return merged.put("targets", above)
        targets = list(below.items)
        for item in above.items:
            found = self._found(below.items, item)
            known = targets[found[0]] if found else None
            if len(found) == 1 and isinstance(known, Table) and isinstance(item, Table):
                targets[found[0]] = _merge(known, item)
            elif self._is_new(item, below.items, is_ambiguous=bool(found)):
                targets.append(item)
        return merged.put("targets", replace(below, items=tuple(targets)))

    def _found(self, targets: tuple[Node, ...], item: Node) -> list[int]:
        """Where the targets stand that ``item`` means: by name or endpoint, and by probe when it says one."""
        wanted = _text(item, "name") or self._endpoint(item)
        probe = _text(item, "probe")
        return [
            at
            for at, target in enumerate(targets)
            if wanted in self._names(target) and (probe is None or _text(target, "probe") == probe)
        ]

    def _is_new(self, item: Node, targets: tuple[Node, ...], *, is_ambiguous: bool) -> bool:
        """True for a target of its own; one without a probe can only have been an override, and is noted."""
        name = _text(item, "name")
        if not isinstance(item, Table) or name is None or "probe" in item.entries:
            return True
        if is_ambiguous:
            self._miss(item, f"several targets are named {name!r}; add their probe", name, ())
        else:
            known = [known for target in targets for known in self._names(target)]
            self._miss(item, f"no target {name!r} to override", name, known)
        return False

    def _miss(self, item: Table, message: str, name: str, known: Iterable[str | None]) -> None:
        node = item.entries["name"].node
        if is_hidden(node):
            self.problems.add(node.mark, "nothing of this name to override")
        else:
            self.problems.add(node.mark, message, closest(name, (word for word in known if word)))

    def _names(self, target: Node) -> list[str]:
        return [name for name in (_text(target, "name"), self._endpoint(target)) if name is not None]

    def _endpoint(self, target: Node) -> str | None:
        if not isinstance(target, Table):
            return None
        # Mistakes are told when the merged target is read; here only the name matters.
        settings = read_settings(target, self.kinds, TargetSettings, Problems())
        return settings.endpoint if settings is not None else None


def _text(node: Node, key: str) -> str | None:
    return node.text(key) if isinstance(node, Table) else None


def _merge(base: Table, over: Table) -> Table:
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries[key].node if key in entries else None
        if isinstance(below, Table) and isinstance(entry.node, Table):
            entries[key] = Entry(entry.key, _merge(below, entry.node))
        else:
            entries[key] = entry
    return Table(mark=over.mark, entries=entries)
