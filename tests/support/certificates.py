"""A certificate authority for tests: good leaves and every kind of bad one, as PEM files."""

import ipaddress
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CertificateAuthority:
    """A root of its own. Two of them do not trust each other: the second is the rogue."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._made = 0
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _common_name(name)
        certificate = _sign(self._key, self._name, _builder(self._name, self._key, days=3650, start=-1, authority=True))
        self.ca_path = folder / "ca.pem"
        self.ca_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def leaf(self, names: Sequence[str] = LOOPBACK, *, days: float = 90, start: float = -1) -> tuple[Path, Path]:
        """``(certificate, key)`` for the names (or addresses), valid for ``days`` from now; ``start`` days from now."""
        return self._leaf(names, days, start, self_signed=False)

    def expired(self, names: Sequence[str] = LOOPBACK) -> tuple[Path, Path]:
        """A leaf that ended yesterday."""
        return self.leaf(names, days=-1, start=-30)

    def not_yet_valid(self, names: Sequence[str] = LOOPBACK) -> tuple[Path, Path]:
        """A leaf that begins tomorrow."""
        return self.leaf(names, days=90, start=1)

    def wrong_name(self) -> tuple[Path, Path]:
        """A leaf for someone else."""
        return self.leaf(["other.example"])

    def self_signed(self, names: Sequence[str] = LOOPBACK) -> tuple[Path, Path]:
        """A leaf that nobody vouches for."""
        return self._leaf(names, 90, -1, self_signed=True)

    def _leaf(self, names: Sequence[str], days: float, start: float, *, self_signed: bool) -> tuple[Path, Path]:
        self._made += 1
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _common_name(names[0])
        builder = _builder(subject, key, days=days, start=start, authority=False).add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        )
        certificate = _sign(key, subject, builder) if self_signed else _sign(self._key, self._name, builder)
        certificate_path = self._folder / f"leaf-{self._made}.pem"
        key_path = self._folder / f"leaf-{self._made}.key"
        certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate_path, key_path


def server_context(leaf: tuple[Path, Path]) -> ssl.SSLContext:
    """A server's context that presents ``leaf``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*leaf)
    return context


def expiry(certificate: Path) -> float:
    """notAfter of the first certificate in the file, Unix seconds."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc.timestamp()


def fingerprint(certificate: Path) -> str:
    """SHA-256 of the first certificate in the file, lower-case hex."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256()).hex()


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: float, start: float, authority: bool
) -> x509.CertificateBuilder:
    now = _now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=start))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _sign(
    issuer_key: ec.EllipticCurvePrivateKey, issuer: x509.Name, builder: x509.CertificateBuilder
) -> x509.Certificate:
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return builder.issuer_name(issuer).add_extension(authority, critical=False).sign(issuer_key, hashes.SHA256())


def _now() -> datetime:
    return _EPOCH + timedelta(seconds=time.time())
