import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from monitor.domain.attempt import Attempt, Failure
from monitor.domain.check import Check
from monitor.domain.settings import Endpoint, Route
from monitor.domain.words import Fact, Layer, Outcome, Reason
from monitor.net.network import Network
from monitor.net.resolve import NameServers
from monitor.net.second import SecondResolver
from tests.support.fakes import FakeSettings, a_check
from tests.support.scripted import scripted_udp
from tests.support.servers import free_port

NAME, A = "w.acme.net", "w.acme.net A"
FOUND, NOT_FOUND, UNKNOWN = {Fact.DNS_ELSEWHERE: True}, {Fact.DNS_ELSEWHERE: False}, dict[Fact, bool]()


class Elsewhere:
    """A resolver that knows some questions, and what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {A: ["192.0.2.1"], **answers}
        self.asked: list[str] = []

    def __call__(self, wire: bytes) -> list[bytes]:
        query = dns.message.from_wire(wire)
        (asked,) = query.question
        question = f"{asked.name.to_text(omit_final_dot=True)} {dns.rdatatype.to_text(asked.rdtype)}"
        self.asked.append(question)
        answer = self.answers.get(question, dns.rcode.NXDOMAIN)
        if answer is None:
            return []
        reply = dns.message.make_response(query)
        if isinstance(answer, list):
            reply.answer = [dns.rrset.from_text(asked.name, 60, "IN", asked.rdtype, *answer)] if answer else []
        else:
            reply.set_rcode(answer)
        return [reply.to_wire()]


class World:
    """A second resolver in use."""

    def __init__(self, second: SecondResolver, elsewhere: Elsewhere) -> None:
        self.second = second
        self.elsewhere = elsewhere
        self.now = 1000.0

    async def opinion(
        self, question: str | None = A, *, patience: float = 5.0, check: Check | None = None, **failure: Any
    ) -> dict[Fact, Any]:
        """Of an attempt that failed with NXDOMAIN, if nothing else is said."""
        attempt = Attempt(
            check_id="s/c/t/fake",
            started=0.0,
            duration=0.1,
            outcome=Outcome.FAILED,
            phases={},
            facts={} if question is None else {Fact.DNS_QUESTION: question},
            failure=Failure(**{"layer": Layer.DNS, "reason": Reason.NXDOMAIN, "message": "no", **failure}),
        )
        return dict(await self.second.opinion(check or a_check(), attempt, self.now + patience))


@asynccontextmanager
async def world(
    elsewhere: Elsewhere | None = None, *, system: Callable[[int], int] = lambda port: 1
) -> AsyncIterator[World]:
    """``system`` makes the port of the system's name server out of that of the second."""
    elsewhere = elsewhere or Elsewhere()
    async with scripted_udp(elsewhere) as port, asyncio.TaskGroup() as tasks:
        servers = NameServers((("127.0.0.1", system(port)),))
        made = World(SecondResolver(Network(lambda: made.now, time.time), lambda: servers), elsewhere)
        made.second.use(tasks)
        made.second.replace(Endpoint(host="127.0.0.1", port=port))
        yield made


async def test_a_name_that_has_records_elsewhere_is_well() -> None:
    async with world() as its:
        assert await its.opinion() == FOUND


@pytest.mark.parametrize("answer", [dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL, []], ids=["nxdomain", "servfail", "empty"])
async def test_a_name_that_has_none_elsewhere_either_is_broken_itself(answer: Any) -> None:
    async with world(Elsewhere(**{A: answer})) as its:
        assert await its.opinion() == NOT_FOUND


@pytest.mark.parametrize("rcode", [dns.rcode.REFUSED, dns.rcode.NOTIMP], ids=["refused", "notimp"])
async def test_a_resolver_that_will_not_serve_us_has_no_opinion(rcode: dns.rcode.Rcode) -> None:
    async with world(Elsewhere(**{A: rcode})) as its:
        assert await its.opinion() == UNKNOWN


async def test_a_resolver_that_is_not_there_has_no_opinion() -> None:
    async with world() as its:
        its.second.replace(Endpoint(host="127.0.0.1", port=free_port()))
        assert await its.opinion() == UNKNOWN


async def test_the_type_that_failed_is_the_one_that_is_asked_for() -> None:
    async with world(Elsewhere(**{"acme.net MX": ["10 mail.acme.net."]})) as its:
        assert await its.opinion("acme.net MX") == FOUND
        assert await its.opinion("w.acme.net AAAA") == NOT_FOUND
        assert its.elsewhere.asked == ["acme.net MX", "w.acme.net AAAA"]


