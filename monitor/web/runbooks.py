"""The runbooks of the alerts as pages: who is called at night follows a link, which must lead somewhere."""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from aiohttp import web
from markupsafe import Markup

from monitor.web.cache import cached
from monitor.web.pages import message, show
from monitor.web.reader import reader


def routes() -> list[web.RouteDef]:
    """Each runbook under the name that its alert links to."""
    return [web.get("/runbooks/{name}.md", cached(runbook, speaks=True))]


async def runbook(request: web.Request) -> web.Response:
    """The page of one runbook."""
    who, name = reader(request), request.match_info["name"]
    if name not in _names():
        return await message(request, who, "no_runbook", 404)
    return await show(request, who, "runbook.html", lambda: {"name": name, "runbook": _page(name)})


def runbook_folder() -> Path:
    """Where the runbooks are: beside the installed package, or ``docs/runbooks`` of a source checkout.

    Raises FileNotFoundError when there is neither.
    """
    package = Path(str(files("monitor")))
    for folder in (package / "runbooks", package.parent / "docs" / "runbooks"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no runbooks beside {package}")


@lru_cache
def _names() -> frozenset[str]:
    return frozenset(path.stem for path in runbook_folder().glob("*.md"))


@lru_cache
def _page(name: str) -> Markup:
    from markdown_it import MarkdownIt  # noqa: PLC0415  # a start need not wait for what few ever read

    text = (runbook_folder() / f"{name}.md").read_text(encoding="utf-8")
    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))  # noqa: S704  # our own file
