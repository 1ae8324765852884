"""The outages of services: which is open, since when, and how many there were.

A service has an outage while an open window covers it. One that recovers has
none: the states say up again, and so the start is 0 and the info gone; should
it relapse, both come back as they were, with the same start, and nothing new is
counted. What an announced maintenance covers is no outage.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from monitor.domain.check import Check, Vantage
from monitor.domain.outage import Window
from monitor.domain.words import Kind, Status
from monitor.judgement.ledger import Key
from monitor.metrics.families import Family, labels
from monitor.metrics.parts import block, parts

_LASTING = frozenset({Status.OPEN, Status.RECOVERING})
"""While its window is one of these, an outage is one and the same."""
_GRAVEST = {kind: rank for rank, kind in enumerate((Kind.TOTAL, Kind.INTERMITTENT, Kind.DEGRADED))}
_RENDERED = 200
"""Services or components rendered before other work gets its turn: 4 ms."""


class OutageMetrics:
    """Keeps the windows that last, as the rulings told them; ``vantage`` is the one we stand at."""

    def __init__(self, vantage: Vantage) -> None:
        self._vantage = vantage.name
        self._totals: dict[Key, int] = {}
        self._components: dict[str, Key] = {}
        """``service.component``, as windows name it -> its key."""
        self._windows: dict[Key, dict[str, Window]] = {}
        """The windows that last, by id, of everything that any covers."""
        self._extents: dict[str, dict[Key, None]] = {}
        """The same from the other side: window id -> all that it covers."""
        self._touched: dict[Key, None] = {}
        self.start = Family(
            "lastseen_outage_start_timestamp_seconds",
            "gauge",
            "Unix time at which the open outage of a service began; 0 when there is none.",
        )
        self.info = Family("lastseen_outage_info", "gauge", "1 while a service has an outage: the gravest, if several.")
        self.total = Family(
            "lastseen_outages",
            "counter",
            'Outages that began, relapses not counted; component="" is the service as a whole.',
        )

    def families(self) -> tuple[Family, ...]:
        """All families, in the order of exposition."""
        return (self.start, self.info, self.total)

    def replace(self, checks: Iterable[Check]) -> None:
        """Know the services and components of these checks and no others; what stays keeps its count."""
        wanted = parts(checks)
        for gone in self._totals.keys() - wanted.keys():
            del self._totals[gone]
            self._windows.pop(gone, None)
            for family in self.families():
                family.blocks.pop(block(gone), None)
        for key in wanted:
            if key not in self._totals:
                self._totals[key] = 0
                self._touched[key] = None
        self._components = {".".join(key): key for key in wanted if key[1]}

    def resume(self, windows: Iterable[Window]) -> None:
        """Go on with the windows of a process before this one, which counted them."""
        for window in windows:
            self._take(window, counts=False)

    def follow(self, windows: Iterable[Window]) -> None:
        """Learn of the windows of a ruling, those that last before those that ended: what was absorbed goes on."""
        for window in sorted(windows, key=lambda window: window.status not in _LASTING):
            self._take(window, counts=True)

    def _take(self, window: Window, *, counts: bool) -> None:
        extent = self._extent(window)
        for key in self._extents.pop(window.id, {}).keys() - extent.keys():
            self._windows.get(key, {}).pop(window.id, None)
            self._touched[key] = None
        for key in extent:
            lasting = self._windows.setdefault(key, {})
            self._totals[key] += counts and not lasting
            if not lasting or not key[1]:
                self._touched[key] = None
            lasting[window.id] = window
        if extent:
            self._extents[window.id] = extent

    def _extent(self, window: Window) -> dict[Key, None]:
        if window.status not in _LASTING:
            return {}
        services = ((service, "") for service in window.services)
        components = (self._components.get(name) for name in window.components)
        return {key: None for key in (*services, *components) if key in self._totals}

    def settle(self) -> Iterator[None]:
        """Render what changed, a slice at a time."""
        while self._touched:
            for key in list(islice(self._touched, _RENDERED)):
                del self._touched[key]
                if key in self._totals:
                    self._render(key)
            yield

    def _render(self, key: Key) -> None:
        service, component = key
        text = labels(service=service, component=component, vantage=self._vantage)
        self.total.blocks[block(key)] = f"{self.total.name}_total{{{text}}} {self._totals[key]}\n".encode()
        if not component:
            self._render_open(key)

    def _render_open(self, key: Key) -> None:
        found = [window for window in self._windows.get(key, {}).values() if window.status is Status.OPEN]
        window = min(found, key=lambda window: (_GRAVEST[window.kind], window.start), default=None)
        text = labels(service=key[0], vantage=self._vantage)
        start = f"{window.start:.3f}" if window else "0"
        self.start.blocks[block(key)] = f"{self.start.name}{{{text}}} {start}\n".encode()
        if window is None:
            self.info.blocks.pop(block(key), None)
            return
        text = labels(
            service=key[0],
            vantage=self._vantage,
            breadth=window.breadth,
            reach=window.reach,
            kind=window.kind,
            layer=window.layer or "",
            cause=window.cause,
        )
        self.info.blocks[block(key)] = f"{self.info.name}{{{text}}} 1\n".encode()
