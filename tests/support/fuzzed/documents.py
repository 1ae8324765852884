"""What is fetched by HTTP: pages, Matrix, and what providers say of themselves."""

import base64
import json
import time
import zlib
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.bending import Line
from tests.support.casting import Cast, Place
from tests.support.fuzzed.common import (
    Way,
    at_url,
    http_json,
    http_request,
    http_response,
    http_site,
    saying,
)


def _matrix_keys(server: str) -> Any:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    text = base64.b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")
    document = {
        "server_name": server,
        "valid_until_ts": int((time.time() + 3600) * 1000),
        "verify_keys": {"ed25519:1": {"key": text}},
    }
    signed = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    signature = base64.b64encode(key.sign(signed)).decode().rstrip("=")
    return {**document, "signatures": {server: {"ed25519:1": signature}}}


async def _federation(line: Line) -> None:
    while True:
        target, headers = await http_request(line)
        document: Any = {"server": {"name": "Synapse", "version": "1.163"}}
        line.write(http_json(document if target.endswith(b"version") else _matrix_keys(headers[b"host"].decode())))


_MATRIX = {
    b"/_matrix/client/versions": http_json({"versions": ["v1.1", "v1.12"], "unstable_features": {"a": True}}),
    b"/_matrix/client/v3/account/whoami": http_json({"user_id": "@monitor:example.org"}),
    b"/_matrix/client/v3/sync": http_json({"next_batch": "s1", "rooms": {}}),
}
_MISSING = json.dumps({"errcode": "M_MISSING_TOKEN", "error": "Missing access token"}).encode()
_MATRIX_ANONYMOUS = {**_MATRIX, b"/_matrix/client/v3/sync": http_response(_MISSING, status=b"401 Unauthorized")}

_ISO = "2025-11-01T10:00:00.000Z"
_FEEDS: Mapping[str, tuple[Any, Mapping[str, str]]] = {
    "atlassian": (
        {
            "page": {"id": "p"},
            "status": {"indicator": "major", "description": "Partial outage"},
            "components": [{"id": "c", "name": "Voice", "status": "major_outage"}],
            "incidents": [
                {
                    "name": "Voice &amp; <b>video</b>",
                    "status": "investigating",
                    "started_at": _ISO,
                    "created_at": _ISO,
                    "incident_updates": [{"body": "We look into it"}],
                    "components": [{"id": "c", "name": "Voice"}],
                }
            ],
            "scheduled_maintenances": [],
        },
        {"component": "Voice"},
    ),
    "slack": (
        {
            "status": "active",
            "active_incidents": [
                {
                    "type": "outage",
                    "title": "No messages",
                    "status": "active",
                    "date_created": _ISO,
                    "services": ["Messaging"],
                    "notes": [{"body": "We look into it"}],
                }
            ],
        },
        {"component": "Messaging"},
    ),
    "google": (
        [
            {
                "status_impact": "SERVICE_OUTAGE",
                "external_desc": "Chat is down",
                "begin": _ISO,
                "service_name": "Google Chat",
                "affected_products": [{"title": "Google Chat", "id": "x"}],
            }
        ],
        {"product": "Google Chat"},
    ),
    "meta": (
        [
            {
                "id": "o",
                "name": "WhatsApp",
                "services": [{"id": "s", "name": "API", "status": "Major disruptions", "time": 1_761_990_000}],
            }
        ],
        {"product": "WhatsApp", "component": "API"},
    ),
    "apple": (
        {
            "services": [
                {
                    "serviceName": "iMessage",
                    "events": [
                        {
                            "statusType": "Outage",
                            "message": "Users are affected",
                            "epochStartDate": 1_761_990_000_000,
                            "eventStatus": "ongoing",
                        }
                    ],
                }
            ]
        },
        {"product": "iMessage"},
    ),
    "microsoft": (
        [
            {
                "ServiceDisplayName": "Teams",
                "Status": "ServiceInterruption",
                "Title": "Teams",
                "Message": "Not there",
                "AuthoredDateTime": _ISO,
            }
        ],
        {"product": "Teams"},
    ),
}


