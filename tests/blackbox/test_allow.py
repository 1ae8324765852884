"""Where /probe may be aimed."""

import pytest

from monitor.blackbox.allow import Allowance, Place
from monitor.net.url import Url


def place(text: str) -> Place:
    if "://" in text:
        url = Url.parse(text)
        return Place(host=url.endpoint.host, port=url.endpoint.port, url=url)
    host, _, port = text.rpartition(":") if not text.endswith("]") and ":" in text else (text, "", "")
    return Place(host=host.strip("[]"), port=int(port) if port else None)


@pytest.mark.parametrize(
    ("pattern", "target"),
    [
        ("*", "https://anything.example/"),
        ("example.org", "http://example.org:8080/path"),
        ("example.org", "example.org:25"),
        ("example.org", "EXAMPLE.org.:25"),
        ("*.Example.org", "https://www.example.org/"),
        ("web?", "web1:22"),
        ("example.org:443", "https://example.org/"),
        ("*:443", "example.org:443"),
        ("10.0.0.*", "10.0.0.7:1"),
        ("::1", "[0:0:0:0:0:0:0:1]:25"),
        ("[::1]:25", "[::1]:25"),
        ("https://example.org", "https://example.org/any?x=1"),
        ("https://*.example.org/*", "https://a.example.org/b"),
        ("http*://example.org/health", "http://example.org/health"),
        ("http://example.org:8080/", "http://example.org:8080/"),
    ],
)
def test_a_target_that_matches_is_admitted(pattern: str, target: str) -> None:
    assert Allowance(["other.example", pattern]).admits(place(target))


@pytest.mark.parametrize(
    ("pattern", "target"),
    [
        ("example.org", "https://example.org.evil.example/"),
        ("example.org", "https://evil.example/example.org"),
        ("*.example.org", "https://example.org/"),
        ("*.example.org", "https://evil.example/?.example.org"),
        ("example.org:443", "http://example.org/"),
        ("*:443", "[fe80::443]:22"),
        ("https://example.org/*", "http://example.org/"),
        ("https://*.example.org/*", "https://evil.example/.example.org/x"),
        ("https://*.example.org/*", "https://evil.example/?a.example.org/"),
        ("https://example.org/public/*", "https://example.org/public/../secret"),
        ("https://example.org/public/*", "https://example.org/public/%2e%2E/secret"),
        ("https://example.org/health", "https://example.org/health?x=1"),
        ("https://example.org/*", "example.org:443"),
        ("exampleXorg", "example.org:1"),
        ("example.org", "exampleXorg:1"),
        ("[a-z]", "b:1"),
    ],
)
def test_a_target_that_does_not_match_is_refused(pattern: str, target: str) -> None:
    assert not Allowance([pattern]).admits(place(target))


def test_no_patterns_admit_everything_and_an_empty_list_nothing() -> None:
    assert Allowance(None).admits(place("example.org:1"))
    assert not Allowance([]).admits(place("example.org:1"))
