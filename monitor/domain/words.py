"""The closed vocabularies: of attempts, of states, of outage windows, of claims and of messages.

Each value is what appears in metrics labels, in the API, in the store and on
pages. A word is added here and nowhere else.
"""

from enum import StrEnum, unique
from typing import TypeVar

_Word = TypeVar("_Word", bound=type[StrEnum])


def _direct(words: _Word) -> _Word:
    """Members as plain class attributes, as Python 3.12 has them, hashed as the strings they are.

    In 3.11 each ``Phase.CONNECT`` runs a descriptor written in Python, 250 ns,
    fifty times an attempt; and a member's hash is a Python function as well.
    """
    words.__hash__ = str.__hash__  # type: ignore[method-assign]  # equal strings hash alike, so dicts hold
    for word in words:
        type.__setattr__(words, word.name, word)
    return words


@_direct
@unique
class Outcome(StrEnum):
    """What an attempt says about its target."""

    OK = "ok"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    """We could not tell: our own fault, our own network, our own account."""


@_direct
@unique
class Phase(StrEnum):
    """A named, timed step of an attempt, in the order of the ladder."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    STARTTLS = "starttls"
    TLS = "tls"
    REQUEST = "request"
    RESPONSE = "response"
    HANDSHAKE = "handshake"
    LOGIN = "login"
    SEND = "send"
    DELIVER = "deliver"


@_direct
@unique
class Layer(StrEnum):
    """Where a target broke, closest to the wire first."""

    DNS = "dns"
    ROUTE = "route"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    HANDSHAKE = "handshake"
    LOGIN = "login"
    SEND = "send"
    DELIVER = "deliver"


LAYER_OF_PHASE: dict[Phase, Layer] = {
    Phase.RESOLVE: Layer.DNS,
    Phase.CONNECT: Layer.TCP,
    Phase.STARTTLS: Layer.HANDSHAKE,
    Phase.TLS: Layer.TLS,
    Phase.REQUEST: Layer.HTTP,
    Phase.RESPONSE: Layer.HTTP,
    Phase.HANDSHAKE: Layer.HANDSHAKE,
    Phase.LOGIN: Layer.LOGIN,
    Phase.SEND: Layer.SEND,
    Phase.DELIVER: Layer.DELIVER,
}
"""The layer a failure belongs to when nothing better is known than the phase it
happened in. A probe may override single entries (``icmp``: response -> route)."""


@_direct
@unique
class Reason(StrEnum):
    """Why, below the layer. Bounded: server text never becomes a reason."""

    # any layer
    TIMEOUT = "timeout"
    REFUSED = "refused"
    RESET = "reset"
    CLOSED = "closed"
    MALFORMED = "malformed"
    UNREACHABLE = "unreachable"
    # dns
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    NO_ANSWER = "no_answer"
    RCODE = "rcode"
    ANSWER = "answer"
    SERIAL = "serial"
    BOGUS = "bogus"
    # tls
    CERT_EXPIRED = "cert_expired"
    CERT_NOT_YET_VALID = "cert_not_yet_valid"
    CERT_EXPIRES_SOON = "cert_expires_soon"
    CERT_NAME = "cert_name"
    CERT_UNTRUSTED = "cert_untrusted"
    CERT_PIN = "cert_pin"
    TLS_VERSION = "tls_version"
    TLS_ALERT = "tls_alert"
    ALPN = "alpn"
    # http, websocket and dialogues
    STATUS = "status"
    DENIED = "denied"
    """The server understood and does not want this client: 400, 401, 403 (RFC 9110 section 15.5)."""
    HEADER = "header"
    BODY = "body"
    JSON = "json"
    SIZE = "size"
    REDIRECTS = "redirects"
    UPGRADE = "upgrade"
    EXPECT = "expect"
    REJECTED = "rejected"
    """A login or a message was refused by the service itself."""
    LATE = "late"
    """It arrived, after its deadline."""
    STARTTLS = "starttls"
    PROXY = "proxy"
    # protocols
    NONCE = "nonce"
    """The answer is to another question: it repeats another nonce, id or cookie than ours."""
    KEY = "key"
    """The server did not prove that it holds the key it must hold."""
    SIGNATURE = "signature"
    """Something signed does not verify."""
    ALTERED = "altered"
    """What came does not decrypt: not that service at all, or bytes were changed on the way."""
    CAPABILITY = "capability"
    """Something that must be offered is not: an extension, a mechanism, a version."""
    HOST_UNKNOWN = "host_unknown"
    """The server answers, but does not serve the name that was asked for."""
    OVERLOADED = "overloaded"
    """The server says itself that it is too busy, or shutting down."""
    # signs that somebody stands between us and the target
    FOREIGN_ADDRESS = "foreign_address"
    """The name resolves to addresses in no network of the provider."""
    NAME_RESET = "name_reset"
    """Reset after the TLS hello that names this host, not after one that names another."""
    CERT_FOREIGN = "cert_foreign"
    """A certificate of an issuer that the provider does not use."""
    INJECTED = "injected"
    """A page that is not the provider's."""
    # inconclusive: ours, not the target's
    SELF_LAG = "self_lag"
    SELF_FILES = "self_files"
    SELF_BUFFERS = "self_buffers"
    SELF_PORTS = "self_ports"
    SELF_PERMISSION = "self_permission"
    SELF_NETWORK = "self_network"
    SELF_RESOLVER = "self_resolver"
    VANTAGE_OFFLINE = "vantage_offline"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal"


