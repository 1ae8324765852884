"""What people would have been told in a replay: by one route for everything, with its defaults."""

from collections import Counter

from monitor.alerting.desk import Desk
from monitor.domain.alert import Message, Route
from monitor.domain.ruling import Ruling
from monitor.domain.words import Event


class Letters:
    """Reads rulings over the judge's shoulder."""

    def __init__(self) -> None:
        self._desk = Desk()
        self._desk.replace((Route(name="everybody", channels=()),), ())
        self.messages: list[Message] = []

    def follow(self, _: float, ruling: Ruling) -> None:
        """Note what is to be told of a ruling."""
        self.messages += self._desk.decide(ruling).messages

    def counts(self) -> tuple[Counter[Event], Counter[Event]]:
        """Messages about outages, and about vantages that are blind."""
        outages = Counter(message.event for message in self.messages if message.blind is None)
        return outages, Counter(message.event for message in self.messages if message.blind is not None)

    def as_json(self) -> dict[str, dict[str, int]]:
        """The same for programs."""
        return {
            name: {str(event): number for event, number in found.items()}
            for name, found in zip(("outages", "blind"), self.counts(), strict=True)
        }

    @property
    def said(self) -> str:
        """The same in a line."""
        outages, blind = (
            ", ".join(f"{found[event]} {event}" for event in Event if found[event]) for found in self.counts()
        )
        return f"{outages or 'none'}{f'; of blind vantages: {blind}' if blind else ''}"
