"""Operating system and TLS errors become our closed vocabulary here and nowhere else.

Names of failures follow OONI's df-007 where it has one. The messages are ours:
they never repeat bytes that a server sent.
"""

import errno
import os
import socket
import ssl

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed, ProbeInconclusive
from monitor.domain.words import Layer, Reason

_OURS = {
    errno.EMFILE: Reason.SELF_FILES,
    errno.ENFILE: Reason.SELF_FILES,
    errno.ENOBUFS: Reason.SELF_BUFFERS,
    errno.ENOMEM: Reason.SELF_BUFFERS,
    errno.EADDRNOTAVAIL: Reason.SELF_PORTS,
    errno.EADDRINUSE: Reason.SELF_PORTS,
    errno.ENETUNREACH: Reason.SELF_NETWORK,
    errno.ENETDOWN: Reason.SELF_NETWORK,
    errno.EAFNOSUPPORT: Reason.SELF_NETWORK,
    errno.EACCES: Reason.SELF_PERMISSION,
    errno.EPERM: Reason.SELF_PERMISSION,
}
_THEIRS = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ECONNRESET: Reason.RESET,
    errno.ECONNABORTED: Reason.RESET,
    errno.EPIPE: Reason.RESET,
    errno.ETIMEDOUT: Reason.TIMEOUT,
}
# What an ICMP error becomes (Linux icmp_err_convert[], tab_unreach[] of IPv6).
_UNREACHABLE = (
    errno.EHOSTUNREACH,
    errno.EHOSTDOWN,
    errno.ENONET,
    errno.ENOPROTOOPT,
    errno.EOPNOTSUPP,
    errno.EPROTO,
)
_ROUTERS_TOO = (errno.ENETUNREACH, errno.EACCES)  # EACCES is what ICMPv6 "prohibited" becomes

# X509_V_ERR_* of OpenSSL's x509_vfy.h, as SSLCertVerificationError.verify_code gives them.
_VERIFY = {
    9: Reason.CERT_NOT_YET_VALID,
    10: Reason.CERT_EXPIRED,
    62: Reason.CERT_NAME,
    64: Reason.CERT_NAME,
}


def os_fault(run: Run, error: OSError, remote: str | None = None) -> ProbeFailed | ProbeInconclusive:
    """The probe error for an OSError met in the current phase of ``run``.

    ``remote`` is the address that was being reached, where there was one: a
    router on the way can say "network unreachable" (or, in IPv6, "prohibited")
    with the same errno that this machine uses for a lack of its own route.
    """
    code = error.errno or 0
    text = os.strerror(code) if code else str(error)
    if code in _UNREACHABLE or (code in _ROUTERS_TOO and remote is not None and has_route_to(remote)):
        return ProbeFailed(Layer.ROUTE, Reason.UNREACHABLE, text)
    if code in _OURS:
        return ProbeInconclusive(_OURS[code], f"{text} (errno {code}) on this machine, in phase {run.phase}")
    if code in _THEIRS:
        return run.failed(_THEIRS[code], text)
    # Nothing that a target is known to cause: a blackhole route of ours, say, is EINVAL.
    return ProbeInconclusive(Reason.INTERNAL, f"{text} (errno {code}) in phase {run.phase}")


def has_route_to(address: str) -> bool:
    """Whether this machine has a route to ``address`` (numeric). Sends nothing: a UDP connect looks the route up."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, 9))
    except OSError:
        return False
    return True


def tls_fault(run: Run, error: ssl.SSLError) -> ProbeFailed:
    """The probe error for a failed TLS handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = _VERIFY.get(error.verify_code, Reason.CERT_UNTRUSTED)
        return ProbeFailed(Layer.TLS, reason, f"certificate: {error.verify_message}")
    name = error.reason or ""
    if isinstance(error, ssl.SSLZeroReturnError | ssl.SSLEOFError) or name == "UNEXPECTED_EOF_WHILE_READING":
        return run.failed(Reason.CLOSED, "the server closed the connection during TLS")
    if name == "UNSUPPORTED_PROTOCOL" or ("VERSION" in name and name != "WRONG_VERSION_NUMBER"):
        return run.failed(Reason.TLS_VERSION, f"no common TLS version ({name.lower()})")
    if "ALERT" in name or name.startswith("TLSV1_"):  # TLSV1_UNRECOGNIZED_NAME is an alert, too
        return run.failed(Reason.TLS_ALERT, f"the server answered with {name.lower().replace('_', ' ')}")
    return run.failed(Reason.MALFORMED, f"not a TLS answer ({name.lower() or 'unknown'})")
