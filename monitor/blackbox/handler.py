"""``GET /probe``: parameters in, one probe's metrics out."""

import math
from collections.abc import Mapping

from aiohttp import web

from monitor.blackbox.allow import Allowance
from monitor.blackbox.debug import report
from monitor.blackbox.metrics import render
from monitor.blackbox.modules import BUILT_IN, Module, Modules
from monitor.blackbox.prober import NotAllowedError, Prober, Request
from monitor.domain.ports import Clock
from monitor.domain.settings import Endpoint
from monitor.domain.text import shown
from monitor.net.network import Network

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_SCRAPE_TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
_LONGEST = 120.0  # seconds; also what holds without the header
_OFFSET = 0.5  # seconds for the way back
_DEFAULT_MODULE = "http_2xx"
_LENGTHS: Mapping[str, int] = {"target": 2048, "module": 200, "hostname": 260, "debug": 10}


class Blackbox:
    """The endpoint and the modules that it offers at present."""

    def __init__(self, network: Network, clock: Clock, max_at_once: int) -> None:
        self._prober = Prober(network, clock)
        self._max_at_once = max_at_once
        self._at_once = 0
        self._modules: Modules = BUILT_IN
        self._allowance = Allowance()

    def use(self, modules: Modules, allow: tuple[str, ...] | None) -> None:
        """Offer these from now on; ``allow`` are the patterns of targets, None for any."""
        self._modules = modules
        self._allowance = Allowance(allow)

    def routes(self) -> list[web.RouteDef]:
        """What the web server adds to its own."""
        return [web.get("/probe", self._answer, allow_head=False)]

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            asked = self._read(request)
        except ValueError as error:
            return web.Response(text=f"{error}\n", status=400)
        if self._at_once >= self._max_at_once:
            return web.Response(text="too many probes at once\n", status=503)
        self._at_once += 1
        try:
            probed = await self._prober.probe(asked, self._allowance)
        except NotAllowedError as error:
            return web.Response(text=f"web.probe_allow does not let /probe go to {shown(str(error))}\n", status=403)
        finally:
            self._at_once -= 1
        metrics = render(probed)
        if request.query.get("debug") == "true":
            return web.Response(text=report(asked, probed, metrics), content_type="text/plain", charset="utf-8")
        return web.Response(body=metrics.encode(), headers={"Content-Type": _TEXT})

    def _read(self, request: web.Request) -> Request:
        """The request's parameters. Raises ValueError with the text for the scraper."""
        for name, longest in _LENGTHS.items():
            if len(request.query.get(name, "")) > longest:
                raise ValueError(f"The parameter {name} is longer than {longest} characters")
        name = request.query.get("module") or _DEFAULT_MODULE
        module = self._modules.get(name)
        if module is None:
            raise ValueError(f"Unknown module {shown(name)}")
        target = request.query.get("target", "")
        if not target:
            raise ValueError("Target parameter is missing")
        timeout = _timeout(module, request.headers.get(_SCRAPE_TIMEOUT, ""))
        return Request(module=module, target=target, hostname=_hostname(request), timeout=timeout)


def _hostname(request: web.Request) -> str:
    hostname = request.query.get("hostname", "")
    if hostname:
        try:
            Endpoint.parse(hostname, 80)
        except ValueError as error:
            raise ValueError(f"Not a hostname: {shown(hostname)}") from error
    return hostname


def _timeout(module: Module, header: str) -> float:
    """Seconds: the scrape's less the way back, and never more than the module's. Raises ValueError."""
    try:
        given = float(header) if header else 0.0
    except ValueError:
        given = math.nan
    if not math.isfinite(given):
        raise ValueError(f"Failed to parse the timeout from the header {_SCRAPE_TIMEOUT}")
    longest = min(given or _LONGEST, _LONGEST) - _OFFSET
    if longest < 0 or 0 < module.timeout < longest:
        return module.timeout or _OFFSET
    return longest
