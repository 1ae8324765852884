"""What ``debug=true`` shows: how the probe went, its metrics, and the module, for people."""

import json

from monitor.blackbox.metrics import Probed
from monitor.blackbox.prober import Request
from monitor.domain.text import shown


def report(request: Request, probed: Probed, metrics: str) -> str:
    """Three parts, as blackbox_exporter has them. Secrets are asterisks, text of servers is escaped."""
    module = request.module.model_dump(mode="json", include={"prober", "timeout", request.module.prober})
    return "\n".join(
        [
            "Logs for the probe:",
            *_log(request, probed),
            "\n\nMetrics that would have been returned:",
            metrics,
            "\nModule configuration (secrets masked):",
            json.dumps(module, indent=2, ensure_ascii=True),
            "",
        ]
    )


def _log(request: Request, probed: Probed) -> list[str]:
    lines = [f"target {shown(request.target)}, prober {request.module.prober}, timeout {request.timeout:g} s"]
    attempt = probed.attempt
    if attempt is not None:
        lines += [f"phase {phase:<10} {seconds * 1000:10.3f} ms" for phase, seconds in attempt.phases.items()]
        lines.append(f"total {'':<10} {attempt.duration * 1000:10.3f} ms")
        lines += [f"fact  {fact}: {value!r}" for fact, value in attempt.facts.items()]
    lines.append(f"result: {'success' if not probed.problem else f'failed: {_escaped(probed.problem)}'}")
    return lines


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
