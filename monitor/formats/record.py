"""An outage window as JSON has it: every time twice, every word from its closed list, foreign text bounded."""

from typing import Any

from monitor.domain.outage import Evidence, Note, Stage, Window
from monitor.formats.edition import Edition
from monitor.formats.report import Report
from monitor.formats.text import MESSAGE, NAME, NOTE, SENTENCE, plain, prose
from monitor.formats.times import stamp_as_json


def report_as_json(report: Report, edition: Edition) -> dict[str, Any]:
    """One window. ``duration`` in seconds, so far while it lasts."""
    window = report.window
    return {
        "id": window.id,
        "permalink": edition.permalink(window.id) or None,
        "status": window.status,
        "open": report.is_alive,
        "sentence": plain(window.sentence, SENTENCE),
        **_what(window),
        "planned": report.is_planned,
        "planned_until": stamp_as_json(window.planned_until),
        "outage": report.is_outage,
        "absorbed_by": window.absorbed_by or None,
        **_when(report, edition.now),
        **_where(window),
        "stages": [_stage(stage) for stage in window.stages],
        "evidence": [_evidence(item) for item in window.evidence],
        "amended": {field: {"from": was, "to": now_is} for field, (was, now_is) in report.amended.items()},
        "notes": [_note(note) for note in report.notes],
    }


def _what(window: Window) -> dict[str, Any]:
    return {
        "target": plain(window.target, NAME),
        "provider": plain(window.provider, NAME),
        "services": _names(window.services),
        "components": _names(window.components),
        "unaffected": _names(window.unaffected),
        "breadth": window.breadth,
        "reach": window.reach,
        "kind": window.kind,
        "layer": window.layer,
        "reason": window.reason,
        "cause": window.cause,
    }


def _when(report: Report, now: float) -> dict[str, Any]:
    window = report.window
    return {
        "start": stamp_as_json(window.start),
        "start_after": stamp_as_json(window.start_after),
        "end": stamp_as_json(window.end),
        "end_after": stamp_as_json(window.end_after),
        "duration": round(report.duration(now), 3),
        "opened": stamp_as_json(window.opened),
        "closed": stamp_as_json(window.closed),
        "updated": stamp_as_json(report.updated),
    }


def _where(window: Window) -> dict[str, Any]:
    return {"vantages": _names(window.vantages), "vantages_fine": _names(window.vantages_fine)}


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "since": stamp_as_json(stage.since),
        "kind": stage.kind,
        "reach": stage.reach,
        "status": stage.status,
    }


def _evidence(item: Evidence) -> dict[str, Any]:
    return {
        "vantage": plain(item.vantage, NAME),
        "check": plain(item.check_id, 4 * NAME),
        "at": stamp_as_json(item.at),
        "layer": item.layer,
        "reason": item.reason,
        "message": plain(item.message, MESSAGE),
    }


def _note(note: Note) -> dict[str, Any]:
    return {
        "at": stamp_as_json(note.at),
        "author": plain(note.author, NAME),
        "text": prose(note.text, NOTE),
        "changes": {plain(key, NAME): plain(value, NAME) for key, value in note.changes},
    }


def _names(names: tuple[str, ...]) -> list[str]:
    return [plain(name, NAME) for name in names]
