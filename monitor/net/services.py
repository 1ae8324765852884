"""Where a domain's service is: SRV (RFC 2782) and MX (RFC 5321 section 5.1) records, in the order to try them."""

from collections.abc import Iterator

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.IN.SRV import SRV

from monitor.domain.attempt import Run
from monitor.domain.settings import Endpoint, Route
from monitor.domain.words import Phase, Reason
from monitor.net.network import Network

_RCODES = {dns.rcode.SERVFAIL: Reason.SERVFAIL, dns.rcode.REFUSED: Reason.REFUSED}


async def srv_records(network: Network, run: Run, name: str, route: Route) -> list[Endpoint] | None:
    """The hosts and ports of ``_service._proto.domain``, best first; None when there is no such record.

    An empty list means that the service is decidedly not offered (target ``.``). Equal
    priorities are ordered by weight, heaviest first, and not by lot: the same question has the
    same answer each round, and confirmations ask the next. Raises ProbeFailed dns/* for what
    name servers said but NXDOMAIN.
    """
    found = [record for record in await _ask(network, run, name, dns.rdatatype.SRV, route) if isinstance(record, SRV)]
    if not found:
        return None
    found.sort(key=lambda record: (record.priority, -record.weight))
    return [Endpoint(host=_text(record.target), port=record.port) for record in found if record.target != dns.name.root]


async def mx_hosts(network: Network, run: Run, domain: str, route: Route) -> list[str] | None:
    """The mail exchangers of ``domain``, best first; None when it has no MX record: mail then goes to it itself.

    An empty list means that the domain takes no mail (RFC 7505). Raises as `srv_records` does.
    """
    found = [record for record in await _ask(network, run, domain, dns.rdatatype.MX, route) if isinstance(record, MX)]
    if not found:
        return None
    found.sort(key=lambda record: record.preference)
    return [_text(record.exchange) for record in found if record.exchange != dns.name.root]


async def _ask(network: Network, run: Run, name: str, kind: dns.rdatatype.RdataType, route: Route) -> Iterator[object]:
    run.enter(Phase.RESOLVE)
    try:
        query = dns.message.make_query(name, kind)
    except dns.exception.DNSException as error:
        raise run.failed(Reason.MALFORMED, "not a DNS name") from error
    answer = await network.exchange(run, query, route)
    rcode = answer.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise run.failed(_RCODES.get(rcode, Reason.RCODE), f"the name server answered {dns.rcode.to_text(rcode)}")
    return (record for rrset in answer.answer if rrset.rdtype == kind for record in rrset)


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)
