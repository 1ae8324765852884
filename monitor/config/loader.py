"""One file -> one configuration, or all of its mistakes."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from monitor.config.alerts import Channels, read_alerts
from monitor.config.catalogue import Catalogue
from monitor.config.document import parse, read
from monitor.config.envelope import FileSettings
from monitor.config.judging import JudgementSettings
from monitor.config.maintenance import read_maintenance
from monitor.config.model import Configuration
from monitor.config.nodes import Node, Table
from monitor.config.problems import Mark, Problems
from monitor.config.services import Reader
from monitor.config.targets import Kinds
from monitor.config.validate import fill_secrets, validate
from monitor.config.witnesses import read_witnesses
from monitor.domain.check import Vantage

_NONE: Channels = MappingProxyType({})
_WALKED = frozenset(("services", "witnesses", "maintenance", "alerts"))


def load(
    path: Path, kinds: Kinds, catalogue: Catalogue | None, environ: Mapping[str, str], channels: Channels = _NONE
) -> Configuration:
    """The configuration in a file. Raises ConfigError with every mistake.

    ``kinds`` are the probes that may be named, ``channels`` the kinds of alert channels, with their settings classes;
    ``environ`` is what ``${NAME}`` may ask for; without a catalogue no
    ``use:`` finds anything.
    """
    problems = Problems()
    with _paused_collector():
        root = read(path, environ, problems)
        return _configure(_table(root, Mark(str(path), 1, 1), problems), (kinds, channels), catalogue, problems)


def loads(  # noqa: PLR0913  # what `load` takes, and a name
    text: str,
    kinds: Kinds,
    catalogue: Catalogue | None,
    environ: Mapping[str, str],
    channels: Channels = _NONE,
    *,
    name: str = "(text)",
) -> Configuration:
    """The same for a text; ``name`` is what messages call it."""
    problems = Problems()
    with _paused_collector():
        root = parse(text, name, environ, problems)
        return _configure(_table(root, Mark(name, 1, 1), problems), (kinds, channels), catalogue, problems)


@contextmanager
def _paused_collector() -> Iterator[None]:
    """No cyclic garbage is made here, and looking for it again and again costs a third of reading 10,000 checks."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _table(root: Node | None, start: Mark, problems: Problems) -> Table:
    if not isinstance(root, Table):
        if not problems:
            problems.add(root.mark if root else start, "must be a mapping, with 'services' in it")
        raise problems.error()
    return root


def _configure(
    root: Table, registered: tuple[Kinds, Channels], catalogue: Catalogue | None, problems: Problems
) -> Configuration:
    kinds, channels = registered
    own = fill_secrets(root.part(_WALKED, inside=False), FileSettings, problems)
    settings = validate(FileSettings, own, problems, also=_WALKED)
    judgement = root.get("judgement")
    reader = Reader(
        kinds=kinds,
        catalogue=catalogue,
        problems=problems,
        judgement=settings.judgement if settings is not None else JudgementSettings(),
        judgement_table=judgement if isinstance(judgement, Table) else Table(mark=root.mark, entries={}),
    )
    reader.read(root.get("services"))
    witnesses = read_witnesses(root.get("witnesses"), reader)
    maintenance = read_maintenance(root.get("maintenance"), reader)
    alerts = read_alerts(root.get("alerts"), reader, channels)
    if settings is None or problems:
        raise problems.error()
    return Configuration(
        vantage=Vantage(**settings.vantage.model_dump()),
        contact=settings.contact,
        checks=tuple(reader.checks),
        services=tuple(reader.services),
        witnesses=witnesses,
        second_resolver=settings.second_resolver,
        store=settings.store,
        web=settings.web,
        limits=settings.limits,
        log=settings.log,
        quiet=settings.judgement.quiet,
        maintenance=maintenance,
        alerts=alerts,
        peers=settings.peers,
        modules=Path(settings.modules) if settings.modules else None,
        written=MappingProxyType(reader.written),
    )
