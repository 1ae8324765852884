"""One attempt of a probe, as the runner makes it, for tests of probes."""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.domain.attempt import Failure, Run
from monitor.domain.failures import ProbeFailed, ProbeInconclusive
from monitor.domain.words import Fact, FactValue, Outcome, Phase
from monitor.net.network import Network
from monitor.registry import PROBES


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one attempt said. ``run`` is stopped; its phases sum to ``duration``."""

    outcome: Outcome
    failure: Failure | None
    run: Run
    duration: float

    @property
    def facts(self) -> dict[Fact, FactValue]:
        return self.run.facts

    @property
    def phases(self) -> dict[Phase, float]:
        return self.run.phases

    @property
    def verdict(self) -> str:
        """``ok``, ``layer/reason`` or ``inconclusive/reason``: what most tests compare."""
        if self.failure is None:
            return "ok"
        return f"{self.failure.layer or 'inconclusive'}/{self.failure.reason}"


def make_network() -> Network:
    """A network with the real clocks."""
    return Network(time.monotonic, time.time)


def patience(verdict: str, short: float) -> float:
    """Seconds for an attempt with this verdict: ``short`` where the deadline must end it, and so long that a slow
    machine does not where something else must."""
    return short if verdict.endswith("timeout") else 10.0


async def attempt(
    kind: str,
    settings: Mapping[str, Any],
    *,
    timeout: float = 5,
    network: Network | None = None,
    round: int = 0,  # noqa: A002  # as Run names it
    retry: int = 0,
) -> Result:
    """Validate ``settings`` as the config does, run the probe once under a deadline. A bug of ours is raised."""
    probe_type = PROBES[kind]
    validated = probe_type.settings_type.model_validate(_strict(settings))
    probe = probe_type(validated, network or make_network())
    run = Run(time.monotonic, probe.layers, round=round, retry=retry)
    error: ProbeFailed | ProbeInconclusive | None = None
    try:
        async with asyncio.timeout(timeout):
            await probe.attempt(run)
    except TimeoutError:
        error = run.timed_out(f"no end within {timeout} s")
    except (ProbeFailed, ProbeInconclusive) as raised:
        error = raised
    return Result(outcome=_outcome(error), failure=_failure(error), duration=run.stop(), run=run)


def _outcome(error: ProbeFailed | ProbeInconclusive | None) -> Outcome:
    if error is None:
        return Outcome.OK
    return Outcome.FAILED if isinstance(error, ProbeFailed) else Outcome.INCONCLUSIVE


def _failure(error: ProbeFailed | ProbeInconclusive | None) -> Failure | None:
    if error is None:
        return None
    layer = error.layer if isinstance(error, ProbeFailed) else None
    return Failure(layer=layer, reason=error.reason, message=error.message)


def _strict(value: Any) -> Any:
    """Lists as tuples and paths as text, which is what strict settings take."""
    if isinstance(value, Mapping):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_strict(item) for item in value)
    return str(value) if hasattr(value, "__fspath__") else value


def main() -> None:
    """Run one attempt in this process: arguments are the kind, the settings as JSON, and the deadline."""
    kind, settings, timeout = sys.argv[1:]
    result = asyncio.run(attempt(kind, json.loads(settings), timeout=float(timeout)))
    message = result.failure.message if result.failure else ""
    print(json.dumps({"verdict": result.verdict, "message": message, "facts": result.facts}))  # noqa: T201  # to the parent


if __name__ == "__main__":
    main()
