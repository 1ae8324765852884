"""Reaching a target through a proxy: SOCKS5 (RFC 1928, 1929) and HTTP CONNECT (RFC 9110 section 9.3.6).

A proxy that cannot be spoken to is our own path, not the target: inconclusive.
A proxy that answers and says the target is unreachable speaks about the target.
"""

import base64
import ipaddress
import re

from monitor.domain.failures import ProbeFailed, ProbeInconclusive
from monitor.domain.settings import Endpoint, Proxy
from monitor.domain.words import Layer, Reason
from monitor.net.stream import Stream

_SOCKS_REPLIES = {  # RFC 1928 section 6
    3: (Layer.ROUTE, Reason.UNREACHABLE, "network unreachable"),
    4: (Layer.ROUTE, Reason.UNREACHABLE, "host unreachable"),
    5: (Layer.TCP, Reason.REFUSED, "connection refused"),
    6: (Layer.ROUTE, Reason.TIMEOUT, "TTL expired"),
}
_STATUS_LINE = re.compile(rb"\AHTTP/1\.[01] (\d{3})[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")


async def greet(stream: Stream, proxy: Proxy) -> None:
    """What is between the proxy and us alone: SOCKS5's choice of method, and the login. Says nothing in HTTP."""
    if proxy.scheme == "http":
        return
    try:
        await _socks5_greet(stream, proxy)
    except ProbeFailed as failure:
        raise _broken_off(failure) from failure


async def tunnel(stream: Stream, proxy: Proxy, target: Endpoint) -> None:
    """Ask the proxy behind ``stream``, which was greeted, for a connection to ``target``."""
    try:
        if proxy.scheme == "socks5":
            await _socks5(stream, target)
        else:
            await _connect(stream, proxy, target)
    except ProbeFailed as failure:
        if failure.reason in (Reason.CLOSED, Reason.RESET, Reason.SIZE):
            raise _broken_off(failure) from failure
        raise


def _broken_off(failure: ProbeFailed) -> ProbeInconclusive:
    return ProbeInconclusive(Reason.PROXY, f"the proxy broke off: {failure.message}")


async def _socks5_greet(stream: Stream, proxy: Proxy) -> None:
    methods = b"\x00\x02" if proxy.username else b"\x00"
    stream.write(b"\x05" + bytes([len(methods)]) + methods)
    version, method = await stream.read_exactly(2)
    if version != 5 or method not in methods:
        raise ProbeInconclusive(Reason.PROXY, "the proxy accepts none of our SOCKS5 methods")
    if method == 2:
        await _socks5_login(stream, proxy)


async def _socks5(stream: Stream, target: Endpoint) -> None:
    stream.write(b"\x05\x01\x00" + _socks5_address(target.host) + target.port.to_bytes(2))
    _, reply, _, kind = await stream.read_exactly(4)
    if reply in _SOCKS_REPLIES:
        layer, reason, text = _SOCKS_REPLIES[reply]
        raise ProbeFailed(layer, reason, f"the proxy says: {text}")
    if reply != 0:
        raise ProbeInconclusive(Reason.PROXY, f"the proxy refuses, SOCKS5 reply {reply}")
    length = {1: 4, 4: 16}.get(kind) or (await stream.read_exactly(1))[0]
    await stream.read_exactly(length + 2)


async def _socks5_login(stream: Stream, proxy: Proxy) -> None:
    user, password = proxy.username.encode(), proxy.password.get_secret_value().encode()
    stream.write(b"\x01" + bytes([len(user)]) + user + bytes([len(password)]) + password)
    if (await stream.read_exactly(2))[1] != 0:
        raise ProbeInconclusive(Reason.PROXY, "the proxy does not accept our name and password")


def _socks5_address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii")  # host names in settings are ASCII
        return b"\x03" + bytes([len(name)]) + name
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed


async def _connect(stream: Stream, proxy: Proxy, target: Endpoint) -> None:
    head = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username:
        pair = f"{proxy.username}:{proxy.password.get_secret_value()}".encode()
        head.append(f"Proxy-Authorization: Basic {base64.b64encode(pair).decode()}")
    stream.write("\r\n".join([*head, "", ""]).encode())
    answer = await stream.read_until(_STATUS_LINE, 16384)
    status = int(answer.group(1)) if answer else 0
    if status in (500, 502, 503, 504):  # 500 is what Tinyproxy says of a target that it cannot reach
        raise ProbeFailed(Layer.TCP, Reason.PROXY, f"the proxy cannot reach the target, status {status}")
    if not 200 <= status < 300:
        raise ProbeInconclusive(Reason.PROXY, f"the proxy refuses CONNECT, status {status or 'none'}")