@_direct
@unique
class Fact(StrEnum):
    """What an attempt may learn on its way. For people, the API and /probe."""

    ADDRESS = "address"
    """The address used, as text."""
    FAMILY = "family"
    """4 or 6."""
    ADDRESSES = "addresses"
    """All answers of the resolve step, as text."""
    HOST = "host"
    """The member of a pool of equal hosts that this attempt asked."""
    KERNEL_RTT = "kernel_rtt"
    """Round-trip time in seconds by TCP_INFO, read right after connect."""
    RETRANSMITS = "retransmits"
    """SYN retransmissions by TCP_INFO: tells a lost packet from a slow host."""
    TLS_VERSION = "tls_version"
    TLS_CIPHER = "tls_cipher"
    TLS_ALPN = "tls_alpn"
    CERT_EXPIRY = "cert_expiry"
    """Earliest notAfter of the presented chain, Unix seconds."""
    CERT_FINGERPRINT = "cert_fingerprint"
    """SHA-256 of the leaf certificate, lower-case hex."""
    HTTP_STATUS = "http_status"
    HTTP_VERSION = "http_version"
    HTTP_REDIRECTS = "http_redirects"
    HTTP_SSL = "http_ssl"
    """True when the final hop of the redirects was https."""
    HTTP_BODY_BYTES = "http_body_bytes"
    HTTP_CONTENT_LENGTH = "http_content_length"
    """The Content-Length header; -1 when absent."""
    HTTP_LAST_MODIFIED = "http_last_modified"
    """The Last-Modified header, Unix seconds."""
    DNS_RCODE = "dns_rcode"
    DNS_ANSWERS = "dns_answers"
    DNS_AUTHORITY = "dns_authority"
    DNS_ADDITIONAL = "dns_additional"
    """Numbers of records in each section of the answer."""
    DNS_RECORDS = "dns_records"
    """The answer section, one record a line, as dig prints it."""
    DNS_SERIAL = "dns_serial"
    DNS_AUTHENTIC = "dns_authentic"
    """The AD bit of the answer."""
    DNS_QUESTION = "dns_question"
    DNS_ELSEWHERE = "dns_elsewhere"
    """``example.org A``, to which name servers had no answer; whether a second resolver has one, absent if unknown."""
    PING_SECONDS = "ping_seconds"
    """Round trip of a websocket ping, or of an ICMP echo."""
    ICMP_HOP_LIMIT = "icmp_hop_limit"
    CHAIN_EXPIRY = "chain_expiry"
    """Earliest end of the certificates that the service's own protocol showed inside, Unix seconds."""
    GENUINE = "genuine"
    """True when the answer proved a key that only the provider holds."""
    CLOCK_OFFSET = "clock_offset"
    """Seconds that the server's clock is ahead of ours, as its protocol tells."""
    SOFTWARE = "software"
    """What the server calls itself: server text, never a label."""
    OFFERED = "offered"
    """Extensions, mechanisms or versions that the server offers: server text, never a label."""
    ROUND_TRIP = "round_trip"
    """Seconds from sending a message to its arrival back at us, or from a ping of the protocol to its answer."""
    CLAIM = "claim"
    """What the provider says of itself: `Claim`."""
    CLAIM_TEXT = "claim_text"
    """The provider's own words about it: server text, never a label."""
    CLAIM_SINCE = "claim_since"
    """When the provider says that it began, Unix seconds."""
    CAPTURES = "captures"
    """Named groups of the dialogue's expressions: server text, never a label."""


