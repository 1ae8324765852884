"""What providers say of themselves: stored beside our own finding, and never evidence."""

from dataclasses import dataclass

from monitor.domain.words import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A provider began to say something of one of its services. Times are Unix seconds."""

    service: str
    source: str
    """Id of the check that reads its status page."""
    at: float
    """When we read it first."""
    claim: Claim
    since: float | None
    """When, as the provider says, it began."""
    text: str
    """In the provider's own words: foreign text, bounded."""
