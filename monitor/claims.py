"""What providers say of themselves, as it changes. A Sink; the judgement never hears of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.claim import Said
from monitor.domain.ruling import Ruling
from monitor.domain.words import Claim, Fact, Outcome
from monitor.formats.text import SENTENCE, plain

_PREFIX = "s|"
_STALE_INTERVALS = 3


class Claims:
    """The last word of each status page that is read."""

    def __init__(self, keep: Callable[[Ruling], None]) -> None:
        self._keep = keep
        self._said: dict[str, Said] = {}
        self._read: dict[str, tuple[Check, float]] = {}
        """By source: when it was read last."""
        self._known: Mapping[str, str] | None = None
        self._waiting: list[Said] = []

    def replace(self, checks: Iterable[Check]) -> None:
        """Listen to these checks; what others said is forgotten."""
        sources = {check.id for check in checks if not check.settings.evidence}
        self._said = {source: said for source, said in self._said.items() if source in sources}
        self._read = {source: read for source, read in self._read.items() if source in sources}

    def resume(self, memory: Mapping[str, str]) -> None:
        """Know what was said before the last restart: saying it still is no news."""
        self._known = {key.removeprefix(_PREFIX): text for key, text in memory.items() if key.startswith(_PREFIX)}
        waiting, self._waiting = self._waiting, []
        for said in waiting:
            self._hear(said)

    def observe(self, check: Check, attempt: Attempt) -> None:
        """Note what a provider says, where that is not what it said before."""
        claim = attempt.facts.get(Fact.CLAIM)
        if check.settings.evidence or attempt.outcome is not Outcome.OK or claim is None:
            return
        since = attempt.facts.get(Fact.CLAIM_SINCE)
        said = Said(
            service=check.service,
            source=check.id,
            at=attempt.started,
            claim=Claim(str(claim)),
            since=float(since) if isinstance(since, int | float) else None,
            text=plain(str(attempt.facts.get(Fact.CLAIM_TEXT, "")), SENTENCE),
        )
        self._read[check.id] = (check, attempt.started)
        if self._known is None:
            self._waiting.append(said)
        else:
            self._hear(said)

    def _hear(self, said: Said) -> None:
        before = self._said.get(said.source)
        word = before.claim if before else (self._known or {}).get(said.source, Claim.FINE)
        if before is None or before.claim is not said.claim:
            self._said[said.source] = said
        if word != said.claim:
            self._keep(Ruling(at=said.at, claims=(said,), memory=((_PREFIX + said.source, str(said.claim)),)))

    def current(self, now: float) -> Sequence[Said]:
        """What is said now, of sources that could be read lately."""
        return [
            said
            for source, said in self._said.items()
            if now - self._read[source][1] <= _STALE_INTERVALS * self._read[source][0].interval
        ]
