"""Where trust in a signed answer begins (RFC 4033 section 2). Apart from `dnssec`, which takes long to import."""

from collections.abc import Iterable

import dns.exception
import dns.name
import dns.rdatatype
import dns.rrset
import dns.zonefile

ROOT_ANCHORS = (  # https://data.iana.org/root-anchors/root-anchors.xml: KSK-2017 and KSK-2024
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
)


def parse_anchors(lines: Iterable[str]) -> dict[dns.name.Name, list[dns.rrset.RRset]]:
    """Trust anchors from DS or DNSKEY records in zone file form, by zone. Raises ValueError."""
    try:
        rrsets = dns.zonefile.read_rrsets("\n".join(lines), rdclass=None, default_ttl=0)
    except dns.exception.DNSException as error:
        raise ValueError(f"not a trust anchor: {error}") from error
    anchors: dict[dns.name.Name, list[dns.rrset.RRset]] = {}
    for rrset in rrsets:
        if rrset.rdtype not in (dns.rdatatype.DS, dns.rdatatype.DNSKEY):
            raise ValueError("a trust anchor is a DS or DNSKEY record")
        anchors.setdefault(rrset.name, []).append(rrset)
    return anchors
