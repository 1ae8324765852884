"""Metric families as bytes, rendered when something changes and only joined at a scrape.

10,000 checks are 250,000 lines: prometheus_client needs 9-14 s for them. Here
a finished attempt re-renders its own few lines, and a scrape joins what is there.
"""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True)
class Family:
    """One metric family; ``blocks`` holds the ready lines of each owner of series."""

    name: str
    """Without the ``_total`` of a counter."""
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    blocks: dict[str, bytes] = field(default_factory=dict)

    def header(self, *, openmetrics: bool) -> bytes:
        """HELP and TYPE; the formats differ in the name that a counter has there."""
        name = f"{self.name}_total" if self.kind == "counter" and not openmetrics else self.name
        return f"# HELP {name} {self.help}\n# TYPE {name} {self.kind}\n".encode()


def labels(**pairs: str) -> str:
    """``a="x",b="y"`` with values escaped as the text format 0.0.4 asks."""
    return ",".join(f'{name}="{escape(value)}"' for name, value in pairs.items())


def escape(value: str) -> str:
    """A label value without anything that would end it early."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