FactValue = str | int | float | bool | tuple[str, ...]


@_direct
@unique
class State(StrEnum):
    """Of a check, a component, a service."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


@_direct
@unique
class Require(StrEnum):
    """How many of a component's redundant targets must answer."""

    ALL = "all"
    MAJORITY = "majority"
    """More than half."""
    ANY = "any"


@_direct
@unique
class VantageState(StrEnum):
    """What the witnesses say about the place we stand in."""

    ONLINE = "online"
    DEGRADED = "degraded"
    """The way out works, but is slow or loses packets: time-outs seen from here say nothing."""
    TRUST_STORE_OLD = "trust_store_old"
    """Certificates that verify elsewhere do not verify here: untrusted certificates say nothing."""
    RESOLVER_BROKEN = "resolver_broken"
    CLOCK_WRONG = "clock_wrong"
    CAPTIVE = "captive"
    """Somebody between us and everybody answers in their stead."""
    OFFLINE = "offline"


@_direct
@unique
class Breadth(StrEnum):
    """How much of a provider a window covers."""

    COMPONENT = "component"
    SERVICE = "service"
    PROVIDER = "provider"


@_direct
@unique
class Reach(StrEnum):
    """From where a window is seen."""

    GLOBAL = "global"
    REGIONAL = "regional"
    LOCAL = "local"
    UNDETERMINED = "undetermined"
    """One network alone cannot know."""


@_direct
@unique
class Kind(StrEnum):
    """How much of what is asked fails."""

    TOTAL = "total"
    """85 % or more of the attempts."""
    INTERMITTENT = "intermittent"
    """5 to 85 %."""
    DEGRADED = "degraded"
    """It answers, but slowly or late."""


@_direct
@unique
class Cause(StrEnum):
    """What the pattern of layers, vantages and neighbours says."""

    PROVIDER = "provider"
    DEPENDENCY = "dependency"
    PATH = "path"
    INTERFERENCE = "interference"
    PROBE = "probe"
    """Only our own prober explains it."""
    UNDETERMINED = "undetermined"


@_direct
@unique
class Claim(StrEnum):
    """What a provider says of its own service. News, never evidence."""

    FINE = "fine"
    MAINTENANCE = "maintenance"
    DEGRADED = "degraded"
    DOWN = "down"


@_direct
@unique
class Status(StrEnum):
    """Where a window is in its life."""

    PLANNED = "planned"
    """Something is down in an announced maintenance: recorded, not told."""
    OPEN = "open"
    RECOVERING = "recovering"
    """It answers again and is being watched."""
    CLOSED = "closed"
    ABSORBED = "absorbed"
    """Became part of a wider window, which has its start."""


@_direct
@unique
class Severity(StrEnum):
    """How much it matters to those who are told, worst first."""

    CRITICAL = "critical"
    """A whole service, or more, fails for nearly everybody who asks."""
    MAJOR = "major"
    """A part of a service, some of the attempts, or some of the places."""
    MINOR = "minor"
    """It answers, but slowly; or only what a service can do without fails."""


@_direct
@unique
class Event(StrEnum):
    """What a message tells of."""

    OPENED = "opened"
    CHANGED = "changed"
    """It became wider: component, service, provider; regional, global."""
    REMINDER = "reminder"
    """Still open."""
    ESCALATED = "escalated"
    """Nobody has acknowledged it in time."""
    RECOVERING = "recovering"
    """It answers again, and is being watched."""
    CLOSED = "closed"
    TEST = "test"
    """Nothing happened: somebody tries a route."""
