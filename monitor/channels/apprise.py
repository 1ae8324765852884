"""apprise: a letter through any of the 170 services that Apprise knows.

One URL, as Apprise's manual writes it for the service, and one recipient in it::

    name: slack-oncall
    channel: apprise
    url: slack://${SLACK_TOKENS}/#oncall

``url`` is a secret as a whole. ``timeout`` (15 s) holds for all that happens,
but a thread cannot be ended: Apprise's own limits (``cto`` and ``rto`` in the
URL, 4 s each) end what goes on after it. So a letter that was called late may
still have arrived, and is then sent again.

Title and plain text go out; Apprise turns them into what the service takes. It
follows no redirects, writes no files, and refers to no pictures elsewhere. Of
its log only an HTTP status is used, the rest may hold what servers said.

Apprise says yes or no: with a status it found out, that decides (3xx and 4xx
are for good, but 408, 425 and 429), everything else may pass. A URL that it
does not understand is for good. With several recipients in one URL a no says
that one of them was not reached, and the next try reaches the others again: use
one channel for each. Neither an idempotency key nor a thread is known to it.
The check sees whether the URL is understood; nothing is asked of the service.

Rides on the service that the URL's scheme names: tgram on telegram, slack on
slack, discord, whatsapp (whapi and evolution too), signal, line, threema,
viber, x, zoom, wechat; workflows on teams, gchat on google-chat, o365 on
outlook, fcm on fcm-push, bark and prowl on imessage-push, matrix on matrix-org
where that is the server, mailto on the provider of its domain. Others may lead
through networks of their own: say so with ``rides_on``.

Sources: appriseit.com/services (URLs), apprise 2.2 (AppriseAsset, results).
"""

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Annotated, ClassVar, TypeVar
from urllib.parse import urlsplit

import aiohttp
from pydantic import AfterValidator, SecretStr
from typing_extensions import override

from monitor.domain.alert import ChannelFailed, ChannelSettings, Letter
from monitor.domain.mailboxes import mail_carrier
from monitor.domain.settings import Secret
from monitor.domain.words import Event, Severity
from monitor.net.api import Patience, Reply

_SCHEME = re.compile(r"([a-z0-9]{1,20})://\S", re.IGNORECASE)
_STATUS = re.compile(r"\berror\s*[=:]\s*([1-5][0-9][0-9])\b")
_RIDES: Mapping[str, str] = {
    "azure": "outlook",
    "bark": "imessage-push",
    "discord": "discord",
    "evolution": "whatsapp",
    "fcm": "fcm-push",
    "gchat": "google-chat",
    "line": "line",
    "o365": "outlook",
    "prowl": "imessage-push",
    "signal": "signal",
    "slack": "slack",
    "tgram": "telegram",
    "threema": "threema",
    "tweet": "x",
    "twitter": "x",
    "viber": "viber",
    "wechat": "wechat",
    "wecom": "wechat",
    "wecombot": "wechat",
    "whapi": "whatsapp",
    "whatsapp": "whatsapp",
    "workflow": "teams",
    "workflows": "teams",
    "x": "x",
    "zoom": "zoom",
}
"""Scheme, without the s of its encrypted twin -> service of the catalogue."""
_HOSTED = frozenset(
    (
        *("apprise", "form", "gotify", "hassio", "json", "mailto", "matrix", "mmost"),
        *("mqtt", "nctalk", "rocket", "rsyslog", "signal", "xml"),
    )
)
"""Schemes whose URL begins with a host; in others a token stands there."""
_KINDS: Mapping[Severity, str] = {
    Severity.CRITICAL: "failure",
    Severity.MAJOR: "failure",
    Severity.MINOR: "warning",
}
_AT_ONCE = 4
"""Threads of one channel: those that hang for ever, at a server that never ends its answer, keep their place."""
_T = TypeVar("_T")
Notify = Callable[[str, str, str], tuple[bool, Iterable[str]]]
"""Title, text and kind -> whether it was taken, and the lines of the log."""


def _check_url(value: SecretStr) -> SecretStr:
    if not _SCHEME.match(value.get_secret_value()) or not value.get_secret_value().isprintable():
        raise ValueError("not a URL such as slack://tokens")
    return value


