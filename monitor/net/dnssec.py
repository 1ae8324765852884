"""Whether an answer can be proven (RFC 4033-4035): signatures, keys and delegations up to a trust anchor.

What it does not prove: that a name or type does not exist (NSEC, NSEC3), and
that a wildcard was allowed to answer. Their signatures are verified like others.
"""

from collections.abc import Awaitable, Callable, Iterable

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.words import Layer, Reason
from monitor.net.anchors import parse_anchors
from monitor.net.ask import make_query

Ask = Callable[[dns.message.Message], Awaitable[dns.message.Message]]

_FLAGS = dns.flags.RD | dns.flags.CD
"""CD: a validating resolver hands over what it would refuse itself, so that the fault can be named."""


class Validator:
    """Validates one answer, asking the same name server for the keys and delegations it needs."""

    def __init__(self, run: Run, ask: Ask, anchors: Iterable[str], now: float) -> None:
        self._run = run
        self._ask = ask
        self._anchors = parse_anchors(anchors)
        self._now = now
        self._keys: dict[dns.name.Name, dns.rrset.RRset] = {}

    async def check(self, response: dns.message.Message) -> None:
        """Raise ProbeFailed dns/bogus unless the answer (when it is empty: the authority) is proven, each record."""
        section = response.answer or response.authority
        signed = [rrset for rrset in section if rrset.rdtype != dns.rdatatype.RRSIG]
        if not signed:
            raise _bogus("an answer without records proves nothing")
        for rrset in signed:
            if response.answer or rrset.rdtype != dns.rdatatype.NS:
                await self._verify(rrset, section)

    async def _verify(self, rrset: dns.rrset.RRset, section: list[dns.rrset.RRset]) -> None:
        signatures = _find(section, rrset.name, dns.rdatatype.RRSIG, rrset.rdtype)
        what = f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}"
        if signatures is None:
            raise _bogus(f"{what} is not signed")
        signer: dns.name.Name = signatures[0].signer
        if not rrset.name.is_subdomain(signer):
            raise _bogus(f"{what} is signed by {signer}, which is not above it")
        self._validate(rrset, signatures, await self._trusted(signer))

    def _validate(self, rrset: dns.rrset.RRset, signatures: dns.rrset.RRset, keys: dns.rrset.RRset) -> None:
        try:
            dns.dnssec.validate(rrset, signatures, {keys.name: keys}, now=self._now)
        except (dns.exception.ValidationFailure, dns.exception.UnsupportedAlgorithm) as error:
            what = f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}"
            raise _bogus(f"no valid signature of {what} ({error}){self._age(signatures)}") from error

    def _age(self, signatures: dns.rrset.RRset) -> str:
        if all(signature.expiration < self._now for signature in signatures):
            return ", all have expired"
        if all(signature.inception > self._now for signature in signatures):
            return ", none is valid yet"
        return ""

    async def _trusted(self, zone: dns.name.Name) -> dns.rrset.RRset:
        """The zone's keys, once they are proven by an anchor or by the delegation from above."""
        if zone in self._keys:
            return self._keys[zone]
        trusted = self._anchors.get(zone) or [await self._delegation(zone)]
        answer = await self._fetch(zone, dns.rdatatype.DNSKEY)
        keys = _find(answer, zone, dns.rdatatype.DNSKEY)
        signatures = _find(answer, zone, dns.rdatatype.RRSIG, dns.rdatatype.DNSKEY)
        if keys is None or signatures is None:
            raise _bogus(f"{zone} has no signed DNSKEY")
        anchored = [key for key in keys if any(_vouches(rrset, zone, key) for rrset in trusted)]
        if not anchored:
            raise _bogus(f"no key of {zone} is the one that its delegation or trust anchor names")
        self._validate(keys, signatures, dns.rrset.from_rdata_list(zone, 0, anchored))
        self._keys[zone] = keys
        return keys

    async def _delegation(self, zone: dns.name.Name) -> dns.rrset.RRset:
        if zone == dns.name.root:
            raise _bogus("no trust anchor covers the name")
        answer = await self._fetch(zone, dns.rdatatype.DS)
        delegation = _find(answer, zone, dns.rdatatype.DS)
        signatures = _find(answer, zone, dns.rdatatype.RRSIG, dns.rdatatype.DS)
        if delegation is None or signatures is None:
            raise _bogus(f"{zone} has no signed delegation (DS) and no trust anchor")
        parent: dns.name.Name = signatures[0].signer
        if parent == zone or not zone.is_subdomain(parent):
            raise _bogus(f"the delegation of {zone} is signed by {parent}, which is not above it")
        self._validate(delegation, signatures, await self._trusted(parent))
        return delegation

    async def _fetch(self, zone: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> list[dns.rrset.RRset]:
        query = make_query(self._run, zone.to_text(), dns.rdatatype.to_text(rdtype), flags=_FLAGS)
        query.want_dnssec()
        return (await self._ask(query)).answer


def _find(
    section: list[dns.rrset.RRset],
    name: dns.name.Name,
    rdtype: dns.rdatatype.RdataType,
    covers: dns.rdatatype.RdataType = dns.rdatatype.NONE,
) -> dns.rrset.RRset | None:
    for rrset in section:
        if rrset.name == name and rrset.rdtype == rdtype and rrset.covers == covers:
            return rrset
    return None


def _vouches(trusted: dns.rrset.RRset, zone: dns.name.Name, key: dns.rdata.Rdata) -> bool:
    if trusted.rdtype == dns.rdatatype.DNSKEY:
        return key in trusted
    for ds in trusted:
        try:
            if dns.dnssec.make_ds(zone, key, ds.digest_type, validating=True) == ds:
                return True
        except (dns.exception.UnsupportedAlgorithm, dns.exception.DeniedByPolicy, ValueError):
            continue  # a digest we cannot compute proves nothing; another record may
    return False


def _bogus(message: str) -> ProbeFailed:
    return ProbeFailed(Layer.DNS, Reason.BOGUS, message)
