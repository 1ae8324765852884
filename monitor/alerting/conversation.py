"""What one route has told of one incident: what a restart must not forget, as a short JSON text by key."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from monitor.domain.outage import Window
from monitor.domain.words import Breadth, Reach

_BREADTHS = (Breadth.COMPONENT, Breadth.SERVICE, Breadth.PROVIDER)
_REACHES = (Reach.UNDETERMINED, Reach.LOCAL, Reach.REGIONAL, Reach.GLOBAL)
_PREFIX = "t|"


@dataclass(slots=True, kw_only=True)
class Conversation:
    """Times are Unix seconds."""

    route: str
    key: str
    window: str = ""
    """The window that it follows now: another one once that became part of a wider one."""
    number: int = 0
    """Messages so far."""
    began: float
    updated: float
    """When it was last said how things are; a mere widening does not count."""
    breadth: int = -1
    reach: int = -1
    """The widest that was told."""
    recovered: bool = False
    """That it answers again was told."""
    rolled: str = ""
    """The roll-up that it is told in."""
    members: list[str] = field(default_factory=list)
    """Of a roll-up: its windows."""
    told: int = 0
    """Of a roll-up: how many of its windows were told."""

    def widen(self, window: Window) -> bool:
        """Take note of how wide the window is; whether that is wider than what was told."""
        breadth, reach = _BREADTHS.index(window.breadth), _REACHES.index(window.reach)
        is_wider = breadth > self.breadth or reach > self.reach
        self.breadth, self.reach = max(breadth, self.breadth), max(reach, self.reach)
        return is_wider

    def remember(self) -> tuple[str, str]:
        """Key and text for the working memory."""
        return f"{_PREFIX}{self.route}|{self.key}", json.dumps(asdict(self))

    def forget(self) -> tuple[str, str]:
        """The same key, with nothing to remember."""
        return f"{_PREFIX}{self.route}|{self.key}", ""


def recall(memory: Mapping[str, str]) -> list[Conversation]:
    """All that were remembered, in the order in which they began."""
    found = [talk for key, text in memory.items() if key.startswith(_PREFIX) and (talk := _read(text))]
    return sorted(found, key=lambda talk: (talk.began, talk.key))


def _read(text: str) -> Conversation | None:
    """Without what only another version knows; None where that leaves too little."""
    known = {each.name for each in fields(Conversation)}
    try:
        return Conversation(**{name: value for name, value in json.loads(text).items() if name in known})
    except (AttributeError, TypeError, ValueError):
        return None
