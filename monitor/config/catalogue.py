"""The built-in services: one file each, installed with the package."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Self

from monitor.config.document import read
from monitor.config.nodes import Table
from monitor.config.problems import Problems


def catalogue_folder() -> Path:
    """Where the built-in services are: beside the installed package, or ``config/services`` of a source checkout.

    Raises FileNotFoundError when there is neither.
    """
    package = Path(str(resources.files("monitor")))
    for folder in (package / "catalogue", package.parent / "config" / "services"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no catalogue of services beside {package}")


class Catalogue:
    """Services by name, as they are written; what they mean is found out when one is used."""

    def __init__(self, services: Mapping[str, Table]) -> None:
        self._services = dict(services)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """All ``*.yaml`` of a folder. Raises ConfigError with the mistakes of all files."""
        problems = Problems()
        services: dict[str, Table] = {}
        for path in sorted(folder.glob("*.yaml")):
            table = read(path, {}, problems)
            name = table.text("name") if isinstance(table, Table) else None
            if table is None:
                continue
            if not isinstance(table, Table) or name is None:
                problems.add(table.mark, "a service with a name must stand here")
            elif name in services:
                problems.add(table.entries["name"].node.mark, f"service {name!r} stands in two files")
            else:
                services[name] = table
        if problems:
            raise problems.error()
        return cls(services)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all services, sorted."""
        return tuple(sorted(self._services))

    def get(self, name: str) -> Table | None:
        """One service as it is written."""
        return self._services.get(name)
