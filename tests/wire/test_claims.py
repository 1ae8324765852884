"""Feeds of status pages, written here in the shapes that their sources give, and anything else."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.words import Claim
from monitor.wire.claims import FORMATS, LEVELS, Claimed, Wanted, read

ALL = Wanted()
NOON = 1_761_998_400.0  # 2025-11-01T12:00:00Z

# The shape of /api/v2/summary.json: the API page that every Atlassian Statuspage has.
ATLASSIAN: dict[str, Any] = {
    "page": {"id": "x", "name": "Example", "url": "https://status.example.org", "time_zone": "Etc/UTC"},
    "status": {"indicator": "minor", "description": "Partially Degraded Service"},
    "components": [
        {"id": "c1", "name": "API", "status": "operational"},
        {"id": "c2", "name": "Voice", "status": "partial_outage"},
        {"id": "c3", "name": "Search", "status": "major_outage"},
        {"id": "c4", "name": "Media", "status": "under_maintenance"},
    ],
    "incidents": [
        {
            "name": "Voice regions unreachable",
            "status": "identified",
            "impact": "minor",
            "created_at": "2025-11-01T08:00:00.000-04:00",
            "started_at": "2025-11-01T08:00:00.000-04:00",
            "components": [{"id": "c2", "name": "Voice", "status": "partial_outage"}],
            "incident_updates": [
                {"body": "We know why.", "status": "identified"},
                {"body": "We look.", "status": "investigating"},
            ],
        },
        {"name": "Old", "status": "resolved", "created_at": "2025-10-01T08:00:00Z", "incident_updates": []},
    ],
    "scheduled_maintenances": [
        {"name": "Soon", "status": "scheduled", "created_at": "2025-10-01T08:00:00Z", "components": [{"name": "API"}]}
    ],
}
# The shape of /api/v2.0.0/current: docs.slack.dev.
SLACK: dict[str, Any] = {
    "status": "active",
    "date_created": "2025-11-01T11:00:00-00:00",
    "active_incidents": [
        {
            "id": 1,
            "type": "notice",
            "title": "New terms",
            "status": "active",
            "date_created": "2025-11-01T04:00:00-07:00",
            "services": ["Apps/Integrations/APIs"],
            "notes": [],
        },
        {
            "id": 2,
            "type": "incident",
            "title": "Slow messages",
            "status": "active",
            "date_created": "2025-11-01T05:00:00-07:00",
            "services": ["Messaging", "Search"],
            "notes": [{"date_created": "2025-11-01T05:10:00-07:00", "body": "We are on it."}],
        },
        {"id": 3, "type": "outage", "title": "Over", "status": "resolved", "date_created": "", "services": []},
    ],
}
# The shape of incidents.json: incidents.schema.json of the Google Workspace status dashboard.
GOOGLE: list[Any] = [
    {
        "id": "a",
        "begin": "2025-11-01T12:00:00+00:00",
        "external_desc": "**Summary**\nMessages are late",
        "most_recent_update": {"status": "SERVICE_DISRUPTION", "text": "..."},
        "status_impact": "SERVICE_DISRUPTION",
        "severity": "medium",
        "service_name": "Google Chat",
        "affected_products": [{"title": "Google Chat", "id": "p1"}, {"title": "Gmail", "id": "p2"}],
    },
    {
        "id": "b",
        "begin": "2025-10-01T12:00:00+00:00",
        "end": "2025-10-01T13:00:00+00:00",
        "external_desc": "Over",
        "status_impact": "SERVICE_OUTAGE",
        "affected_products": [{"title": "Gmail", "id": "p2"}],
    },
    {
        "id": "c",
        "begin": "2025-11-01T12:30:00+00:00",
        "end": "",
        "external_desc": "Calls fail",
        "status_impact": "SERVICE_OUTAGE",
        "affected_products": [{"title": "Google Meet", "id": "p3"}],
    },
]
# The shape of /data/orgs.json: what programs that read it expect (it is not described anywhere).
META: list[Any] = [
    {
        "id": "whatsapp-business-api",
        "name": "WhatsApp Business Platform",
        "services": [
            {"id": 4, "name": "Cloud API", "status": "High disruptions", "time": "2025-11-01T12:00:00+0000"},
            {"id": 8, "name": "WhatsApp Flows", "status": "No known issues", "time": None},
        ],
        "rss_file_paths": ["outage-events-feed-whatsapp-business-api.rss"],
    },
    {"id": "graph-api", "name": "Graph API", "services": [{"id": 1, "name": "Platform", "status": "Low disruptions"}]},
]
# The shape of system_status_en_US.js: what programs that read it expect.
APPLE: dict[str, Any] = {
    "services": [
        {
            "serviceName": "iMessage",
            "redirectUrl": None,
            "events": [
                {
                    "messageId": "1",
                    "statusType": "Outage",
                    "eventStatus": "ongoing",
                    "message": "Users may be unable to send &amp; receive.",
                    "epochStartDate": NOON * 1000,
                    "epochEndDate": None,
                    "usersAffected": "Some users are affected",
                },
                {"statusType": "Issue", "eventStatus": "resolved", "message": "x", "epochStartDate": 1},
            ],
        },
        {"serviceName": "FaceTime", "redirectUrl": None, "events": []},
    ]
}
# The shape of /api/posts/m365Consumer: what programs that read it expect.
MICROSOFT: list[Any] = [
    {
        "Id": "1",
        "ServiceDisplayName": "Microsoft Teams Free",
        "Status": "ServiceDegradation",
        "Title": "Messages are late",
        "Message": "<div>We are <b>looking</b>.</div>",
        "AuthoredDateTime": "2025-11-01T12:00:00+00:00",
        "LastUpdatedTime": "2025-11-01T15:00:00.490309+00:00",
    },
    {"ServiceDisplayName": "Outlook.com", "Status": "Operational", "Title": "", "Message": "<div>Fine</div>"},
]
FEEDS = {
    "apple": APPLE,
    "atlassian": ATLASSIAN,
    "google": GOOGLE,
    "meta": META,
    "microsoft": MICROSOFT,
    "slack": SLACK,
}


def claim(form: str, feed: Any, **wanted: str) -> Claimed:
    return read(form, json.dumps(feed).encode(), Wanted(**wanted))


def test_the_levels_are_the_words_of_a_claim() -> None:
    assert tuple(Claim) == LEVELS


@pytest.mark.parametrize(
    ("component", "level", "text", "since"),
    [
        (None, "degraded", "Voice regions unreachable: We know why.", NOON),
        ("voice", "degraded", "Voice regions unreachable: We know why.", NOON),
        ("c3", "down", "major outage", None),
        ("Media", "maintenance", "under maintenance", None),
        ("API", "fine", "operational", None),
    ],
)
def test_a_statuspage(component: str | None, level: str, text: str, since: float | None) -> None:
    wanted = {} if component is None else {"component": component}
    assert claim("atlassian", ATLASSIAN, **wanted) == Claimed(level=level, text=text, since=since)


@pytest.mark.parametrize(
    ("indicator", "level"),
    [
        ("none", "fine"),
        ("maintenance", "maintenance"),
        ("major", "degraded"),
        ("critical", "down"),
        ("new", "degraded"),
    ],
)
def test_the_indicator_of_a_statuspage(indicator: str, level: str) -> None:
    feed = {"status": {"indicator": indicator, "description": "Words"}, "components": [], "incidents": []}
    assert claim("atlassian", feed) == Claimed(level=level, text="Words")


@pytest.mark.parametrize(
    ("component", "level", "text", "since"),
    [
        (None, "degraded", "Slow messages: We are on it.", NOON),
        ("messaging", "degraded", "Slow messages: We are on it.", NOON),
        ("Apps/Integrations/APIs", "fine", "New terms", None),
        ("Calls", "fine", "", None),
    ],
)
def test_slack(component: str | None, level: str, text: str, since: float | None) -> None:
    wanted = {} if component is None else {"component": component}
    assert claim("slack", SLACK, **wanted) == Claimed(level=level, text=text, since=since)
    assert claim("slack", {"status": "ok", "active_incidents": []}) == Claimed(level="fine")


@pytest.mark.parametrize(
    ("product", "level", "text"),
    [
        (None, "down", "Calls fail"),
        ("google chat", "degraded", "**Summary** Messages are late"),
        ("p2", "degraded", "**Summary** Messages are late"),
        ("Calendar", "fine", ""),
    ],
)
def test_google_workspace(product: str | None, level: str, text: str) -> None:
    found = claim("google", GOOGLE, **({} if product is None else {"product": product}))
    assert (found.level, found.text) == (level, text)
    assert found.since == {"down": NOON + 1800, "degraded": NOON, "fine": None}[level]


@pytest.mark.parametrize(
    ("wanted", "level", "text"),
    [
        ({}, "down", "Cloud API: High disruptions"),
        ({"product": "graph-api"}, "degraded", "Platform: Low disruptions"),
        (
            {"product": "WhatsApp Business Platform", "component": "WhatsApp Flows"},
            "fine",
            "WhatsApp Flows: No known issues",
        ),
    ],
)
def test_meta(wanted: dict[str, str], level: str, text: str) -> None:
    found = claim("meta", META, **wanted)
    assert (found.level, found.text) == (level, text)
    assert found.since == (NOON if level == "down" else None)


def test_apple_in_json_and_in_jsonp() -> None:
    said = Claimed(level="down", text="iMessage: Users may be unable to send & receive.", since=NOON)
    assert claim("apple", APPLE) == claim("apple", APPLE, product="imessage") == said
    assert claim("apple", APPLE, product="FaceTime") == Claimed(level="fine")
    assert read("apple", b"jsonCallback(" + json.dumps(APPLE).encode() + b");\n", ALL) == said


def test_microsoft() -> None:
    said = Claimed(level="degraded", text="Messages are late: We are looking .", since=NOON)
    assert claim("microsoft", MICROSOFT) == claim("microsoft", MICROSOFT, product="Microsoft Teams Free") == said
    assert claim("microsoft", MICROSOFT, product="Outlook.com") == Claimed(level="fine")
    one = {"status": "Service Interruption", "TITLE": "Gone", "message": None}
    assert claim("microsoft", one) == Claimed(level="down", text="Gone")
    with pytest.raises(ValueError, match="does not know itself"):
        claim("microsoft", {**one, "status": "Unknown"})


def test_of_equally_bad_claims_the_oldest_counts() -> None:
    incident = {**SLACK["active_incidents"][1], "title": "Older", "date_created": "2025-11-01T04:00:00-07:00"}
    feed = {**SLACK, "active_incidents": [*SLACK["active_incidents"], incident]}
    assert claim("slack", feed).text.startswith("Older")


@pytest.mark.parametrize(
    ("form", "name"), [("atlassian", "component"), ("meta", "product"), ("apple", "product"), ("microsoft", "product")]
)
def test_a_name_that_the_feed_does_not_know_is_an_error(form: str, name: str) -> None:
    with pytest.raises(ValueError, match="does not know the product or component"):
        claim(form, FEEDS[form], **{name: "Nothing of that name"})


def test_texts_are_plain_short_and_of_one_line() -> None:
    feed = {"status": {"indicator": "none", "description": "a\n<b>b</b>\x1b[31m\u202e &lt;c&gt; " + "x" * 9000}}
    text = claim("atlassian", feed).text
    assert text.startswith("a b [31m <c> xxx")
    assert len(text) == 500
    assert text.endswith("...")


@pytest.mark.parametrize(
    ("when", "since"),
    [
        ("2025-11-01T12:00:00Z", NOON),
        ("2025-11-01T12:00:00", NOON),
        (NOON, NOON),
        (int(NOON * 1000), NOON),
        ("yesterday", None),
        (True, None),
        (-1, None),
        ("0001-01-01T00:00:00Z", None),
        (1e300, None),
        ([], None),
    ],
)
def test_moments(when: Any, since: float | None) -> None:
    (incident, *_) = GOOGLE
    assert claim("google", [{**incident, "begin": when}]).since == since


@pytest.mark.parametrize("form", sorted(FORMATS))
@pytest.mark.parametrize(
    "data", [b"", b"<html></html>", b"null", b"1", b'"x"', b'{"a": 1}', b"[1]", b"[[]]", b"[" * 60_000]
)
def test_what_is_no_feed_is_an_error(form: str, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|not a status feed|status that Slack"):
        read(form, data, ALL)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(feed: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to everything in ``feed``."""
    inner = feed.items() if isinstance(feed, dict) else enumerate(feed) if isinstance(feed, list) else ()
    return [path, *(place for key, value in inner for place in _places(value, (*path, key)))]


@settings(max_examples=400)
@given(st.data())
def test_any_mutation_of_a_feed_is_a_claim_or_a_value_error(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(sorted(FEEDS)))
    feed = json.loads(json.dumps(FEEDS[form]))
    *above, last = data.draw(st.sampled_from(_places(feed)[1:]))
    spot = feed
    for key in above:
        spot = spot[key]
    spot[last] = data.draw(JSON)
    for wanted in (ALL, Wanted(product="Gmail", component="Voice")):
        with contextlib.suppress(ValueError):
            found = read(form, json.dumps(feed).encode(), wanted)
            assert found.level in LEVELS
            assert len(found.text) <= 500


@settings(max_examples=200)
@given(st.binary(max_size=60), JSON, st.sampled_from(sorted(FEEDS)))
def test_anything_is_a_claim_or_a_value_error(noise: bytes, value: Any, form: str) -> None:
    for body in (noise, json.dumps(value).encode(), b"jsonCallback(" + noise + b");"):
        with contextlib.suppress(ValueError):
            read(form, body, ALL)