def _feed(form: str) -> Cast:
    document, wanted = _FEEDS[form]
    body = json.dumps(document).encode()
    if form == "apple":
        body = b"jsonCallback(" + body + b");"

    def settings(place: Place) -> Mapping[str, Any]:
        return at_url("http", "/", place, format=form, **wanted)

    dear = (b"a()" + b" " * 100_000 + b"x", b"[" + b"[]," * 20_000 + b"[]]", b"<" * 100_000)
    return Cast(
        name=form,
        settings=settings,
        serve=http_site({}, http_response(body)),
        dear=tuple(http_site({}, http_response(page)) for page in dear),
    )


_CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nLast-Modified: Sat, 01 Nov 2025 10:00:00 GMT\r\n\r\n"
    b'8\r\n{"a": [1\r\n6;x=y\r\n, 2]} \r\n0\r\nX-End: yes\r\n\r\n'
)
_CHUNKS = _CHUNKED.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
_PAGES = {
    b"/": http_response(b"", b"Location: /there", status=b"302 Found"),
    b"/there": _CHUNKED,
    b"/packed": http_response(zlib.compress(b"hello you" * 100), b"Content-Encoding: deflate"),
}
_HTTP_DEAR = (
    saying(_CHUNKS + b"2\r\nab\r\n" * 400_000),
    saying(_CHUNKS + b"0\r\nX: " + b"y" * 1_500_000),
    saying(_CHUNKS + b"0\r\n" + b"X: y\r\n" * 200_000),
    saying(_CHUNKS + b"1;" + b"x" * 1_500_000),
    saying(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000 + b"\r\n"),
    saying(b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000),
    saying(http_response(zlib.compress(bytes(30_000_000)), b"Content-Encoding: deflate")),
    saying(http_response(b"[" + b"[]," * 20_000 + b"[]]", b"Last-Modified: " + b"1 " * 20_000)),
)


def _page(place: Place, scheme: str, path: str, **more: Any) -> Mapping[str, Any]:
    tls = {"tls": {"ca_file": place.ca_file}} if scheme == "https" else {}
    return at_url(scheme, path, place, **tls, **more)


def _http(scheme: str) -> tuple[Cast, ...]:
    tls = scheme == "https"
    json_is = {"expect": {"json": {"a[1]": 2}}, "follow_redirects": 3}
    packed = {"expect": {"body": "hello"}, "compression": "deflate"}
    site = http_site(_PAGES)
    return (
        Cast(
            name="redirect, chunks, JSON",
            settings=lambda place: _page(place, scheme, "/", **json_is),
            serve=site,
            inside_tls=tls,
            dear=() if tls else _HTTP_DEAR,
        ),
        Cast(
            name="compressed",
            settings=lambda place: _page(place, scheme, "/packed", **packed),
            serve=site,
            inside_tls=tls,
            dear=() if tls else _HTTP_DEAR,
        ),
    )


CASTS: dict[str, Way] = {
    "http": lambda _: _http("http"),
    "https": lambda _: _http("https"),
    "matrix": lambda _: (
        Cast(
            name="anonymous client",
            settings=lambda place: {"server": "example.org", "homeserver": f"http://{place}"},
            serve=http_site(_MATRIX_ANONYMOUS),
            dear=(http_site({}, http_response(b"[" + b"[]," * 21_000 + b"[]]")),),
        ),
        Cast(
            name="client",
            settings=lambda place: {
                "server": "example.org",
                "homeserver": f"https://{place}",
                "access_token": "made-up",
                "tls": {"ca_file": place.ca_file},
            },
            serve=http_site(_MATRIX),
            inside_tls=True,
            dear=(http_site({**_MATRIX, b"/_matrix/client/v3/sync": http_response(b"[" + b"[]," * 340_000 + b"[]]")}),),
        ),
        Cast(
            name="federation",
            settings=lambda place: {
                "server": str(place),
                "side": "federation",
                "tls": {"ca_file": place.ca_file},
            },
            serve=_federation,
            inside_tls=True,
        ),
    ),
    "statuspage": lambda _: tuple(_feed(form) for form in _FEEDS),
}
