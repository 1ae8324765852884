"""What the stand-ins share: settings that lead to them, and plain ways to answer."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.bending import Line
from tests.support.casting import Cast, Place, Serve

Way = Callable[[Path], tuple[Cast, ...]]
"""The casts of a kind, given the folder of the certificates."""
ACCOUNT: Mapping[str, Any] = {"username": "monitor", "password": "made-up"}


def at_place(place: Place, **more: Any) -> Mapping[str, Any]:
    """Settings of a probe that takes an address."""
    return {"address": f"{place.host}:{place.port}", **more}


def over_tls(place: Place, **more: Any) -> Mapping[str, Any]:
    return at_place(place, tls={"ca_file": place.ca_file}, **more)


def at_url(scheme: str, path: str, place: Place, **more: Any) -> Mapping[str, Any]:
    return {"url": f"{scheme}://{place.host}:{place.port}{path}", **more}


def replying(*script: tuple[bytes, bytes], first: bytes = b"", end: bytes = b"\r\n") -> Serve:
    """Say ``first``; then, to each request that begins with the first of a pair, the second, its tag put in."""

    async def serve(line: Line) -> None:
        line.write(first)
        while True:
            asked = await line.readuntil(end)
            for begin, answer in script:
                if found := re.match(begin, asked):
                    line.write(found.expand(answer) if found.groups() else answer)
                    break

    return serve


def saying(*data: bytes) -> Serve:
    """Say all of it at once, whatever is asked."""

    async def serve(line: Line) -> None:
        line.write(b"".join(data))
        while await line.read():
            pass

    return serve


def http_response(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join((b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *lines, b"", body))


async def http_request(line: Line) -> tuple[bytes, Mapping[bytes, bytes]]:
    """The target of a request, and its headers."""
    first, *rest = (await line.readuntil(b"\r\n\r\n")).split(b"\r\n")
    pairs = (field.partition(b": ") for field in rest)
    return first.split()[1], {name.lower(): value for name, _, value in pairs}


def http_site(pages: Mapping[bytes, bytes], otherwise: bytes = b"") -> Serve:
    async def serve(line: Line) -> None:
        while True:
            target, _ = await http_request(line)
            line.write(pages.get(target.partition(b"?")[0], otherwise))

    return serve


def http_json(document: Any) -> bytes:
    return http_response(json.dumps(document).encode(), b"Content-Type: application/json")
