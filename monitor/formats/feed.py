"""The feed by which monitors hear each other's attempts: written by one of them, read with suspicion by the others.

One page of it is a JSON object. ``vantage`` says who speaks, ``run`` is drawn
anew at every start, ``now`` is the writer's clock (Unix seconds) at the moment
of writing. ``attempts`` has a row for each, in the order in which they ended,
with the fields of ``columns``: sequence number (1 is the first of a run), check
id, begin (Unix seconds), duration (seconds), outcome, confirmation, layer,
reason, message; the last three are null where there is no failure. ``next`` is
the number to ask after for what follows, ``newest`` the number of the newest,
and ``lost`` tells that something between is not kept any more.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeVar

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Vantage
from monitor.domain.text import shown
from monitor.domain.words import Layer, Outcome, Reason
from monitor.formats.text import MESSAGE, plain

COLUMNS = ("sequence", "check", "started", "duration", "outcome", "confirmation", "layer", "reason", "message")
LARGEST = 1_000_000
"""Bytes that a page never has: whoever sends more is no monitor."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_COUNTRY = re.compile(r"(?:[A-Z]{2})?")
_RUN = re.compile(r"[0-9a-f]{1,64}")
_LINE = 100
_CHECK_ID = 2000
_LONGEST = 86_400.0
_LATEST = 1e12
_CONFIRMATIONS = 10
_OUTCOMES: Mapping[str, Outcome] = {str(word): word for word in Outcome}
_LAYERS: Mapping[str, Layer] = {str(word): word for word in Layer}
_REASONS: Mapping[str, Reason] = {str(word): word for word in Reason}
_Word = TypeVar("_Word", bound=StrEnum)

Made = tuple[str, float, float, Outcome, int, Failure | None]
"""Of an attempt what the feed tells: check id, begin, duration, outcome, confirmation, failure."""


class Unreadable(ValueError):
    """This is no page of a feed; the message says why."""


class UnknownWord(ValueError):
    """A row of a monitor that knows more words than this one."""


class Malformed(ValueError):
    """A row that no monitor writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer. Its rows are still as they came: `read_row` makes attempts of them."""

    vantage: Vantage
    run: str
    now: float
    next: int
    newest: int
    is_lost: bool
    rows: Sequence[Any]


def vantage_as_json(vantage: Vantage) -> dict[str, str]:
    """Who a vantage is, and where it stands."""
    return {name: text for name, text in asdict(vantage).items() if name != "resolver"}


def rows_as_json(first: int, made: Iterable[Made]) -> bytes:
    """Rows, the first of which has the number ``first``, with commas between them."""
    return json.dumps(
        [_row(number, one) for number, one in enumerate(made, first)], separators=(",", ":"), allow_nan=False
    )[1:-1].encode()


def page_as_json(page: Page, rows: Iterable[bytes]) -> bytes:
    """A page with the rows that `rows_as_json` gave (``page`` itself needs none)."""
    head = {
        "vantage": vantage_as_json(page.vantage),
        "run": page.run,
        "now": round(page.now, 6),
        "next": page.next,
        "newest": page.newest,
        "lost": page.is_lost,
        "columns": COLUMNS,
    }
    start = json.dumps(head, separators=(",", ":"))[:-1].encode()
    return b"".join((start, b',"attempts":[', b",".join(filter(None, rows)), b"]}\n"))


def read_page(body: bytes) -> Page:
    """What a page says. Raises Unreadable."""
    try:
        found = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"no JSON: {shown(str(error))}") from None
    if not isinstance(found, dict) or not isinstance(found.get("attempts"), list):
        raise Unreadable("no object with attempts in it")
    run, lost = found.get("run"), found.get("lost")
    if not isinstance(run, str) or not _RUN.fullmatch(run) or not isinstance(lost, bool):
        raise Unreadable("no run, or not told whether something was lost")
    place, newest = _whole(found.get("next")), _whole(found.get("newest"))
    if place is None or newest is None or place > newest:
        raise Unreadable("no whole numbers, next before newest")
    return Page(
        vantage=read_vantage(found.get("vantage")),
        run=run,
        now=_moment(found.get("now")),
        next=place,
        newest=newest,
        is_lost=lost,
        rows=found["attempts"],
    )


def read_vantage(found: object) -> Vantage:
    """Who somebody says to be. Raises Unreadable."""
    if not isinstance(found, dict):
        raise Unreadable("no vantage")
    texts = {name: found.get(name, "") for name in ("name", "region", "country", "network")}
    if not all(isinstance(text, str) and len(text) <= _LINE and text.isprintable() for text in texts.values()):
        raise Unreadable("a vantage whose name, region, country or network is no line of text")
    if not _NAME.fullmatch(texts["name"]) or not _COUNTRY.fullmatch(texts["country"]):
        raise Unreadable(f"a vantage that cannot be called {shown(texts['name'])}, or stand in such a country")
    return Vantage(**texts)


def read_row(row: object) -> tuple[int, Attempt]:
    """Number and attempt of one row. Raises Malformed or UnknownWord."""
    if not isinstance(row, list) or len(row) != len(COLUMNS):
        raise Malformed
    sequence, check_id, started, duration, outcome, confirmation, *failure = row
    number, again = _whole(sequence), _whole(confirmation)
    if number is None or again is None or again > _CONFIRMATIONS:
        raise Malformed
    if not isinstance(check_id, str) or len(check_id) > _CHECK_ID:
        raise Malformed
    attempt = Attempt(
        check_id=check_id,
        started=_seconds(started, _LATEST),
        duration=_seconds(duration, _LONGEST),
        outcome=_word(outcome, _OUTCOMES),
        phases={},
        facts={},
        failure=_failure(failure),
        confirmation=again,
    )
    if _contradicts_itself(attempt):
        raise Malformed
    return number, attempt


def _row(number: int, made: Made) -> tuple[Any, ...]:
    check_id, started, duration, outcome, confirmation, failure = made
    why = (failure.layer, failure.reason, plain(failure.message, MESSAGE)) if failure else (None, None, None)
    return (number, check_id, round(started, 6), round(duration, 6), outcome, confirmation, *why)


def _failure(found: Sequence[object]) -> Failure | None:
    layer, reason, message = found
    if reason is None:
        if layer is not None or message is not None:
            raise Malformed
        return None
    if not isinstance(message, str):
        raise Malformed
    return Failure(
        layer=None if layer is None else _word(layer, _LAYERS),
        reason=_word(reason, _REASONS),
        message=plain(message, MESSAGE),
    )


def _contradicts_itself(attempt: Attempt) -> bool:
    failure = attempt.failure
    if attempt.outcome is Outcome.OK:
        return failure is not None
    return failure is None or (attempt.outcome is Outcome.FAILED) is (failure.layer is None)


def _word(found: object, words: Mapping[str, _Word]) -> _Word:
    if not isinstance(found, str):
        raise Malformed
    known = words.get(found)
    if known is None:
        raise UnknownWord
    return known


def _whole(found: object) -> int | None:
    """A whole number that JSON can carry; True is none."""
    return found if type(found) is int and 0 <= found < 1 << 53 else None


def _seconds(found: object, most: float) -> float:
    if type(found) not in (int, float) or not isinstance(found, int | float) or not 0 <= found <= most:
        raise Malformed
    return float(found)


def _moment(found: object) -> float:
    try:
        return _seconds(found, _LATEST)
    except Malformed:
        raise Unreadable("no time of writing") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
