"""What a provider says of itself, as JSON has it."""

from typing import Any

from monitor.domain.claim import Said
from monitor.formats.text import NAME, SENTENCE, plain
from monitor.formats.times import stamp_as_json


def claim_as_json(said: Said) -> dict[str, Any]:
    """One claim; its text is the provider's own, bounded and on one line."""
    return {
        "service": plain(said.service, NAME),
        "source": plain(said.source, 2 * NAME),
        "claim": said.claim,
        "since": stamp_as_json(said.since),
        "at": stamp_as_json(said.at),
        "text": plain(said.text, SENTENCE),
    }
