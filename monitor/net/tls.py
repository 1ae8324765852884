"""TLS: contexts, the handshake's facts, and what else a certificate must prove."""

import hashlib
import ssl
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import NameOID

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeInconclusive
from monitor.domain.settings import Tls
from monitor.domain.text import shown
from monitor.domain.words import Fact, Reason

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class TlsContexts:
    """One SSLContext for each distinct `Tls`, made once: loading trust anchors costs milliseconds.

    Sessions are never reused: a client-side SSLObject resumes only a session
    that is handed to it, and nobody hands one over.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], ssl.SSLContext] = {}
        self._known: dict[tuple[object, ...], Tls] = {}

    def get(self, tls: Tls) -> ssl.SSLContext:
        """The context. Raises ProbeInconclusive when the trust anchors cannot be read."""
        key = _key(tls)
        context = self._made.get(key)
        if context is None:
            self._known[key] = tls
            context = self._made[key] = _make(tls)
        return context

    def read_again(self) -> None:
        """Make what was asked for so far anew, and the default context. Takes its time: call it in a thread."""
        known = [*self._known.values(), Tls()]
        for tls in known:
            with suppress(ProbeInconclusive):  # the attempt that needs it says so
                self._made[_key(tls)] = _make(tls)


def _key(tls: Tls) -> tuple[object, ...]:
    return (tls.ca_file, tls.verify, tls.min_version, tls.max_version, tls.alpn)


def _make(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = _VERSIONS[tls.min_version]
    if tls.max_version:
        context.maximum_version = _VERSIONS[tls.max_version]
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.alpn:
        context.set_alpn_protocols(tls.alpn)
    try:
        if tls.ca_file:
            context.load_verify_locations(cafile=tls.ca_file)
        elif tls.verify:
            context.load_default_certs()
    except (OSError, ssl.SSLError) as error:
        raise ProbeInconclusive(
            Reason.SELF_PERMISSION, f"cannot read the trust anchors {tls.ca_file}: {error.strerror or 'no PEM inside'}"
        ) from error
    return context


def note_session(run: Run, session: ssl.SSLObject) -> None:
    """Record version, cipher, ALPN, and the earliest expiry of the presented chain."""
    run.facts[Fact.TLS_VERSION] = session.version() or ""
    cipher = session.cipher()
    run.facts[Fact.TLS_CIPHER] = cipher[0] if cipher else ""
    alpn = session.selected_alpn_protocol()
    if alpn:
        run.facts[Fact.TLS_ALPN] = alpn
    chain = presented_chain(session)
    if chain:
        run.facts[Fact.CERT_EXPIRY] = min(_not_after(der) for der in chain)
        run.facts[Fact.CERT_FINGERPRINT] = hashlib.sha256(chain[0]).hexdigest()


def presented_chain(session: ssl.SSLObject) -> list[bytes]:
    """The certificates that the server sent, leaf first, as DER.

    Public since Python 3.13 (``SSLObject.get_unverified_chain``); before, the
    same call exists one level down.
    """
    if hasattr(session, "get_unverified_chain"):
        return list(session.get_unverified_chain())
    inner = session._sslobj  # type: ignore[attr-defined]  # noqa: SLF001  # the 3.11/3.12 name of the public call
    return [_der(certificate) for certificate in inner.get_unverified_chain() or ()]


def verified_chain(session: ssl.SSLObject) -> list[bytes]:
    """The certificates that prove the leaf, up to the anchor, as DER; see `presented_chain`."""
    if hasattr(session, "get_verified_chain"):
        return list(session.get_verified_chain())
    inner = session._sslobj  # type: ignore[attr-defined]  # noqa: SLF001  # the 3.11/3.12 name of the public call
    return [_der(certificate) for certificate in inner.get_verified_chain() or ()]


def _der(certificate: object) -> bytes:
    encoding_der = 2  # _ssl.ENCODING_DER
    der = certificate.public_bytes(encoding_der)  # type: ignore[attr-defined]  # a private type of _ssl
    return bytes(der)


@lru_cache(maxsize=4096)
def _not_after(der: bytes) -> float:
    # The same chain comes back at every attempt; parsing it again would cost more than the rest of our handshake code.
    return x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()


def check_pin(run: Run, pins: Iterable[str]) -> None:
    """Raise ProbeFailed tls/cert_pin unless the leaf's SHA-256 is among ``pins``."""
    wanted = {pin.replace(":", "").lower() for pin in pins}
    if wanted and run.facts.get(Fact.CERT_FINGERPRINT) not in wanted:
        raise run.failed(
            Reason.CERT_PIN, f"the leaf's SHA-256 is {run.facts.get(Fact.CERT_FINGERPRINT)}, which is not pinned"
        )


def check_issuer(run: Run, session: ssl.SSLObject, issuers: Iterable[str]) -> None:
    """Raise ProbeFailed tls/cert_foreign unless the name of the leaf's issuer begins as one of ``issuers`` does."""
    wanted = tuple(issuer.casefold() for issuer in issuers)
    if not wanted:
        return
    issuer = _issuer(presented_chain(session)[0])
    if not issuer.casefold().startswith(wanted):
        raise run.failed(Reason.CERT_FOREIGN, f"the certificate is issued by {shown(issuer)}")


@lru_cache(maxsize=4096)
def _issuer(der: bytes) -> str:
    """The organisation that signed the certificate; its common name where it has no organisation."""
    try:
        name = x509.load_der_x509_certificate(der).issuer
    except ValueError:  # a name that breaks the rules of names is nobody's
        return ""
    names = [*name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME), *name.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return str(names[0].value) if names else ""


def check_lifetime(run: Run, now: float, warn_days: float) -> None:
    """Raise ProbeFailed tls/cert_expires_soon when the chain ends within ``warn_days``."""
    expiry = run.facts.get(Fact.CERT_EXPIRY)
    if isinstance(expiry, float) and expiry - now < warn_days * 86400:
        day = datetime.fromtimestamp(expiry, UTC)
        raise run.failed(
            Reason.CERT_EXPIRES_SOON,
            f"the chain expires on {day:%Y-%m-%d %H:%M} UTC, in {(expiry - now) / 86400:.1f} days",
        )