async def test_one_name_is_asked_for_once_in_a_while_however_much_fails_for_it() -> None:
    async with world() as its:
        assert await asyncio.gather(*(its.opinion() for _ in range(100))) == [FOUND] * 100
        its.now += 29
        assert await its.opinion() == FOUND
        assert its.elsewhere.asked == [A]
        its.elsewhere.answers[A] = dns.rcode.NXDOMAIN
        its.now += 2
        assert await its.opinion() == NOT_FOUND
        assert its.elsewhere.asked == [A, A]


async def test_when_everything_fails_at_once_a_part_of_it_is_asked_for() -> None:
    async with world() as its:
        opinions = await asyncio.gather(*(its.opinion(f"w{number}.acme.net A") for number in range(500)))
        assert opinions == [NOT_FOUND] * 100 + [UNKNOWN] * 400
        its.now += 31
        assert await its.opinion() == FOUND


async def test_nobody_waits_beyond_the_attempts_deadline_and_the_next_attempt_has_the_opinion() -> None:
    async with world() as its:
        began = time.monotonic()
        assert await its.opinion(patience=-1.0, reason=Reason.TIMEOUT) == UNKNOWN
        assert time.monotonic() - began < 0.1
        await asyncio.sleep(0.1)
        assert await its.opinion(patience=-1.0, reason=Reason.TIMEOUT) == FOUND
        assert its.elsewhere.asked == [A]


async def test_a_silent_resolver_is_waited_for_until_the_deadline_only() -> None:
    async with world(Elsewhere(**{A: None})) as its:
        began = time.monotonic()
        assert await its.opinion(patience=0.2) == UNKNOWN
        assert time.monotonic() - began == pytest.approx(0.2, abs=0.15)


async def test_somebody_who_stops_waiting_takes_the_opinion_from_nobody_else() -> None:
    async with world(Elsewhere(**{A: None})) as its:
        hurried = asyncio.ensure_future(its.opinion())
        await asyncio.sleep(0.05)
        hurried.cancel()
        its.elsewhere.answers[A] = ["192.0.2.1"]  # the question is asked again after 1.5 s
        assert await its.opinion() == FOUND


@pytest.mark.parametrize(
    "question",
    ["db.local A", "db A", "nas.home.arpa A", "Wiki.Corp.Internal A", "x.test AAAA", "a.localhost A"],
)
async def test_a_name_that_means_nothing_outside_never_leaves_the_house(question: str) -> None:
    async with world() as its:
        assert await its.opinion(question) == UNKNOWN
        assert its.elsewhere.asked == []


async def test_what_is_no_failure_of_a_name_is_not_asked_about() -> None:
    async with world() as its:
        assert await its.opinion(None) == UNKNOWN
        assert await its.opinion(layer=Layer.TCP, reason=Reason.TIMEOUT) == UNKNOWN
        assert await its.opinion(reason=Reason.SERIAL) == UNKNOWN
        assert its.elsewhere.asked == []


async def test_a_check_with_a_resolver_of_its_own_has_chosen_whom_to_believe() -> None:
    async with world() as its:
        check = a_check(settings=FakeSettings(route=Route(resolver="192.0.2.53")))
        assert await its.opinion(check=check) == UNKNOWN
        assert its.elsewhere.asked == []


async def test_the_systems_own_resolver_is_no_second_one() -> None:
    async with world(system=lambda port: port) as its:
        assert await its.opinion() == UNKNOWN
        assert its.elsewhere.asked == []


async def test_it_can_be_switched_off() -> None:
    async with world() as its:
        its.second.replace(None)
        assert await its.opinion() == UNKNOWN
        assert its.elsewhere.asked == []


@pytest.mark.parametrize(
    ("elsewhere", "opinion"),
    [(["198.51.100.9", "157.240.1.53"], FOUND), (["198.51.100.9"], UNKNOWN), (dns.rcode.NXDOMAIN, NOT_FOUND)],
    ids=["one of them", "none of them", "nothing"],
)
async def test_where_the_addresses_must_be_those_of_the_second_must_be_too(
    elsewhere: Any, opinion: dict[Fact, Any]
) -> None:
    async with world(Elsewhere(**{A: elsewhere})) as its:
        check = a_check(settings=FakeSettings(route=Route(networks=("157.240.0.0/16",))))
        assert await its.opinion(check=check, reason=Reason.FOREIGN_ADDRESS) == opinion
        assert await its.opinion(check=check) == opinion


async def test_the_same_name_is_asked_for_again_for_whom_expects_it_elsewhere() -> None:
    async with world() as its:
        check = a_check(settings=FakeSettings(route=Route(networks=("157.240.0.0/16",))))
        assert await its.opinion(check=check) == UNKNOWN
        assert await its.opinion() == FOUND
        assert its.elsewhere.asked == [A, A]
