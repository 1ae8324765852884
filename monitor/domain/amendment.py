"""What people say of a window after the fact: which of their words count, and what holds in the end."""

from collections.abc import Iterable, Mapping
from enum import StrEnum, unique

from monitor.domain.outage import Note, Window
from monitor.domain.words import Cause, Kind, Reach


@unique
class Amend(StrEnum):
    """What a note may change about a window after the fact: the fields of `Note.changes`."""

    KIND = "kind"
    REACH = "reach"
    CAUSE = "cause"
    PLANNED = "planned"
    """``yes`` or ``no``."""
    OUTAGE = "outage"
    """``no``: what was seen was no outage at all; ``yes`` takes that back."""


Amended = Mapping[Amend, tuple[str, str]]
"""What people changed: the judgement's word and theirs."""

_WORDS: Mapping[Amend, type[StrEnum]] = {Amend.KIND: Kind, Amend.REACH: Reach, Amend.CAUSE: Cause}
_ANSWERS = ("yes", "no")


def amended_by(notes: Iterable[Note], window: Window) -> Amended:
    """What differs from the judgement now, the latest note having the last word."""
    judged = {
        Amend.KIND: str(window.kind),
        Amend.REACH: str(window.reach),
        Amend.CAUSE: str(window.cause),
        Amend.PLANNED: _ANSWERS[window.planned_until is None],
        Amend.OUTAGE: "yes",
    }
    ordered = sorted(notes, key=lambda note: note.at)
    theirs = {Amend(key): value for note in ordered for key, value in note.changes if _is_amendment(key, value)}
    return {key: (judged[key], value) for key, value in theirs.items() if value != judged[key]}


def is_planned(window: Window, amended: Amended) -> bool:
    """Whether it belongs to a maintenance, announced or so called afterwards."""
    return (window.planned_until is not None) is not (Amend.PLANNED in amended)


def is_outage(amended: Amended) -> bool:
    """False when somebody said that it was none."""
    return Amend.OUTAGE not in amended


def _is_amendment(key: str, value: str) -> bool:
    """Whether a note may say so. What another version wrote, and this one does not know, changes nothing."""
    if key not in [str(field) for field in Amend]:
        return False
    words = _WORDS.get(Amend(key))
    return value in (_ANSWERS if words is None else [str(word) for word in words])
