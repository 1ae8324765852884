"""SIP messages as far as an OPTIONS request needs them (RFC 3261). See `monitor.wire` for the promise of a codec."""

import re
from dataclasses import dataclass

_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: .*)?", re.IGNORECASE)
_BRANCH = re.compile(r";\s*branch\s*=\s*([^\s;,]+)", re.IGNORECASE)
_SECONDS = re.compile(r"\s*([0-9]{1,9})\s*(?:[;(].*)?", re.DOTALL)
_MOST_LINES = 256
_COMPACT = {"v": "via", "i": "call-id", "l": "content-length", "k": "supported"}  # RFC 3261 section 7.3.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What makes an OPTIONS request ours. ``nonce``: hexadecimal, of nobody's guessing."""

    nonce: str
    transport: str
    """UDP, TCP or TLS."""
    sent_by: str
    """Where we are: host and port."""
    uri: str
    user_agent: str

    @property
    def branch(self) -> str:
        """The name of the transaction."""
        return f"z9hG4bK{self.nonce}"

    def encode(self) -> bytes:
        """The request (RFC 3261 section 11.1, and the rport of RFC 3581)."""
        lines = [
            f"OPTIONS {self.uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {self.sent_by};branch={self.branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:lastseen@anonymous.invalid>;tag={self.nonce[:16]}",
            f"To: <{self.uri}>",
            f"Call-ID: {self.nonce}",
            "CSeq: 1 OPTIONS",
            "Accept: application/sdp",
            f"User-Agent: {self.user_agent}",
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""]).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response. Of a header field that stands there more than once, the first counts."""

    status: int
    headers: dict[str, str]
    """By lower-case name."""
    size: int
    """Bytes of the body, as Content-Length tells; 0 without one."""

    def is_to(self, question: Question) -> bool:
        """Whether it belongs to the transaction of ``question`` (RFC 3261 section 17.1.3), and to its call."""
        branch = _BRANCH.search(self.headers.get("via", "").partition(",")[0])
        return (
            branch is not None
            and branch[1] == question.branch
            and self.headers.get("call-id") == question.nonce
            and self.headers.get("cseq", "").split() == ["1", "OPTIONS"]
        )

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks us to stay away, None when it does not."""
        found = _SECONDS.fullmatch(self.headers.get("retry-after", ""))
        return float(found[1]) if found else None


def decode(head: bytes) -> Answer:
    """The response whose head ``head`` is, without the empty line that ends it. Raises ValueError."""
    lines = re.sub(r"\r?\n[ \t]+", " ", head.decode(errors="replace")).split("\n")  # folded lines are one
    status = _STATUS.fullmatch(lines[0].rstrip("\r"))
    if status is None:
        raise ValueError("not a SIP response")
    if len(lines) > _MOST_LINES:
        raise ValueError(f"a SIP response of more than {_MOST_LINES} header fields")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not name:
            raise ValueError("a SIP header field without a name")
        headers.setdefault(_COMPACT.get(name, name), value.strip())
    size = headers.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,9}", size):
        raise ValueError("the content length is not a number")
    return Answer(status=int(status[1]), headers=headers, size=int(size))
