"""What the formats are tried on: windows as they were, and windows full of what servers and people might send."""

from hypothesis import strategies as st

from monitor.domain.outage import Evidence, Note, Stage, Window
from monitor.domain.words import Breadth, Cause, Kind, Layer, Reach, Reason, Status
from monitor.formats.edition import Edition
from monitor.formats.report import Report, report
from tests.support.windows import (
    NOW,
    a_note,
    acme_planned,
    at,
    meta_2021,
    signal_open,
    telegram_recovering,
    whatsapp_2022,
)

EDITION = Edition(now=NOW, site="fra-1", base="https://status.example", titles={"whatsapp": "WhatsApp"})


def realistic() -> list[Report]:
    """One of each: planned, open, recovering, over with notes, over and wide."""
    window = whatsapp_2022()
    correction = a_note(
        window,
        at=at("2022-10-27T08:00:00"),
        author="li",
        text="Groups only at first, says our support.",
        changes=(("kind", "intermittent"),),
    )
    return [
        report(acme_planned()),
        report(signal_open()),
        report(telegram_recovering()),
        report(window, [correction, a_note(window)]),
        report(meta_2021()),
    ]


NASTY = (
    *(
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "\uff1d1",
        '"quoted", and; more',
        "'",
        "\r\nX:1",
        "a\nb\n\n\nc",
    ),
    *("BEGIN:VEVENT\r\nEND:VCALENDAR", "\\n\\;\\,", "<script>alert(1)</script>", "]]>", "&amp;&#0;", "<!--", "é" * 80),
    *("😀" * 300, "\x00\x07\x1b[31m\x7f\x85", "\u202egnp.exe", "\ud800", "\ufffe\uffff", "\u2028\u2029", "x" * 5000),
    *("| a | b |", "`code`", "[link](javascript:alert(1))", "![x](http://evil.example/x)", "www.evil.example", ""),
    *("http://evil.example", "a@evil.example", "# h", "1. one", "~~gone~~", "**bold** _it_", "&lt;b&gt;", "\\|", "\\"),
)
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=())), st.binary().map(repr))
_MOMENTS = st.floats(1.0, 4e9)
_EVIDENCE = st.builds(
    Evidence,
    vantage=TEXTS,
    check_id=TEXTS,
    at=_MOMENTS,
    layer=st.none() | st.sampled_from(list(Layer)),
    reason=st.none() | st.sampled_from(list(Reason)),
    message=TEXTS,
)
_STAGES = st.builds(
    Stage,
    since=_MOMENTS,
    kind=st.sampled_from(list(Kind)),
    reach=st.sampled_from(list(Reach)),
    status=st.sampled_from(list(Status)),
)
_NAMES = st.lists(TEXTS, max_size=3).map(tuple)
_WINDOWS = st.builds(
    Window,
    id=TEXTS,
    target=TEXTS,
    provider=TEXTS,
    services=_NAMES,
    components=_NAMES,
    breadth=st.sampled_from(list(Breadth)),
    reach=st.sampled_from(list(Reach)),
    kind=st.sampled_from(list(Kind)),
    layer=st.none() | st.sampled_from(list(Layer)),
    reason=st.none() | st.sampled_from(list(Reason)),
    cause=st.sampled_from(list(Cause)),
    status=st.sampled_from(list(Status)),
    start=_MOMENTS,
    start_after=st.none() | _MOMENTS,
    end=st.none() | _MOMENTS,
    end_after=st.none() | _MOMENTS,
    opened=_MOMENTS,
    closed=st.none() | _MOMENTS,
    vantages=_NAMES,
    vantages_fine=_NAMES,
    unaffected=_NAMES,
    stages=st.lists(_STAGES, max_size=2).map(tuple),
    evidence=st.lists(_EVIDENCE, max_size=3).map(tuple),
    planned_until=st.none() | _MOMENTS,
    absorbed_by=st.just(""),
    sentence=TEXTS,
)
_CHANGES = st.lists(
    st.tuples(st.sampled_from(["kind", "reach", "cause", "planned", "outage"]) | TEXTS, TEXTS | st.just("no")),
    max_size=2,
)
_NOTES = st.builds(Note, window_id=st.just(""), at=_MOMENTS, author=TEXTS, text=TEXTS, changes=_CHANGES.map(tuple))
HOSTILE = st.lists(st.builds(report, _WINDOWS, st.lists(_NOTES, max_size=2)), max_size=3)
EDITIONS = st.builds(Edition, now=_MOMENTS, site=TEXTS, base=st.just("https://status.example"))
