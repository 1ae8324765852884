"""Which of several equal hosts an attempt asks."""

from collections.abc import Sequence

from monitor.domain.attempt import Run
from monitor.domain.settings import Endpoint
from monitor.domain.words import Fact


def member(run: Run, pool: Sequence[Endpoint]) -> int:
    """The place in ``pool`` of the host to ask: another each round and for each confirmation.

    Where there are several, the one that is asked becomes a fact.
    """
    place = (run.round + run.retry) % len(pool)
    if len(pool) > 1:
        run.facts[Fact.HOST] = str(pool[place])
    return place
