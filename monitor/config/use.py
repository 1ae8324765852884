"""``use:`` -> services of the catalogue with the user's overrides, filtered by ``only`` and ``except``."""

from collections.abc import Iterator

from monitor.config.catalogue import Catalogue
from monitor.config.envelope import UseSettings
from monitor.config.nodes import Entry, Items, Node, Scalar, Table, is_hidden
from monitor.config.overlay import Overlay
from monitor.config.problems import Mark, Problems, closest
from monitor.config.shapes import keys
from monitor.config.targets import Kinds
from monitor.config.validate import validate

USE_KEYS = frozenset(keys(UseSettings))


def used(table: Table, catalogue: Catalogue, kinds: Kinds, problems: Problems) -> Iterator[tuple[Table, Mark]]:
    """Each service that an entry uses, merged, and where its name stands."""
    settings = validate(UseSettings, table.part(USE_KEYS), problems)
    if settings is None:
        return
    over = table.part(USE_KEYS, inside=False)
    overlay = Overlay(kinds=kinds, problems=problems)
    for name, node in zip(settings.use, _singles(table.entries["use"].node), strict=True):
        base = catalogue.get(name)
        if base is None:
            hint = "" if is_hidden(node) else closest(name, catalogue.names)
            shown = "" if is_hidden(node) else f" {name!r}"
            problems.add(node.mark, f"no service{shown} in the catalogue", hint)
        else:
            yield _filter(overlay.service(_foreign(base), over), table, settings, problems), node.mark


def _foreign(base: Table) -> Table:
    """The service, in somebody else's network unless it says otherwise."""
    if "foreign" in base.entries:
        return base
    return Table(
        mark=base.mark, entries={**base.entries, "foreign": Entry(base.mark, Scalar(mark=base.mark, value=True))}
    )


def _filter(service: Table, table: Table, settings: UseSettings, problems: Problems) -> Table:
    components = service.get("components")
    if not isinstance(components, Items):
        return service
    known = [name for item in components.items if isinstance(item, Table) and (name := item.text("name"))]
    chosen = [node for key in ("only", "except") if key in table.entries for node in _singles(table.entries[key].node)]
    strange = [node for node in chosen if isinstance(node, Scalar) and node.value not in (None, *known)]
    for node in strange:
        shown, hint = ("", "") if node.hidden else (f" {node.value!r}", closest(str(node.value), known))
        problems.add(node.mark, f"no component{shown} in this service", hint)
    if strange:
        return service  # what should be left is not known
    kept = tuple(item for item in components.items if not isinstance(item, Table) or _is_wanted(item, settings))
    return service.put("components", Items(mark=service.mark, items=kept))


def _singles(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Items) else (node,)


def _is_wanted(component: Table, settings: UseSettings) -> bool:
    name = component.text("name")
    return (settings.only is None or name in settings.only) and name not in settings.except_
