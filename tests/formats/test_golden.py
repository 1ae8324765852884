"""Realistic windows in every format, byte for byte. ``LASTSEEN_GOLDEN=write`` writes what is there now."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.formats.atom import as_feed
from monitor.formats.ical import as_calendar
from monitor.formats.markdown import as_markdown
from monitor.formats.record import report_as_json
from monitor.formats.spreadsheet import as_csv
from tests.formats.examples import EDITION, realistic

_FOLDER = Path(__file__).parent / "golden"
_FORMATS: dict[str, Callable[[], str | bytes]] = {
    "outages.json": lambda: json.dumps([report_as_json(one, EDITION) for one in realistic()], indent=1) + "\n",
    "outages.csv": lambda: as_csv(realistic(), EDITION),
    "outages.ics": lambda: as_calendar(realistic(), EDITION),
    "outages.md": lambda: as_markdown(realistic(), EDITION),
    "feed.atom": lambda: as_feed(realistic(), EDITION),
}


@pytest.mark.parametrize("name", _FORMATS)
def test_realistic_windows_look_as_they_did(name: str) -> None:
    made = _FORMATS[name]()
    written = made if isinstance(made, bytes) else made.encode()
    if os.environ.get("LASTSEEN_GOLDEN") == "write":
        (_FOLDER / name).write_bytes(written)
    assert written == (_FOLDER / name).read_bytes()
