"""A second, independent resolver: is the name broken, or our resolver?

It is asked only when the system's resolver fails for a name, once for each
name in a while, beside the attempt that failed: that waits for the opinion no
longer than to its own deadline. What comes later is there for the next attempt,
which a confirmation makes two seconds later.

Over plain UDP, so whoever forges every DNS answer on our way makes both agree;
only another vantage can tell then (docs/decisions/0006).
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

import dns.message
import dns.rcode
import dns.rdatatype
import structlog

from monitor.domain.attempt import Attempt, Run
from monitor.domain.check import Check
from monitor.domain.failures import ProbeError
from monitor.domain.settings import Endpoint, Route
from monitor.domain.words import Fact, FactValue, Layer, Reason
from monitor.net.ask import make_query
from monitor.net.belonging import belongs
from monitor.net.network import Network
from monitor.net.resolve import NameServers

_REMEMBERED = 30.0
"""An opinion is that old at most (seconds): it outlives the longest deadline and the pause before a confirmation."""
_AT_MOST = 100
"""Names asked in that time. What fails for more is no matter of single names, and the answers cost somebody else."""
_OF_NAMES = (
    Reason.NXDOMAIN,
    Reason.SERVFAIL,
    Reason.REFUSED,
    Reason.RCODE,
    Reason.NO_ANSWER,
    Reason.TIMEOUT,
    Reason.FOREIGN_ADDRESS,
)
_PRIVATE = ("local", "internal", "home.arpa", "localhost", "test", "example", "invalid")
"""Names that mean nothing outside: RFC 6762, 8375, 6761, and ICANN's resolution of 29 July 2024 for .internal."""
_HAS_NONE = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL)
"""What a resolver says, without the records, of a name that is broken; anything else is its own trouble with us."""

_log = structlog.get_logger(__name__)


class _Question(NamedTuple):
    name: str
    rdtype: str
    networks: tuple[str, ...]
    """Where addresses in the answer must be."""


class _Asked(NamedTuple):
    at: float
    has_answer: asyncio.Task[bool | None]


class SecondResolver:
    """Asks another resolver what the ``system`` name servers failed to answer, unless it is one of these."""

    def __init__(self, network: Network, system: Callable[[], NameServers]) -> None:
        self._network = network
        self._system = system
        self._address: Endpoint | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._asked: dict[_Question, _Asked] = {}

    def use(self, tasks: asyncio.TaskGroup) -> None:
        """Ask in this task group from now on."""
        self._tasks = tasks

    def replace(self, address: Endpoint | None) -> None:
        """Ask there from now on; None: ask nobody."""
        if address != self._address:
            self._asked.clear()
        self._address = address

    async def opinion(self, check: Check, attempt: Attempt, until: float) -> Mapping[Fact, FactValue]:
        """``dns_elsewhere``, when the attempt failed for a name and that is known by ``until`` (monotonic)."""
        question = _question(check, attempt)
        if question is None or not _is_askable(check, attempt, question):
            return {}
        asked = self._ask_once(question)
        if asked is None:
            return {}
        await asyncio.wait((asked,), timeout=max(0.0, until - self._network.monotonic()))
        has_answer = asked.result() if asked.done() and not asked.cancelled() else None
        return {} if has_answer is None else {Fact.DNS_ELSEWHERE: has_answer}

    def _ask_once(self, question: _Question) -> asyncio.Task[bool | None] | None:
        now = self._network.monotonic()
        while self._asked and now - next(iter(self._asked.values())).at > _REMEMBERED:
            del self._asked[next(iter(self._asked))]
        known = self._asked.get(question)
        if known is not None:
            return known.has_answer
        address = self._address
        if self._tasks is None or address is None or len(self._asked) >= _AT_MOST:
            return None
        if (address.host, address.port) in self._system().addresses:
            return None
        asking = self._tasks.create_task(self._ask(question, address))
        self._asked[question] = _Asked(now, asking)
        return asking

    async def _ask(self, question: _Question, address: Endpoint) -> bool | None:
        run = Run(self._network.monotonic)
        try:
            query = make_query(run, question.name, question.rdtype)
            response = await self._network.exchange(run, query, Route(resolver=str(address)))
        except ProbeError:
            return None
        except Exception:  # noqa: BLE001  # a bug of ours costs an opinion, never the tasks beside it
            _log.exception("bug while asking the second resolver")
            return None
        return _has_answer(response, question)


def _question(check: Check, attempt: Attempt) -> _Question | None:
    text = attempt.facts.get(Fact.DNS_QUESTION)
    if not isinstance(text, str):
        return None
    name, _, rdtype = text.rpartition(" ")
    return _Question(name, rdtype, check.settings.route.networks)


def _is_askable(check: Check, attempt: Attempt, question: _Question) -> bool:
    failure = attempt.failure
    if failure is None or failure.layer is not Layer.DNS or failure.reason not in _OF_NAMES:
        return False
    return check.settings.route.resolver is None and _is_public(question.name)


def _is_public(name: str) -> bool:
    labels = name.lower().rstrip(".").split(".")
    return len(labels) > 1 and labels[-1] not in _PRIVATE and ".".join(labels[-2:]) not in _PRIVATE


def _has_answer(response: dns.message.Message, question: _Question) -> bool | None:
    wanted = dns.rdatatype.from_text(question.rdtype)
    found = [record for records in response.answer if records.rdtype == wanted for record in records]
    if not found:
        return False if response.rcode() in _HAS_NONE else None
    # Where it leads astray as well, the two agree, and nobody knows more than before.
    return True if belongs([record.to_text() for record in found], question.networks) else None
