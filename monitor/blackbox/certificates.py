"""What blackbox_exporter tells of a TLS session's certificates, in the words of Go's crypto/x509."""

import re
import ssl
from collections.abc import Iterable

from cryptography import x509
from cryptography.x509.oid import NameOID

from monitor.net.tls import presented_chain, verified_chain

NEVER = -62135596800.0
"""Go's zero time, year 1, as Unix seconds: the expiry of a chain that was not verified."""
_ORDER = {  # pkix.Name.String(): the last of RFC 2253 comes first
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.COMMON_NAME: "CN",
    NameOID.POSTAL_CODE: "POSTALCODE",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.COUNTRY_NAME: "C",
}
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,./:=?*&-]*")


def presented(session: ssl.SSLObject) -> list[x509.Certificate]:
    """What the server sent, leaf first."""
    return [x509.load_der_x509_certificate(der) for der in presented_chain(session)]


def earliest_expiry(certificates: Iterable[x509.Certificate]) -> float:
    """The first end among certificates, Unix seconds; `NEVER` for none."""
    return min((found.not_valid_after_utc.timestamp() for found in certificates), default=NEVER)


def verified_expiry(session: ssl.SSLObject) -> float:
    """When the chain that proved the leaf ends, its anchor included; `NEVER` when nothing was verified."""
    if session.context.verify_mode is ssl.CERT_NONE:
        return NEVER
    return earliest_expiry(x509.load_der_x509_certificate(der) for der in verified_chain(session))


def dns_names(certificate: x509.Certificate) -> str:
    """The DNS names among the subject's alternative names, with commas."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return ""
    return ",".join(names.value.get_values_for_type(x509.DNSName))


def go_name(name: x509.Name) -> str:
    """A distinguished name as Go's pkix.Name.String() writes it."""
    parts = []
    for oid, short in _ORDER.items():
        values = [_text(attribute) for attribute in name.get_attributes_for_oid(oid)]
        if oid in (NameOID.COMMON_NAME, NameOID.SERIAL_NUMBER):
            values = values[-1:]
        if values:
            parts.append("+".join(f"{short}={_escaped(value)}" for value in values))
    parts += [_by_number(attribute) for attribute in reversed(list(name)) if attribute.oid not in _ORDER]
    return ",".join(parts)


def _text(attribute: x509.NameAttribute[str | bytes]) -> str:
    value = attribute.value
    return value if isinstance(value, str) else value.decode("latin-1")


def _by_number(attribute: x509.NameAttribute[str | bytes]) -> str:
    """An attribute that Go knows no short name of: its value as DER, in hexadecimal."""
    text = _text(attribute)
    data = text.encode()
    tag = 0x13 if _PRINTABLE.fullmatch(text) else 0x0C
    length = bytes([len(data)]) if len(data) < 128 else b"\x82" + len(data).to_bytes(2)
    return f"{attribute.oid.dotted_string}=#{(bytes([tag]) + length + data).hex()}"


def _escaped(value: str) -> str:
    """RFC 2253 section 2.4."""
    text = re.sub(r'([,+"\\<>;])', r"\\\1", value)
    if text.startswith((" ", "#")):
        text = f"\\{text}"
    return f"{text[:-1]}\\ " if len(text) > 1 and text.endswith(" ") else text
