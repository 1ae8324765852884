"""Style, script and pictures of the pages, read once and kept in memory with their compressed forms."""

import mimetypes
from importlib.resources import files

from aiohttp import web
from multidict import CIMultiDict

from monitor.web.cache import Answer, compress
from monitor.web.door import HEADERS

_CONTROL = "max-age=300"
"""Seconds until a browser asks whether there is another version."""


class Assets:
    """What lies in the folder ``static`` of this package."""

    def __init__(self) -> None:
        self._answers = {
            file.name: _answer(file.name, file.read_bytes())
            for file in (files("monitor.web") / "static").iterdir()
            if file.is_file()
        }

    async def get(self, request: web.Request) -> web.Response:
        """One of them by its name."""
        answer = self._answers.get(request.match_info["name"])
        if answer is None:
            raise web.HTTPNotFound
        return answer.reply(request)


def _answer(name: str, body: bytes) -> Answer:
    kind, _ = mimetypes.guess_type(name)
    headers = {"Content-Type": kind or "application/octet-stream", "Cache-Control": _CONTROL, "Vary": "Accept-Encoding"}
    if kind is not None and kind.startswith("text/"):
        headers["Content-Type"] += "; charset=utf-8"
    return Answer(body, compress(body), CIMultiDict({**headers, **HEADERS}))
