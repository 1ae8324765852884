"""What was told and who acknowledged it, kept in memory; and messages made by hand."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from monitor.domain.alert import Acknowledgement, Message, Post, PostState, Silence
from monitor.domain.outage import Window
from monitor.domain.words import Event, Severity
from monitor.web.backend import Telling


@dataclass(slots=True)
class Outbox:
    """As the store keeps it. ``fail`` raises when the store of the test is down."""

    fail: Callable[[], None]
    kept: list[Post] = field(default_factory=list)
    notes: list[Acknowledgement] = field(default_factory=list)
    quiet: dict[str, Silence] = field(default_factory=dict)

    def telling(self) -> Telling:
        return Telling(
            posts=self._posts,
            newest=self._newest,
            acknowledge=self._acknowledge,
            acknowledged=self._acknowledged,
            silences=self._silences,
            silence=self._silence,
            end_silence=self._end_silence,
            sign=sign,
            changes=lambda: (len(self.notes), tuple(self.kept)),
        )

    async def _posts(self, window_id: str) -> Sequence[Post]:
        self.fail()
        return [post for post in self.kept if window_id in {window.id for window in post.message.windows}]

    async def _newest(self, limit: int) -> Sequence[Post]:
        self.fail()
        return sorted(self.kept, key=lambda post: -post.message.decided)[:limit]

    async def _acknowledge(self, note: Acknowledgement) -> None:
        self.fail()
        if note.window_id not in {known.window_id for known in self.notes}:
            self.notes.append(note)

    async def _acknowledged(self, ids: Collection[str]) -> Sequence[Acknowledgement]:
        self.fail()
        return [note for note in self.notes if note.window_id in ids]

    async def _silences(self, since: float) -> Sequence[Silence]:
        self.fail()
        return [silence for silence in self.quiet.values() if silence.until > since]

    async def _silence(self, silence: Silence) -> None:
        self.fail()
        self.quiet[silence.id] = silence

    async def _end_silence(self, silence_id: str, now: float) -> bool:
        self.fail()
        if silence_id not in self.quiet:
            return False
        self.quiet[silence_id] = replace(self.quiet[silence_id], until=now)
        return True


def sign(window_id: str) -> str:
    """Not the real one: 32 digits that go with the id."""
    return blake2b(window_id.encode(errors="replace"), digest_size=16).hexdigest()


def a_post(window: Window, decided: float, state: PostState = PostState.SENT, **more: Any) -> Post:
    """Of an opening message on the route ``oncall``; ``more`` are fields of the post, or of its message."""
    of_message: dict[str, Any] = {
        name: more.pop(name) for name in ("event", "route", "windows", "number") if name in more
    }
    values: dict[str, Any] = {
        "route": "oncall",
        "conversation": window.id,
        "number": 1,
        "event": Event.OPENED,
        "severity": Severity.MAJOR,
        "decided": decided,
        "windows": (window,),
        **of_message,
    }
    if state is not PostState.WAITING:
        more = {"settled": decided + 1.0, **more}
    if state is PostState.SENT:
        more = {"channel": "chat", **more}
    return Post(message=Message(**values), state=state, **{"tries": 1, **more})
