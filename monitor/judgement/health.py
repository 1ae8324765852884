"""The health of one check, seen from one vantage.

A check falls after some failures in a row (confirmations count) or when enough
of its last attempts failed; it rises after some fine ones in a row. It is
degraded while nearly all of its last attempts were much slower than usual. All
is dated by the attempts, not by the moment of deciding.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Check
from monitor.domain.words import Outcome, Reason, State
from monitor.judgement.tables import CHECK, Sign, after

_SLOW_OF = 15
_SLOW_MARKS = 12
"""A check is degraded when this many of its last attempts were slow or failed: what hits one attempt in three is noise
of a loaded server, what hits four in five is how it is now."""
_SLOW_TIMES = 4.0
_SLOW_MORE = 0.9
"""Slow is four times the usual and nearly a second more: a second is where people notice that they wait, and what a
lost first packet costs (RFC 6298 section 2)."""
_LEARNED = 10
"""Attempts before "usual" means anything."""
_MEMORY = 50
"""Attempts over which the usual latency is averaged."""
_RUN_CAP = 20
_KEEP_EVERY = 60.0
"""Seconds after which what just goes on failing is written down again."""
_RELAPSE = 3
"""Failures among the last ones by which a check falls again that was down a moment ago: it needs less proof."""
_PATCHY_RUN = 6
"""Failures in a row that chance does not make on a way that loses less than every third packet."""


class Mark(NamedTuple):
    """One attempt that was not fine."""

    turn: int
    """Number of the scheduled attempt."""
    at: float
    before: float | None
    """The last fine attempt before it."""
    failure: Failure | None
    """None: only slow."""

    def shifted(self, seconds: float) -> "Mark":
        """The same on a wall clock that was set by so much."""
        return self._replace(at=self.at + seconds, before=None if self.before is None else self.before + seconds)


@dataclass(slots=True, eq=False)
class Health:
    """What is known of one check from one vantage. Times are Unix seconds."""

    check: Check
    vantage: str
    verdict: State = State.UNKNOWN
    is_observed: bool = False
    """False while nothing conclusive was seen for some intervals, or the vantage is blind."""
    seen: float = 0.0
    watched_since: float = 0.0
    """The first attempt that told something after none did."""
    turn: int = 0
    marks: list[Mark] = field(default_factory=list)
    """The scheduled attempts among the last ones that failed or were slow."""
    run: list[Mark] = field(default_factory=list)
    """The present run of failures, confirmations included."""
    fine: int = 0
    """Attempts in a row that did not fail."""
    fine_since: float = 0.0
    quick: int = 0
    quick_since: float = 0.0
    ok_at: float | None = None
    failed_at: float | None = None
    usual: float = 0.0
    """Seconds that a fine attempt takes, a slow mean in which a wild value counts for little."""
    learned: int = 0
    kept: float = 0.0
    """``usual`` as it was when it was last written down."""
    kept_at: float = 0.0
    """The attempt after which all was last written down."""
    trouble: list[Mark] = field(default_factory=list)
    """The first failures of the present trouble: its evidence."""
    is_member: bool = False
    """It has a part in an open case, which wants to hear of every attempt."""
    recovered_at: float = 0.0
    """The first attempt of the last recovery, and the last bad one before it."""
    recovered_after: float | None = None

    @property
    def state(self) -> State:
        """The verdict, or ``unknown`` while nobody looks."""
        return self.verdict if self.is_observed else State.UNKNOWN

    @property
    def is_bad(self) -> bool:
        """Down or degraded, and seen to be."""
        return self.is_observed and (self.verdict is State.DOWN or self.verdict is State.DEGRADED)

    @property
    def bad_since(self) -> Mark | None:
        """The first attempt of what made it bad."""
        if self.trouble:
            return self.trouble[0]
        return self.marks[0] if self.marks else None

    def observe(self, attempt: Attempt, *, may_be_slow: bool = True) -> Sign | None:
        """Learn from one attempt; the sign that it gave, if the verdict changed by it.

        ``may_be_slow`` is false when slowness would be the vantage's.
        """
        if attempt.outcome is Outcome.OK:
            return self._answered(attempt, may_be_slow=may_be_slow)
        failure = attempt.failure
        if attempt.outcome is Outcome.FAILED and failure is not None:
            return self._failed(attempt, failure)
        if failure is not None and failure.reason is Reason.RATE_LIMITED and self.verdict is State.DOWN:
            self.fine = 0  # it was down and now pleads for less: that is not back
        return None

    def _answered(self, attempt: Attempt, *, may_be_slow: bool) -> Sign | None:
        at = attempt.started
        self._see(at)
        self.fine += 1
        if self.fine == 1:
            self.fine_since = at
        if self.run:
            self.run = []
        if attempt.confirmation == 0:
            self.turn += 1
            is_slow = attempt.duration > self._limit()
            if is_slow and may_be_slow:
                self._mark(Mark(self.turn, at, self.ok_at, None))
                self.quick = 0
            elif not is_slow:
                self._learn(attempt.duration)
                self.quick += 1
                if self.quick == 1:
                    self.quick_since = at
                if self.marks:
                    self._forget_marks()
        self.ok_at = at
        return self._judge_answer()

    def _see(self, at: float) -> None:
        if not self.is_observed:
            self.is_observed, self.watched_since = True, at
        self.seen = at

    def _judge_answer(self) -> Sign | None:
        if self.verdict is State.DOWN:
            return self._step(Sign.ROSE) if self.fine >= self.check.judging.rise else None
        if self.verdict is State.DEGRADED:
            return self._step(Sign.QUICKENED) if self.quick >= self.check.judging.rise else None
        if len(self.marks) >= _SLOW_MARKS and self.marks[-_SLOW_MARKS].turn > self.turn - _SLOW_OF:
            self.trouble = self.marks[:1]
            return self._step(Sign.SLOWED)
        return self._step(Sign.ANSWERED) if self.verdict is State.UNKNOWN else None

    def _failed(self, attempt: Attempt, failure: Failure) -> Sign | None:
        at = attempt.started
        self._see(at)
        self.fine = self.quick = 0
        mark = Mark(self.turn + (attempt.confirmation == 0), at, self.ok_at, failure)
        if len(self.run) < _RUN_CAP:
            self.run.append(mark)
        if attempt.confirmation == 0:
            self.turn += 1
            self._mark(mark)
        self.failed_at = at
        if self.verdict is State.DOWN:
            return None
        evidence = self._evidence()
        if not evidence:
            return None
        self.trouble = evidence if self.verdict is not State.DEGRADED else [*self.trouble[:1], *evidence]
        return self._step(Sign.FELL)

    def _evidence(self) -> list[Mark]:
        """The failures that make it fall now, first one first."""
        judging = self.check.judging
        if len(self.run) >= judging.fall:
            return list(self.run)
        failed = [mark for mark in self.marks if mark.failure and mark.turn > self.turn - judging.fall_of]
        is_relapse = self.seen - self.recovered_at <= judging.fall_of * self.check.interval
        return failed if len(failed) >= (_RELAPSE if is_relapse else judging.fall_failed) else []

    def pass_over(self) -> None:
        """An attempt that says nothing: what was seen before it grows older all the same."""
        self.turn += 1
        self._forget_marks()
        self.run = [mark for mark in self.run if mark.turn > self.turn - self.check.judging.fall_of]

    @property
    def is_patchy(self) -> bool:
        """It fails by nothing but want of an answer, and not for long nor mostly."""
        marks = [mark for mark in self.marks if mark.turn > self.turn - self.check.judging.fall_of]
        return (
            len(self.run) < _PATCHY_RUN
            and 2 * len(marks) < self.check.judging.fall_of
            and all(mark.failure and mark.failure.reason is Reason.TIMEOUT for mark in marks)
        )

    def void(self, since: float, is_held: Callable[[Failure | None], bool]) -> Sign | None:
        """Take back what was held against the target since ``since``: the vantage was to blame."""
        self.run = _kept(self.run, since, is_held)
        self.marks = _kept(self.marks, since, is_held)
        if not self.trouble or self.trouble[0].at < since or not is_held(self.trouble[0].failure):
            return None
        self.trouble = []
        bad = self.verdict is State.DOWN or self.verdict is State.DEGRADED
        return self._step(Sign.VOIDED) if bad else None

    def share_since(self, start: float) -> tuple[int, int, int]:
        """Of the last scheduled attempts since ``start``: how many there were, failed, and were slow."""
        marks = [mark for mark in self.marks if mark.at >= start]
        if not marks:
            return 0, 0, 0
        failed = sum(mark.failure is not None for mark in marks)
        return self.turn - marks[0].turn + 1, failed, len(marks) - failed

    def shift(self, seconds: float) -> None:
        """The wall clock was set: move everything that is dated by it."""
        for name in ("seen", "kept_at", "watched_since", "fine_since", "quick_since", "recovered_at"):
            setattr(self, name, getattr(self, name) + seconds)
        for name in ("ok_at", "failed_at", "recovered_after"):
            known = getattr(self, name)
            setattr(self, name, None if known is None else known + seconds)
        self.marks, self.run, self.trouble = (
            [mark.shifted(seconds) for mark in marks] for marks in (self.marks, self.run, self.trouble)
        )

    def forget(self) -> None:
        """Know nothing any more, but what is usual."""
        self.verdict, self.is_observed = State.UNKNOWN, False
        self.marks, self.run, self.trouble = [], [], []
        self.fine = self.quick = 0

    @property
    def is_usual_news(self) -> bool:
        """What is usual has been learned, or has changed by a quarter."""
        return self.learned >= _LEARNED and abs(self.usual - self.kept) > self.kept / 4

    def is_news(self, *, was_clean: bool) -> bool:
        """Whether the last attempt is worth writing down: nothing that goes on as it was is, more than now and then."""
        if self.is_clean:
            return not was_clean
        goes_on = self.verdict is State.DOWN and not self.fine
        return not goes_on or self.seen - self.kept_at >= _KEEP_EVERY

    @property
    def is_clean(self) -> bool:
        """Nothing but fine attempts lately: nothing that a restart could lose."""
        return not self.marks and not self.run and self.verdict in (State.UP, State.UNKNOWN)

    def _step(self, sign: Sign) -> Sign:
        self.verdict = after(CHECK, self.verdict, sign)
        if sign is Sign.ROSE:
            self.recovered_at, self.recovered_after = self.fine_since, self.failed_at
            self.marks = [mark for mark in self.marks if mark.failure is None]
        elif sign is Sign.QUICKENED:
            self.recovered_at = self.quick_since
            self.recovered_after = max((mark.at for mark in self.marks if mark.at < self.quick_since), default=None)
        if self.verdict is State.UP:
            self.trouble = []
        return sign

    def _mark(self, mark: Mark) -> None:
        self.marks.append(mark)
        self._forget_marks()

    def _forget_marks(self) -> None:
        oldest = self.turn - max(self.check.judging.fall_of, _SLOW_OF)
        while self.marks and self.marks[0].turn <= oldest:
            del self.marks[0]

    def _limit(self) -> float:
        if self.check.judging.slow is not None:
            return self.check.judging.slow
        if self.learned < _LEARNED:
            return float("inf")
        return max(_SLOW_TIMES * self.usual, self.usual + _SLOW_MORE)

    def _learn(self, seconds: float) -> None:
        if self.learned == 0:
            self.usual = seconds
        else:  # a value counts as twice the mean at most, so that no single one moves it far
            self.usual += (min(seconds, 2 * self.usual) - self.usual) / min(self.learned + 1, _MEMORY)
        self.learned += 1


def _kept(marks: list[Mark], since: float, is_held: Callable[[Failure | None], bool]) -> list[Mark]:
    return [mark for mark in marks if mark.at < since or not is_held(mark.failure)]
