"""A stand-in for every way of every probe that a server's bytes can go, for `tests.support.fuzzing` to bend.

What they say is what RFCs and specifications have as examples, with the nonces of the client that asks; WhatsApp,
Telegram and Threema are the stand-ins that independent clients take for the real ones.
"""

from pathlib import Path

from tests.support.casting import Cast
from tests.support.fuzzed import brokers, calls, chat, documents, names, sockets


def casts(kind: str, folder: Path) -> tuple[Cast, ...]:
    """Every way in which a probe of this kind meets a server; ``folder`` is that of the certificates.

    Raises KeyError for a kind that nobody has thought of: it belongs into one of the modules here.
    """
    known = brokers.CASTS | calls.CASTS | chat.CASTS | documents.CASTS | names.CASTS | sockets.CASTS
    return known[kind](folder)
