"""Why nothing could be handed over, in words for people: never a secret, never text of a server."""

import os
import socket
import ssl
from collections.abc import Iterator

import aiohttp

_DEPTH = 8
_WORDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((socket.gaierror, aiohttp.ClientConnectorDNSError, UnicodeError), "its name does not resolve"),
    ((ssl.SSLError,), "the TLS handshake failed"),
    ((TimeoutError,), "it did not answer in time"),
)
"""The first that fits one of the causes."""


def trouble(error: BaseException) -> str:
    """The plainest reason among an exception and what caused it."""
    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError) and hasattr(cause, "verify_message"):
            return f"its certificate does not hold: {cause.verify_message}"
    for kinds, words in _WORDS:
        if any(isinstance(cause, kinds) for cause in causes):
            return words
    number = next((cause.errno for cause in causes if isinstance(cause, OSError) and cause.errno), None)
    if number is not None:
        return os.strerror(number)
    if any(isinstance(cause, ConnectionError | aiohttp.ServerDisconnectedError) for cause in causes):
        return "it closed the connection"
    return "it cannot be reached" if isinstance(error, OSError) else "what it answered makes no sense"


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    for _ in range(_DEPTH):
        if found is None:
            return
        yield found
        # aiohttp keeps what it wraps in attributes
        inner = getattr(found, "certificate_error", None) or getattr(found, "os_error", None)
        found = inner if isinstance(inner, OSError) else found.__cause__ or found.__context__
