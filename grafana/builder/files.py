"""From dashboards to files: the same bytes every time."""

from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.builder import health, overview, service, vantages

FOLDER = Path(__file__).parents[1] / "dashboards"


def dashboards() -> Mapping[str, str]:
    """File name -> its text."""
    made = (overview.dashboard(), service.dashboard(), vantages.dashboard(), health.dashboard())
    encoder = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False)
    return {f"{str(one.uid).removeprefix('lastseen-')}.json": f"{encoder.encode(one)}\n" for one in made}