class AppriseSettings(ChannelSettings):
    """Settings of the apprise channel."""

    url: Annotated[Secret, AfterValidator(_check_url)]
    timeout: Patience = 15.0

    @property
    def scheme(self) -> str:
        """The service's name in Apprise's words."""
        return self.url.get_secret_value().partition("://")[0].lower()

    @property
    def _plain_scheme(self) -> str:
        known = {*_RIDES, *_HOSTED}
        return self.scheme if self.scheme in known else self.scheme.removesuffix("s")

    @property
    def _host(self) -> str:
        """The host, where one stands in the URL and nothing else."""
        if self._plain_scheme not in _HOSTED:
            return ""
        try:
            host = urlsplit(self.url.get_secret_value()).hostname or ""
        except ValueError:
            return ""
        return host if "." in host or host == "localhost" else ""

    @property
    @override
    def known_rides(self) -> tuple[str, ...]:
        host, scheme = self._host, self._plain_scheme
        if scheme == "mailto":
            ride = mail_carrier(host)
        elif scheme == "matrix":
            ride = "matrix-org" if host.endswith("matrix.org") else None
        else:
            ride = _RIDES.get(scheme)
        return (ride,) if ride else ()

    @property
    @override
    def place(self) -> str:
        return f"{self.scheme} {self._host}".rstrip()


class AppriseChannel:
    """See the module's docstring."""

    settings_type: ClassVar[type[ChannelSettings]] = AppriseSettings

    def __init__(self, settings: AppriseSettings, session: aiohttp.ClientSession) -> None:
        del session  # Apprise has its own
        self._settings = settings
        self._notify: Notify | None = None
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def send(self, letter: Letter) -> str:
        """Have Apprise notify, in a thread."""
        title, _, rest = letter.text.partition("\n")
        kind = "success" if letter.event is Event.CLOSED else _KINDS[letter.severity]
        told = (title, rest.strip() or title, "info" if letter.event is Event.TEST else kind)
        try:
            async with asyncio.timeout(self._settings.timeout):
                is_taken, log = await self._beside(lambda: self._prepared()(*told))
        except TimeoutError:
            raise ChannelFailed("it did not answer in time") from None
        if not is_taken:
            raise _failure(log)
        return ""

    async def check(self) -> None:
        """Whether Apprise understands the URL."""
        await self._beside(self._prepared)

    async def _beside(self, work: Callable[[], _T]) -> _T:
        """What ``work`` makes in a thread that no other part of us shares, and that the end of the process ends."""
        await self._room.acquire()
        answer: Future[_T] = Future()
        answer.set_running_or_notify_cancel()
        loop = asyncio.get_running_loop()
        threading.Thread(target=_work, args=(work, answer), name="apprise", daemon=True).start()
        answer.add_done_callback(lambda _: loop.is_closed() or loop.call_soon_threadsafe(self._room.release))
        return await asyncio.wrap_future(answer)

    def _prepared(self) -> Notify:
        """In a thread: the first use imports Apprise and its plugins, which takes a second."""
        if self._notify is None:
            self._notify = _open(self._settings.url.get_secret_value())
        return self._notify


def _work(work: Callable[[], _T], answer: "Future[_T]") -> None:
    try:
        answer.set_result(work())
    except Exception as error:  # noqa: BLE001  # whatever it is, who waits for it learns it
        answer.set_exception(error)


def _open(url: str) -> Notify:
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType, PersistentStoreMode  # noqa: PLC0415  # slow

    _silence()
    # Without a limit of its own it stays in our thread; ours ends the waiting.
    asset = AppriseAsset(storage_mode=PersistentStoreMode.MEMORY, service_timeout=0, allow_templates=False)
    asset.app_id, asset.app_desc, asset.app_url = "lastseen", "lastseen", ""
    asset.image_url_mask = asset.image_url_logo = ""
    asset.async_mode = asset.http_redirects = asset.pgp_autogen = asset.pem_autogen = False
    service = Apprise.instantiate(url, asset=asset)
    if service is None:
        raise ChannelFailed("Apprise does not understand the URL", permanent=True)
    apprise = Apprise(service, asset=asset)

    def notify(title: str, body: str, kind: str) -> tuple[bool, Iterable[str]]:
        result = apprise.notify(body=body, title=title, notify_type=NotifyType(kind), body_format=NotifyFormat.TEXT)
        return bool(result), [entry.message for entry in result.logs()]

    return notify


def _silence() -> None:
    """Keep what Apprise and its HTTP client log from everybody: it may hold tokens, and what servers said."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    if not logger.handlers:  # without any, the library's last resort writes to stderr
        logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.WARNING)  # what the result repeats
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def _failure(log: Iterable[str]) -> ChannelFailed:
    for line in log:
        found = _STATUS.search(line)
        if found:
            return Reply(status=int(found[1]), retry_after=None).refusal()
    return ChannelFailed("Apprise could not hand it over")
