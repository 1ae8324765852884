"""What blackbox_exporter would say of an answer: its order of judging, its rules."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import dns.message

from monitor.blackbox.expressions import translated
from monitor.blackbox.modules import DnsOptions, HeaderMatch, HttpOptions, RecordRules
from monitor.domain.text import compiled
from monitor.net.answers import lines
from monitor.net.http import Response

_REDIRECTS = (301, 302, 303, 307, 308)
_GZIP_MAGIC = b"\x1f\x8b"
_DECODED = 10 * 1024 * 1024
_BITS = {"gzip": 31, "deflate": -15}  # Go's "deflate" is RFC 1951, without zlib's frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether an answer is right, and if not why. ``by_regex``: an expression decided against it."""

    complaint: str = ""
    by_regex: bool = False
    body_bytes: int = 0
    """Length of the uncompressed body, as far as it was read."""


def judge_http(options: HttpOptions, response: Response, *, secure: bool) -> Verdict:
    """Status, headers, body, size, version, TLS, in this order. ``secure``: it came over TLS."""
    body, unreadable = _body(options, response)
    complaint, by_regex = _status(options, response), False
    if not complaint:
        complaint = _headers(options, response)
        by_regex = bool(complaint)
    if not complaint and options.compression == "gzip" and not response.body.startswith(_GZIP_MAGIC):
        complaint = "the body is not gzip"
    if not complaint and (options.fail_if_body_matches_regexp or options.fail_if_body_not_matches_regexp):
        complaint = unreadable or _expressions(options, body)
        by_regex = bool(complaint)
    if is_unfollowed(response):
        unreadable = ""
    return Verdict(
        complaint=complaint or unreadable or _protocol(options, response, secure=secure),
        by_regex=by_regex,
        body_bytes=len(body),
    )


def is_unfollowed(response: Response) -> bool:
    """A final response that is a redirect still; Go's client closes the body of one unread."""
    return response.status in _REDIRECTS and response.header(b"location") is not None


def _status(options: HttpOptions, response: Response) -> str:
    valid = options.valid_status_codes or range(200, 300)
    return "" if response.status in valid else f"status {response.status} is not valid"


def _body(options: HttpOptions, response: Response) -> tuple[bytes, str]:
    """What can be read of the body, and why it cannot be read to its end."""
    if is_unfollowed(response):
        return b"", "the body of a redirect that is not followed is not read"
    limit = options.body_size_limit
    body, complaint = response.body, ""
    if options.compression in _BITS:
        body, complaint = _inflated(response.body, _BITS[options.compression], limit or _DECODED)
    if limit and (response.truncated or len(body) > limit):
        return body[:limit], f"a body of more than {limit} bytes"
    return body, complaint


def _inflated(data: bytes, bits: int, limit: int) -> tuple[bytes, str]:
    inflater = zlib.decompressobj(bits)
    try:
        body = inflater.decompress(data, limit + 1)
    except zlib.error:
        return b"", "the body is not compressed as the module says"
    return body, "" if inflater.eof or len(body) > limit else "the compressed body ends too early"


def _headers(options: HttpOptions, response: Response) -> str:
    for rule in options.fail_if_header_matches:
        values = _values(response, rule)
        if values is None or any(_search(rule.regexp, value) for value in values):
            return f"header {rule.header}: a match for {rule.regexp!r}" if values else f"no header {rule.header}"
    for rule in options.fail_if_header_not_matches:
        values = _values(response, rule)
        if values is None or (values and not any(_search(rule.regexp, value) for value in values)):
            return f"header {rule.header}: no match for {rule.regexp!r}" if values else f"no header {rule.header}"
    return ""


def _values(response: Response, rule: HeaderMatch) -> list[bytes] | None:
    """The values to look at; None for a header that is missing and must not be."""
    name = rule.header.lower().encode()
    values = [value for known, value in response.headers if known == name]
    return None if not values and not rule.allow_missing else values


def _expressions(options: HttpOptions, body: bytes) -> str:
    for text in options.fail_if_body_matches_regexp:
        if _search(text, body):
            return f"the body has a match for {text!r}"
    for text in options.fail_if_body_not_matches_regexp:
        if not _search(text, body):
            return f"the body has no match for {text!r}"
    return ""


def _protocol(options: HttpOptions, response: Response, *, secure: bool) -> str:
    if options.valid_http_versions and f"HTTP/{response.version}" not in options.valid_http_versions:
        return f"HTTP version {response.version} is not valid"
    if secure and options.fail_if_ssl:
        return "the final answer came over TLS"
    return "the final answer did not come over TLS" if not secure and options.fail_if_not_ssl else ""


def judge_dns(options: DnsOptions, response: dns.message.Message) -> Verdict:
    """The records of each section."""
    for rules, records, name in (
        (options.validate_answer_rrs, response.answer, "answer"),
        (options.validate_authority_rrs, response.authority, "authority"),
        (options.validate_additional_rrs, response.additional, "additional"),
    ):
        complaint = _records(rules, [line.encode() for line in lines(records)])
        if complaint:
            return Verdict(complaint=f"{name} section: {complaint}")
    return Verdict()


def _records(rules: RecordRules, records: Sequence[bytes]) -> str:
    def hits(texts: Iterable[str]) -> list[list[bool]]:
        return [[_search(text, record) for text in texts] for record in records]

    if any(map(any, hits(rules.fail_if_matches_regexp))):
        return "a record matches fail_if_matches_regexp"
    # The name says the opposite, but this is what blackbox_exporter does: it wants every record to match.
    if not all(map(all, hits(rules.fail_if_all_match_regexp))):
        return "not every record matches fail_if_all_match_regexp"
    if rules.fail_if_not_matches_regexp and not (records and all(map(all, hits(rules.fail_if_not_matches_regexp)))):
        return "a record does not match fail_if_not_matches_regexp, or there is none"
    if rules.fail_if_none_matches_regexp and not any(map(any, hits(rules.fail_if_none_matches_regexp))):
        return "no record matches fail_if_none_matches_regexp"
    return ""


def _search(text: str, data: bytes) -> bool:
    return compiled(translated(text)).search(data) is not None
