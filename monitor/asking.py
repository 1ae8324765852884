"""One attempt: the probe under its check's deadline, and whatever comes of it as outcome, failure, phases and facts."""

import asyncio
from collections.abc import Callable

import structlog

from monitor.domain.attempt import Attempt, Failure, Run
from monitor.domain.check import Check
from monitor.domain.failures import ProbeFailed, ProbeInconclusive
from monitor.domain.ports import Clock, Probe
from monitor.domain.words import Outcome, Reason

_STEP = 0.5
"""Seconds by which the wall clock was set during an attempt; its stamp is to be by the clock as it is now."""

_log = structlog.get_logger(__name__)


async def ask(
    check: Check, probe: Probe, clock: Clock, turn: tuple[int, int]
) -> tuple[Attempt, ProbeFailed | ProbeInconclusive | None]:
    """One attempt under the check's deadline, at face value, and the error it ended with.

    ``turn`` is the round and, within it, the number of the confirmation.
    """
    run = Run(clock.monotonic, probe.layers, round=turn[0], retry=turn[1])
    started = clock.now()
    error: ProbeFailed | ProbeInconclusive | None = None
    deadline = _Deadline(clock.monotonic, check.timeout)
    try:
        await probe.attempt(run)
    except (ProbeFailed, ProbeInconclusive) as raised:
        error = raised
    except asyncio.CancelledError:
        if not deadline.struck():
            raise
        error = run.timed_out(f"no answer in phase {run.phase} within {check.timeout:g} s")
    except Exception as raised:  # noqa: BLE001  # whatever else a probe lets out is our bug, never an outage
        _log.exception("bug in a probe", check=check.id, phase=str(run.phase))
        error = ProbeInconclusive(Reason.INTERNAL, f"a bug of this monitor: {type(raised).__name__}, see its log")
    finally:
        deadline.lift()
    duration = run.stop()
    astray = clock.now() - started - duration
    attempt = Attempt(
        check_id=check.id,
        started=started + astray if abs(astray) > _STEP else started,
        duration=duration,
        outcome=_outcome(error),
        phases=run.phases,
        facts=run.facts,
        failure=None if error is None else _failure(error),
        confirmation=turn[1],
    )
    return attempt, error


class _Deadline:
    """Cancels the current task after some seconds: what asyncio.timeout does (8-14 us), with less around it.

    Never early: uvloop counts from the begin of the loop's turn, in whole milliseconds.
    """

    __slots__ = ("_due", "_handle", "_loop", "_monotonic", "_struck", "_task")

    def __init__(self, monotonic: Callable[[], float], seconds: float) -> None:
        self._monotonic = monotonic
        self._due = monotonic() + seconds
        # Asked once: each get_running_loop, of current_task too, is a getpid system call in Python 3.11.
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(self._loop)
        self._struck = False
        self._handle = self._loop.call_later(seconds, self._strike)

    def _strike(self) -> None:
        early = self._due - self._monotonic()
        if early > 0:
            self._handle = self._loop.call_later(early + 0.001, self._strike)
        elif self._task is not None:
            self._struck = True
            self._task.cancel()

    def struck(self) -> bool:
        """Whether the cancellation that has just arrived is ours, and ours alone."""
        struck, self._struck = self._struck, False
        return struck and self._task is not None and self._task.uncancel() == 0

    def lift(self) -> None:
        """Let it pass. A cancellation that the probe answered with an error of its own counts no longer either."""
        self._handle.cancel()
        self.struck()


def _outcome(error: ProbeFailed | ProbeInconclusive | None) -> Outcome:
    if error is None:
        return Outcome.OK
    return Outcome.FAILED if isinstance(error, ProbeFailed) else Outcome.INCONCLUSIVE


def _failure(error: ProbeFailed | ProbeInconclusive) -> Failure:
    layer = error.layer if isinstance(error, ProbeFailed) else None
    return Failure(layer=layer, reason=error.reason, message=error.message)
