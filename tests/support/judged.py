"""What a judgement decides, made up: windows and rulings for whoever keeps, reads or shows them."""

from typing import Any

from monitor.domain.outage import Evidence, Span, Stage, Transition, Window
from monitor.domain.ruling import Ruling
from monitor.domain.words import Breadth, Cause, Kind, Layer, Reach, Reason, State, Status, VantageState

T0 = 1_666_681_200.0


def a_window(number: int = 0, **changes: Any) -> Window:
    """An open window of ``s`` that began ``number`` hours after `T0`."""
    start = T0 + number * 3600
    return Window(
        **{
            "id": f"{number:08}-s",
            "target": "s.c",
            "provider": "p",
            "services": ("s",),
            "components": ("s.c",),
            "breadth": Breadth.COMPONENT,
            "reach": Reach.UNDETERMINED,
            "kind": Kind.TOTAL,
            "layer": Layer.TCP,
            "reason": Reason.REFUSED,
            "cause": Cause.PROVIDER,
            "status": Status.OPEN,
            "start": start,
            "start_after": start - 30.5,
            "end": None,
            "end_after": None,
            "opened": start + 6,
            "closed": None,
            "vantages": ("local",),
            "vantages_fine": (),
            "unaffected": ("other",),
            "stages": (Stage(since=start, kind=Kind.TOTAL, reach=Reach.UNDETERMINED, status=Status.OPEN),),
            "evidence": (some_evidence(start),),
            "planned_until": None,
            "absorbed_by": "",
            "sentence": "s: c is down, \u201ctotal\u201d.",
            **changes,
        }
    )


def closed(window: Window, after: float = 600.0) -> dict[str, Any]:
    """The changes that close a window ``after`` seconds."""
    end = window.start + after
    return {"status": Status.CLOSED, "end": end, "end_after": end - 30, "closed": end + 900}


def some_evidence(at: float) -> Evidence:
    """A refused connection."""
    return Evidence(
        vantage="local",
        check_id="s/c/t/fake",
        at=at,
        layer=Layer.TCP,
        reason=Reason.REFUSED,
        message="'no' \x00 \u2028",
    )


def a_transition(at: float, check_id: str = "s/c/t/fake", **changes: Any) -> Transition:
    """Down at ``at``, decided six seconds later."""
    return Transition(
        **{
            "check_id": check_id,
            "vantage": "local",
            "at": at,
            "after": at - 30,
            "decided": at + 6,
            "before": State.UP,
            "state": State.DOWN,
            "layer": Layer.TCP,
            "reason": Reason.REFUSED,
            **changes,
        }
    )


def a_span(start: float, end: float | None = None, vantage: str = "local") -> Span:
    """A vantage offline since ``start``."""
    return Span(vantage=vantage, state=VantageState.OFFLINE, start=start, end=end)


_LIFE = (Status.OPEN, Status.OPEN, Status.RECOVERING, Status.CLOSED)


def ruling(number: int) -> Ruling:
    """One of an endless row of rulings, each depending on ``number`` alone.

    Every window lives for four of them; one in ten is so large that it is
    written in many turns. The memory's ``number`` says which was the last.
    """
    at = T0 + number
    window = a_window(number // len(_LIFE), status=_LIFE[number % len(_LIFE)], sentence=f"as of {number}")
    keys = range(1000) if number % 10 == 9 else range(number % 7)
    return Ruling(
        at=at,
        windows=(window,),
        transitions=tuple(a_transition(at, f"s/c/t{index}/fake") for index in range(number % 4)),
        spans=(a_span(T0 + number // 5 * 5, at if number % 5 == 4 else None, f"v{number // 5 % 3}"),),
        memory=(
            ("number", str(number)),
            *((f"key {key}", "" if (number + key) % 11 == 0 else f"{number} {key}") for key in keys),
        ),
    )
