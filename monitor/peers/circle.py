"""Who is who: the vantage that speaks at each address. Nobody speaks for two, and nobody for us.

A name belongs to the address that used it first, as long as it uses it. It is
remembered over a restart: an outage that only others see must find them again.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check, Vantage
from monitor.formats.feed import Unreadable, read_vantage, vantage_as_json

_KEY = "peer|"


class Impostor(Exception):
    """An address that uses a name which is not its own; the message is for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """Who wants to hear what the peers tell."""

    hear: Callable[[str, Check, Attempt], None]
    """Gets an attempt of a check or witness that is configured here, and the name of the vantage that made it."""
    sit: Callable[[], Awaitable[None]]
    """Decides on what was heard so far. Called while much is being made up for, as often as it would have been live."""
    remember: Callable[[str, str], None]
    """Keeps a text under a key over a restart; an empty one: forget the key."""
    meet: Callable[[], None]
    """Called when other vantages are known than before, or stand elsewhere."""


class Circle:
    """The vantages of all peers, by address."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self._home = ""
        self._known: dict[str, Vantage | None] = {}

    def replace(self, urls: Collection[str], home: Vantage) -> None:
        """These addresses, in this order, and no others. ``home`` is where we stand ourselves."""
        self._home = home.name
        for url in self._known.keys() - set(urls):
            self._ears.remember(_KEY + url, "")
        self._known = {url: self._known.get(url) for url in urls}

    @property
    def vantages(self) -> tuple[Vantage, ...]:
        """Those that are known, in the order of their addresses."""
        return tuple(vantage for vantage in self._known.values() if vantage is not None)

    def name(self, url: str) -> str:
        """What the one at this address is called; empty while nobody knows."""
        vantage = self._known.get(url)
        return vantage.name if vantage else ""

    def admit(self, url: str, vantage: Vantage) -> None:
        """Know who speaks at ``url``. Raises Impostor."""
        known = self._known.get(url)
        if vantage == known:
            return
        if not self._may_be(url, vantage):
            if known is not None and known.name != vantage.name:
                self._know(url, None)  # its old name is free: two that swapped theirs both come through
            whose = "our own name" if vantage.name == self._home else "the name of another peer"
            raise Impostor(f"it calls itself {vantage.name}, which is {whose}")
        self._know(url, vantage)

    def recall(self, memory: Mapping[str, str]) -> None:
        """Know again who spoke at the addresses that have not answered yet."""
        met = False
        for key, text in memory.items():
            url = key.removeprefix(_KEY)
            if url == key or not text:
                continue
            if url not in self._known:
                self._ears.remember(key, "")
            elif self._known[url] is None and (vantage := _read(text)) and self._may_be(url, vantage):
                self._known[url] = vantage
                met = True
        if met:
            self._ears.meet()

    def _may_be(self, url: str, vantage: Vantage) -> bool:
        others = (known.name for other, known in self._known.items() if known and other != url)
        return vantage.name != self._home and vantage.name not in others

    def _know(self, url: str, vantage: Vantage | None) -> None:
        self._known[url] = vantage
        self._ears.remember(_KEY + url, json.dumps(vantage_as_json(vantage)) if vantage else "")
        self._ears.meet()


def _read(text: str) -> Vantage | None:
    try:
        return read_vantage(json.loads(text))
    except (Unreadable, ValueError):
        return None
