"""One decision, whole: what was found, and what is to be told of it."""

from dataclasses import dataclass

from monitor.domain.alert import Message
from monitor.domain.claim import Said
from monitor.domain.outage import Span, Transition, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """All that one sitting of the judgement decided: to be stored as one, before anybody is told."""

    at: float
    windows: tuple[Window, ...] = ()
    """As they are now; each replaces the stored one of the same id."""
    transitions: tuple[Transition, ...] = ()
    spans: tuple[Span, ...] = ()
    """Each replaces the stored one of the same vantage and start."""
    memory: tuple[tuple[str, str], ...] = ()
    """Working memory to keep over a restart, by key; an empty text means: forget this key."""
    messages: tuple[Message, ...] = ()
    """What is to be told because of it."""
    claims: tuple[Said, ...] = ()
    """What providers began to say of themselves."""

    def __bool__(self) -> bool:
        return bool(self.windows or self.transitions or self.spans or self.memory or self.messages or self.claims)
