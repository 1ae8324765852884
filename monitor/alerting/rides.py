"""Never through what is down: which channels a letter cannot take now, and why."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from monitor.domain.alert import Way
from monitor.domain.outage import Window
from monitor.domain.words import Breadth, State, Status


class Rides:
    """Knows how the services stand that channels ride on. Unknown is no obstacle: whoever is blind must try."""

    def __init__(
        self,
        state_of: Callable[[str], State],
        windows: Callable[[], Sequence[Window]],
        titles: Callable[[], Mapping[str, str]],
    ) -> None:
        self._state_of = state_of
        self._windows = windows
        self._titles = titles

    def obstacle(self, way: Way) -> str:
        """Why this channel should be passed over, in one clause; nothing when it need not be."""
        for name in way.rides_on:
            window = self._window_on(name)
            state = self._state_of(name)
            if state in (State.DOWN, State.DEGRADED):
                return f"{self._titles().get(name, name)} is {state} itself{_since(window)}"
            if window is not None and window.breadth is Breadth.PROVIDER and window.provider == name:
                return f"most of {name} is down itself{_since(window)}"
        return ""

    def _window_on(self, name: str) -> Window | None:
        """The open window that covers this service, or this provider."""
        for window in self._windows():
            if window.status is Status.OPEN and (name in window.services or name == window.provider):
                return window
        return None


def _since(window: Window | None) -> str:
    return f" since {datetime.fromtimestamp(window.start, UTC):%H:%M} UTC" if window else ""
