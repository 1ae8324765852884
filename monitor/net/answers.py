"""What a DNS answer must hold, and whether it does."""

import re
from collections.abc import Iterable
from typing import Annotated, Literal

import dns.exception
import dns.message
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
from pydantic import AfterValidator, Field

from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Settings, Strings
from monitor.domain.words import Layer, Reason
from monitor.net.ask import verdict


def _rcodes(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        try:
            dns.rcode.from_text(name)
        except (dns.exception.DNSException, ValueError) as error:
            raise ValueError(f"not an rcode: {name!r}; write NOERROR, NXDOMAIN, SERVFAIL, REFUSED ...") from error
    return tuple(name.upper() for name in names)


def _expressions(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
    return texts


def _values(texts: tuple[str, ...]) -> tuple[str, ...]:
    _expressions(tuple(text[1:-1] for text in texts if _is_expression(text)))
    return texts


def _is_expression(text: str) -> bool:
    return len(text) > 2 and text.startswith("/") and text.endswith("/")


Expressions = Annotated[Strings, AfterValidator(_expressions)]
Values = Annotated[Strings, AfterValidator(_values)]
"""Data of records, literally, or ``/expressions/`` between slashes."""


class Section(Settings):
    """Rules for one section of the answer: expressions searched in each record as one line of text.

    A line is ``name TTL class type data``, separated by tabs.
    """

    any: Expressions = ()
    """At least one record matches one of these."""
    every: Expressions = ()
    """There are records, and every one matches each of these."""
    none: Expressions = ()
    """No record matches any of these."""
    not_every: Expressions = ()
    """At least one record does not match one of these."""


class Serial(Settings):
    """What the zone's serial number must be (SOA; compared as RFC 1982 says)."""

    min: int = Field(ge=0, lt=2**32)


class DnsExpect(Settings):
    """What an answer must hold. Everything that is set must hold."""

    rcode: Annotated[Strings, AfterValidator(_rcodes)] = ("NOERROR",)
    answers: Values = ()
    """Each of these must be among the records of the type asked for."""
    any_of: Values = ()
    """At least one of these must be."""
    only: bool = False
    """No record may be there that neither ``answers`` nor ``any_of`` names."""
    min_answers: int | None = Field(default=None, ge=0)
    """So many records of the type asked for; default 1 when the rcode is NOERROR."""
    serial: Serial | None = None
    dnssec: Literal["authentic", "validate"] | None = None
    """The resolver must vouch for the answer (AD bit), or we validate it ourselves."""
    answer: Section = Section()
    authority: Section = Section()
    additional: Section = Section()


def lines(section: Iterable[dns.rrset.RRset]) -> list[str]:
    """One record a line: name, TTL, class, type, data, separated by tabs."""
    return ["\t".join(line.split(" ", 4)) for rrset in section for line in rrset.to_text().splitlines()]


def wanted(response: dns.message.Message, rdtype: str) -> list[dns.rdata.Rdata]:
    """The records of the answer that are of the type asked for."""
    kind = dns.rdatatype.from_text(rdtype)
    return [rdata for rrset in response.answer if kind in (rrset.rdtype, dns.rdatatype.ANY) for rdata in rrset]


def serial_of(response: dns.message.Message) -> int | None:
    """The serial number of the answer's SOA."""
    for rrset in response.answer:
        if rrset.rdtype == dns.rdatatype.SOA:
            return int(rrset[0].serial)
    return None


def check_answer(response: dns.message.Message, name: str, rdtype: str, expect: DnsExpect) -> None:
    """Raise ProbeFailed dns/* for the first expectation that does not hold."""
    rcode = dns.rcode.to_text(response.rcode())
    if rcode not in expect.rcode:
        failure = verdict(response.rcode(), name, rdtype)
        reason = Reason.RCODE if failure.reason is Reason.NO_ANSWER else failure.reason
        raise ProbeFailed(Layer.DNS, reason, f"{name} {rdtype}: {rcode}, expected {' or '.join(expect.rcode)}")
    records = wanted(response, rdtype)
    at_least = (rcode == "NOERROR") if expect.min_answers is None else expect.min_answers
    if len(records) < at_least:
        raise ProbeFailed(
            Layer.DNS, Reason.NO_ANSWER, f"{name}: {len(records)} {rdtype} records, expected {at_least:d}"
        )
    _check_values([_forms(record) for record in records], expect)
    _check_serial(serial_of(response), expect)
    for rules, section in (
        (expect.answer, response.answer),
        (expect.authority, response.authority),
        (expect.additional, response.additional),
    ):
        _check_section(rules, lines(section))


def _forms(record: dns.rdata.Rdata) -> set[str]:
    """The ways in which people write a record's data: names without the last dot, texts without quotes."""
    if record.rdtype == dns.rdatatype.TXT:
        return {record.to_text(), b"".join(record.strings).decode("utf-8", "replace")}  # type: ignore[attr-defined]  # Rdata of type TXT
    text = record.to_text()
    return {text.lower(), text.lower().rstrip("."), text}


def _matches(value: str, forms: set[str]) -> bool:
    if _is_expression(value):
        return any(re.search(value[1:-1], form) for form in forms)
    return value in forms or value.lower() in forms


def _check_values(records: list[set[str]], expect: DnsExpect) -> None:
    for value in expect.answers:
        if not any(_matches(value, forms) for forms in records):
            raise _answer(f"no record is {value}")
    named = (*expect.answers, *expect.any_of)
    if expect.any_of and not any(_matches(value, forms) for value in expect.any_of for forms in records):
        raise _answer(f"no record is any of {', '.join(expect.any_of)}")
    if expect.only and any(not any(_matches(value, forms) for value in named) for forms in records):
        raise _answer("there is a record that was not expected")


def _check_serial(serial: int | None, expect: DnsExpect) -> None:
    if expect.serial is None:
        return
    if serial is None:
        raise ProbeFailed(Layer.DNS, Reason.NO_ANSWER, "the answer holds no SOA record")
    if (serial - expect.serial.min) % 2**32 >= 2**31:
        raise ProbeFailed(Layer.DNS, Reason.SERIAL, f"the serial is {serial}, expected {expect.serial.min} or later")


def _check_section(rules: Section, records: list[str]) -> None:
    def hit(expression: str) -> list[bool]:
        return [re.search(expression, record) is not None for record in records]

    if rules.any and not any(any(hit(e)) for e in rules.any):
        raise _answer("no record matches what one must match")
    if rules.every and not (records and all(all(hit(e)) for e in rules.every)):
        raise _answer("a record does not match what every one must match")
    if any(any(hit(e)) for e in rules.none):
        raise _answer("a record matches what none may match")
    if rules.not_every and all(all(hit(e)) for e in rules.not_every):
        raise _answer("every record matches what not every one may match")


def _answer(message: str) -> ProbeFailed:
    return ProbeFailed(Layer.DNS, Reason.ANSWER, message)
