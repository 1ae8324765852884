"""Latency as a line over hours, and the phases of one attempt as a bar."""

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.domain.attempt import Attempt
from monitor.domain.words import Phase
from monitor.languages.words import Words
from monitor.web.bars import Frame
from monitor.web.past import Hour

WIDTH = 240
HEIGHT = 28
_PAD = 3
_FEWEST = 2
"""Hours with an answer that make a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """A small picture of `WIDTH` x `HEIGHT`."""

    label: str
    """All that it shows, in words."""
    paths: tuple[tuple[str, str], ...]
    """Class and path data."""


def sparkline(hours: Mapping[int, Hour], frame: Frame, words: Words) -> Sparkline | None:
    """The mean duration of what was ok in each hour, from zero up; None without a line to draw."""
    means = [_mean(hours.get(begin)) for begin in frame.begins]
    known = [mean for mean in means if mean is not None]
    if len(known) < _FEWEST:
        return None
    top = max(known)
    data, pen = [], "M"
    for place, mean in enumerate(means):
        if mean is None:
            pen = "M"
            continue
        x = round(_PAD + place * (WIDTH - 2 * _PAD) / (frame.count - 1), 1)
        data.append(f"{pen}{x:g} {HEIGHT - _PAD - round(mean / top * (HEIGHT - 2 * _PAD), 1) if top else HEIGHT:g}")
        pen = "L"
    label = words(
        "spark.label",
        hours=frame.count,
        last=words.took(known[-1]),
        least=words.took(min(known)),
        most=words.took(top),
    )
    return Sparkline(label=label, paths=(("line", "".join(data)),))


def phases(attempt: Attempt, words: Words) -> Sparkline | None:
    """Where the time of one attempt went; None when it took none."""
    total = sum(attempt.phases.values())
    taken = [(phase, attempt.phases[phase]) for phase in Phase if attempt.phases.get(phase)]
    if not total or not taken:
        return None
    paths, x = [], 0.0
    for phase, seconds in taken:
        width = seconds / total * WIDTH
        paths.append((f"phase-{phase}", f"M{x:.1f} 5H{x + width:.1f}"))
        x += width
    label = ", ".join(f"{phase} {words.took(seconds)}" for phase, seconds in taken)
    return Sparkline(label=label, paths=tuple(paths))


def _mean(hour: Hour | None) -> float | None:
    return hour.seconds_ok / hour.ok if hour is not None and hour.ok else None
