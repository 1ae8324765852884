"""A user's overrides on top of a service of the catalogue: one tree, in which each value keeps its place."""

from collections.abc import Callable, Iterable
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
        return _lay(base, over, "components", self._components)

    def _components(self, base: Items, over: Items) -> Items:
        components = list(base.items)
        names = [_text(item, "name") for item in components]
        for item in over.items:
            name = _text(item, "name")
            at = names.index(name) if name is not None and name in names else None
            known = components[at] if at is not None else None
            if at is not None and isinstance(known, Table) and isinstance(item, Table):
                components[at] = _lay(known, item, "targets", self._targets)
            elif name is not None and isinstance(item, Table) and "targets" not in item.entries:
                self._miss(item, f"no component {name!r} to override", name, names)
            else:
                components.append(item)
        return replace(base, items=tuple(components))

    def _targets(self, base: Items, over: Items) -> Items:
        targets = list(base.items)
        for item in over.items:
            found = self._found(base.items, item)
            known = targets[found[0]] if found else None
            if len(found) == 1 and isinstance(known, Table) and isinstance(item, Table):
                targets[found[0]] = _merge(known, item)
            elif self._is_new(item, base.items, is_ambiguous=bool(found)):
                targets.append(item)
        return replace(base, items=tuple(targets))

    def _found(self, targets: tuple[Node, ...], item: Node) -> list[int]:
        """Where the targets stand that ``item`` means: by label or endpoint, and by probe when it says one."""
        wanted = _text(item, _label(item)) or self._endpoint(item)
        probe = _text(item, "probe")
        return [
            at
            for at, target in enumerate(targets)
            if wanted in self._names(target) and (probe is None or _text(target, "probe") == probe)
        ]

    def _is_new(self, item: Node, targets: tuple[Node, ...], *, is_ambiguous: bool) -> bool:
        """True for a target of its own; one without a probe can only have been an override, and is noted."""
        name = _text(item, _label(item))
        if not isinstance(item, Table) or name is None or "probe" in item.entries:
            return True
        if is_ambiguous:
            self._miss(item, f"several targets are named {name!r}; add their probe", name, ())
        else:
            known = [known for target in targets for known in self._names(target)]
            self._miss(item, f"no target {name!r} to override", name, known)
        return False

    def _miss(self, item: Table, message: str, name: str, known: Iterable[str | None]) -> None:
        node = item.entries[_label(item)].node
        if is_hidden(node):
            self.problems.add(node.mark, "nothing of this name to override")
        else:
            self.problems.add(node.mark, message, closest(name, (word for word in known if word)))

    def _names(self, target: Node) -> list[str]:
        names = (_text(target, "target"), _text(target, "name"), self._endpoint(target))
        return [name for name in names if name is not None]

    def _endpoint(self, target: Node) -> str | None:
        if not isinstance(target, Table):
            return None
        # Mistakes are told when the merged target is read; here only the name matters.
        settings = read_settings(target, self.kinds, TargetSettings, Problems())
        return settings.endpoint if settings is not None else None


def _text(node: Node, key: str) -> str | None:
    return node.text(key) if isinstance(node, Table) else None


def _label(node: Node) -> str:
    """The key that a component or target is named by."""
    return "name" if _text(node, "target") is None else "target"


def _lay(base: Table, over: Table, key: str, lay_items: Callable[[Items, Items], Items]) -> Table:
    """``over`` on top of ``base``, and what they list under ``key`` by ``lay_items``."""
    merged = _merge(base, over.part(frozenset((key,)), inside=False))
    below, above = base.get(key), over.get(key)
    if above is None or not isinstance(below, Items):
        return merged
    return merged.put(key, lay_items(below, above) if isinstance(above, Items) else above)


def _merge(base: Table, over: Table) -> Table:
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries[key].node if key in entries else None
        if isinstance(below, Table) and isinstance(entry.node, Table):
            entries[key] = Entry(entry.key, _merge(below, entry.node))
        else:
            entries[key] = entry
    return Table(mark=over.mark, entries=entries)
