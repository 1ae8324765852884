"""Who is to be told what: pure decisions over what the judgement rules, `now` passed in.

One incident is one conversation on each route: opened, changed when it becomes
wider, once in each reminding period how things are, closed. What a route has
told is remembered with the ruling that made it tell, in one transaction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from monitor.alerting.conversation import Conversation, recall
from monitor.alerting.severity import is_at_least, severity_of
from monitor.domain.alert import Blindness, Message, Route, Silence
from monitor.domain.outage import Span, Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import Event, Severity, Status
from monitor.judgement.vantages import BLIND

_LOOK = 1.0
"""Seconds between two looks at what is due, when nothing else happens."""
_CROWD = 600.0
"""Seconds in which a route's limit of openings holds, and between two messages of a roll-up."""
_GATHER = 60.0
"""Seconds that a roll-up waits for more before it is told."""
_AHEAD = 60.0
"""Seconds that a stamp may be ahead of us, as those of peers may: beyond that, our clock was set back."""
_OVER = (Status.CLOSED, Status.ABSORBED)


class Desk:
    """Turns rulings into rulings with messages."""

    def __init__(self) -> None:
        self._routes: tuple[Route, ...] = ()
        self._minor: frozenset[str] = frozenset()
        self._windows: dict[str, Window] = {}
        self._blind: dict[str, Span] = {}
        self._talks: dict[tuple[str, str], Conversation] = {}
        """By route and the window that each follows, or its own key."""
        self._memory: dict[str, str] = {}
        self._openings: dict[str, list[float]] = {}
        self._looked = 0.0
        self.silences: tuple[Silence, ...] = ()
        self.acknowledged: frozenset[str] = frozenset()
        """Windows that somebody looks after."""

    def replace(self, routes: Sequence[Route], minor: Iterable[str]) -> None:
        """Tell by these routes. ``minor``: components, as ``service.component``, that a service can do without."""
        self._routes, self._minor = tuple(routes), frozenset(minor)
        names = {route.name for route in routes}
        for place, talk in list(self._talks.items()):
            if talk.route not in names:
                del self._talks[place]
                self._note(*talk.forget())

    def resume(self, windows: Iterable[Window], spans: Iterable[Span], memory: Mapping[str, str]) -> None:
        """Go on where another one stopped."""
        self._windows = {window.id: window for window in windows}
        self._blind = {span.vantage: span for span in spans if span.end is None and span.state in BLIND}
        for talk in recall(memory):
            self._talks[talk.route, talk.window or talk.key] = talk
            if talk.window and not talk.rolled:
                self._openings.setdefault(talk.route, []).append(talk.began)

    def severity(self, window: Window) -> Severity:
        """How much a window matters."""
        return severity_of(window, self._minor)

    def decide(self, ruling: Ruling) -> Ruling:
        """The same, with what is to be told of it and of what was ruled before."""
        self._windows.update((window.id, window) for window in ruling.windows)
        ended = self._see(ruling.spans)
        if not (ruling.windows or ruling.spans or self._memory) and not _has_lasted(self._looked, ruling.at, _LOOK):
            return ruling
        self._looked = ruling.at
        messages = tuple(
            message
            for route in self._routes
            for message in (*self._tell(route, ruling.at), *self._blindness(route, ruling.at, ended))
        )
        self._clear()
        memory, self._memory = tuple(self._memory.items()), {}
        return replace(ruling, messages=messages, memory=ruling.memory + memory)

    # -- windows -------------------------------------------------------------

    def _tell(self, route: Route, now: float) -> Iterator[Message]:
        # Parts of wider windows first, so that a conversation has moved on before its new window is looked at.
        for window in sorted(self._windows.values(), key=lambda w: (w.status is not Status.ABSORBED, w.start, w.id)):
            talk = self._talks.get((route.name, window.id))
            if talk is None:
                if self._wants(route, window, now):
                    yield from self._open(route, window, now)
            elif not talk.rolled:
                yield from self._go_on(route, talk, window, now)
            elif window.status in _OVER:
                del self._talks[route.name, window.id]
                self._note(*talk.forget())
        yield from self._roll_up(route, now)

    def _wants(self, route: Route, window: Window, now: float) -> bool:
        if window.status is not Status.OPEN or not matches(route, window, self.severity(window)):
            return False
        since = window.opened if route.escalates else window.start
        if not _has_lasted(since, now, route.after) or (route.escalates and window.id in self.acknowledged):
            return False
        return (route.hours is None or route.hours.holds(now)) and not self._is_silenced(window, now)

    def _is_silenced(self, window: Window, now: float) -> bool:
        return any(
            silence.since <= now < silence.until
            and all(fnmatchcase(service, silence.service) for service in window.services)
            for silence in self.silences
        )

    def _open(self, route: Route, window: Window, now: float) -> Iterator[Message]:
        talk = Conversation(route=route.name, key=window.id, window=window.id, began=now, updated=now)
        talk.widen(window)
        self._talks[route.name, window.id] = talk
        recent = [at for at in self._openings.get(route.name, ()) if not _has_lasted(at, now, _CROWD)]
        self._openings[route.name] = recent
        if len(recent) < route.limit:
            recent.append(now)
            yield self._message(talk, Event.ESCALATED if route.escalates else Event.OPENED, now, (window,))
            return
        crowd = self._crowd(route, now)
        crowd.members.append(window.id)
        talk.rolled = crowd.key
        self._note(*talk.remember())
        self._note(*crowd.remember())

    def _go_on(self, route: Route, talk: Conversation, window: Window, now: float) -> Iterator[Message]:
        if window.status is Status.ABSORBED:
            yield from self._hand_over(talk, window, now)
        elif window.status is Status.CLOSED:
            yield self._end(talk, now, (window,))
        elif self._is_silenced(window, now):
            return
        elif talk.widen(window):
            yield self._message(talk, Event.CHANGED, now, (window,))
        elif window.status is Status.RECOVERING and not talk.recovered:
            talk.recovered, talk.updated = True, now
            yield self._message(talk, Event.RECOVERING, now, (window,))
        elif self._is_due(route, talk, now):
            talk.updated = now
            yield self._message(talk, Event.REMINDER, now, (window,))

    def _is_due(self, route: Route, talk: Conversation, now: float) -> bool:
        if route.remind is None or talk.window in self.acknowledged or not _has_lasted(talk.updated, now, route.remind):
            return False
        return route.hours is None or route.hours.holds(now)

    def _hand_over(self, talk: Conversation, window: Window, now: float) -> Iterator[Message]:
        """The window is part of a wider one: the conversation follows that, unless it has one already."""
        wider = window
        while wider.status is Status.ABSORBED and wider.absorbed_by in self._windows:
            wider = self._windows[wider.absorbed_by]
        if wider is window or (talk.route, wider.id) in self._talks:
            yield self._end(talk, now, (window,))
            return
        del self._talks[talk.route, window.id]
        talk.window = wider.id
        self._talks[talk.route, wider.id] = talk
        self._note(*talk.remember())

    # -- many at once --------------------------------------------------------

    def _crowd(self, route: Route, now: float) -> Conversation:
        """The roll-up that gathers on this route, perhaps a new one."""
        for talk in self._talks.values():
            if talk.route == route.name and talk.key.startswith("more:"):
                return talk
        crowd = Conversation(route=route.name, key=f"more:{now:.0f}", began=now, updated=now)
        self._talks[route.name, crowd.key] = crowd
        return crowd

    def _roll_up(self, route: Route, now: float) -> Iterator[Message]:
        for crowd in [talk for talk in self._talks.values() if talk.route == route.name and talk.members]:
            known = [self._windows[name] for name in crowd.members if name in self._windows]
            alive = [window for window in known if window.status not in _OVER]
            if not alive:
                if crowd.number:
                    yield self._end(crowd, now, tuple(known))
                else:
                    self._drop(crowd)
            elif all(self._is_silenced(window, now) for window in alive):
                continue
            elif len(crowd.members) > crowd.told and _has_lasted(crowd.updated, now, _CROWD if crowd.told else _GATHER):
                event = Event.CHANGED if crowd.told else Event.OPENED
                crowd.updated, crowd.told = now, len(crowd.members)
                yield self._message(crowd, event, now, tuple(alive))
            elif self._is_due(route, crowd, now) and not all(window.id in self.acknowledged for window in alive):
                crowd.updated = now
                yield self._message(crowd, Event.REMINDER, now, tuple(alive))

    # -- vantages ------------------------------------------------------------

    def _see(self, spans: Iterable[Span]) -> dict[str, Span]:
        """Take note of who is blind; the spans of blindness that are over."""
        ended = {}
        for span in spans:
            if span.state in BLIND and span.end is None:
                self._blind[span.vantage] = span
            elif span.state in BLIND and span.vantage in self._blind:
                ended[span.vantage] = span
                del self._blind[span.vantage]
        return ended

    def _blindness(self, route: Route, now: float, ended: Mapping[str, Span]) -> Iterator[Message]:
        for vantage, span in self._blind.items():
            key = f"blind:{vantage}"
            if (route.name, key) in self._talks or route.blind_after is None or route.escalates:
                continue
            if _has_lasted(span.start, now, route.blind_after) and (route.hours is None or route.hours.holds(now)):
                talk = Conversation(route=route.name, key=key, began=now, updated=now)
                self._talks[route.name, key] = talk
                yield self._message(talk, Event.OPENED, now, (), span)
        for vantage, span in ended.items():
            over = self._talks.get((route.name, f"blind:{vantage}"))
            if over is not None and vantage not in self._blind:
                yield self._end(over, now, (), span)

    # -- all -----------------------------------------------------------------

    def _message(
        self, talk: Conversation, event: Event, now: float, windows: tuple[Window, ...], blind: Span | None = None
    ) -> Message:
        talk.number += 1
        self._note(*talk.remember())
        severity = min((self.severity(window) for window in windows), key=list(Severity).index, default=Severity.MAJOR)
        return Message(
            route=talk.route,
            conversation=f"{talk.key}@{talk.began:.0f}" if blind else talk.key,
            number=talk.number,
            event=event,
            severity=severity,
            decided=now,
            windows=windows,
            blind=Blindness(vantage=blind.vantage, state=blind.state, start=blind.start, end=blind.end)
            if blind
            else None,
        )

    def _end(self, talk: Conversation, now: float, windows: tuple[Window, ...], blind: Span | None = None) -> Message:
        message = self._message(talk, Event.CLOSED, now, windows, blind)
        self._drop(talk)
        return message

    def _drop(self, talk: Conversation) -> None:
        del self._talks[talk.route, talk.window or talk.key]
        self._note(*talk.forget())

    def _note(self, key: str, text: str) -> None:
        self._memory[key] = text

    def _clear(self) -> None:
        """Let go of windows that are over and of which nobody will be told any more."""
        wanted = {name for talk in self._talks.values() for name in talk.members}
        for window in [w for w in self._windows.values() if w.status in _OVER and w.id not in wanted]:
            del self._windows[window.id]


def _has_lasted(since: float, now: float, least: float) -> bool:
    """Whether ``least`` seconds have passed; so they have when the clock was set back, since nobody knows better."""
    return not -_AHEAD <= now - since < least


def matches(route: Route, window: Window, severity: Severity) -> bool:
    """Whether a window is one of those that the route is for."""
    return (
        is_at_least(severity, route.severity)
        and window.breadth in route.breadth
        and window.reach in route.reach
        and any(fnmatchcase(window.provider, pattern) for pattern in route.providers)
        and any(fnmatchcase(service, pattern) for service in window.services for pattern in route.services)
    )
