"""Debian's blackbox_exporter on loopback, and what a scraper reads of it or of us."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.support.servers import ServerProcess, free_port

Series = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


class BlackboxExporter(ServerProcess):
    """The reference, with a file of modules."""

    def __init__(self, folder: Path, modules: Path) -> None:
        port = free_port()
        listen = f"--web.listen-address=127.0.0.1:{port}"
        super().__init__(folder, ["prometheus-blackbox-exporter", f"--config.file={modules}", listen], port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of /probe."""

    status: int
    content_type: str
    text: str
    series: Series = field(default_factory=dict)

    def value(self, name: str) -> float:
        """The value of a series without labels."""
        return self.series[name, frozenset()]


async def probe(
    session: aiohttp.ClientSession, base: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> Answer:
    """Scrape /probe once, and read it with prometheus_client's parser."""
    async with session.get(f"{base}/probe", params=query, headers=headers) as response:
        text = await response.text()
        metrics = text if response.status == 200 and query.get("debug") != "true" else ""
        series = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(metrics)
            for sample in family.samples
        }
        kind = response.headers["Content-Type"]
        return Answer(status=response.status, content_type=kind, text=text, series=series)
