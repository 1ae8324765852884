"""ICMP echo (RFC 792, RFC 4443): sockets that may send it, requests, and the replies that answer them."""

import errno
import socket
import struct
import sys
from dataclasses import dataclass

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeInconclusive
from monitor.domain.words import Reason
from monitor.net.datagram import Ancillary
from monitor.net.faults import os_fault

_HEADER = struct.Struct("!BBHHH")
_REQUEST = {4: 8, 6: 128}
_REPLY = {4: 0, 6: 129}
# linux/in.h, linux/in6.h; the socket module of Python 3.11 lacks them.
_IP_RECVTTL, _IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_DO = 12, 10, 23, 2

_NOT_ALLOWED = (
    "this process may not send ICMP: allow its group with `sysctl net.ipv4.ping_group_range`, "
    "or give it the capability net_raw"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoOptions:
    """What to set on the socket. ``hop_limit`` None leaves the system's."""

    hop_limit: int | None = None
    dont_fragment: bool = False


def open_socket(run: Run, version: int, options: EchoOptions) -> socket.socket:
    """A socket for ICMP echo: unprivileged if the system allows it, else raw.

    Raises ProbeInconclusive self_permission when neither is allowed.
    """
    family, protocol = (
        (socket.AF_INET6, socket.IPPROTO_ICMPV6) if version == 6 else (socket.AF_INET, socket.IPPROTO_ICMP)
    )
    try:
        sock = _first_allowed(family, protocol)
    except PermissionError as error:
        raise ProbeInconclusive(Reason.SELF_PERMISSION, _NOT_ALLOWED) from error
    except OSError as error:
        raise os_fault(run, error) from error
    _set_options(sock, version, options)
    return sock


def _first_allowed(family: socket.AddressFamily, protocol: int) -> socket.socket:
    try:
        return socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EPROTONOSUPPORT):
            raise
    return socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)


def _set_options(sock: socket.socket, version: int, options: EchoOptions) -> None:
    if version == 6:
        level, receive, limit, discover = (
            socket.IPPROTO_IPV6,
            socket.IPV6_RECVHOPLIMIT,
            socket.IPV6_UNICAST_HOPS,
            _IPV6_MTU_DISCOVER,
        )
    else:
        level, receive, limit, discover = socket.IPPROTO_IP, _IP_RECVTTL, socket.IP_TTL, _IP_MTU_DISCOVER
    sock.setsockopt(level, receive, 1)
    if options.hop_limit is not None:
        sock.setsockopt(level, limit, options.hop_limit)
    if options.dont_fragment:
        sock.setsockopt(level, discover, _PMTUDISC_DO)


@dataclass(frozen=True, slots=True)
class Echo:
    """One series of requests: the identifier (rewritten by the kernel on unprivileged sockets) and the payload."""

    version: int
    raw: bool
    identifier: int
    payload: bytes

    def request(self, sequence: int) -> bytes:
        """The ICMP message to send."""
        head = _HEADER.pack(_REQUEST[self.version], 0, 0, self.identifier, sequence)
        if self.version == 6:
            return head + self.payload  # the kernel knows the addresses that the checksum covers
        total = _checksum(head + self.payload)
        return _HEADER.pack(_REQUEST[4], 0, total, self.identifier, sequence) + self.payload

    def answered(self, packet: bytes) -> int | None:
        """The sequence number of our request that ``packet`` answers; None: a raw socket sees everyone's packets."""
        message = packet[(packet[0] & 0x0F) * 4 :] if self.raw and self.version == 4 and packet else packet
        if len(message) < _HEADER.size or message[_HEADER.size :] != self.payload:
            return None
        kind, _, _, identifier, sequence = (int(field) for field in _HEADER.unpack_from(message))
        ours = kind == _REPLY[self.version] and (not self.raw or identifier == self.identifier)
        return sequence if ours else None


def hop_limit(ancillary: Ancillary) -> int | None:
    """The TTL or hop limit that a packet arrived with."""
    for level, kind, data in ancillary:
        if (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)):
            return int.from_bytes(data[:4], sys.byteorder)
    return None


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
