"""How much an outage window matters."""

from collections.abc import Container

from monitor.domain.outage import Window
from monitor.domain.words import Kind, Reach, Severity

_ORDER = (Severity.CRITICAL, Severity.MAJOR, Severity.MINOR)


def severity_of(window: Window, minor: Container[str]) -> Severity:
    """``minor`` has the components, as ``service.component``, that a service can do without."""
    if window.kind is Kind.DEGRADED or all(component in minor for component in window.components):
        return Severity.MINOR
    # A critical component that fails altogether takes its service with it, whatever else of it answers.
    return Severity.CRITICAL if window.kind is Kind.TOTAL and window.reach is not Reach.LOCAL else Severity.MAJOR


def is_at_least(severity: Severity, least: Severity) -> bool:
    """Whether the first is as bad as the second, or worse."""
    return _ORDER.index(severity) <= _ORDER.index(least)
