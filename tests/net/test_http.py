import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Endpoint, Route
from monitor.net.http import Response, _Reader, encode_request, exchange, http_date
from monitor.net.network import Network
from monitor.net.url import Url
from tests.support.answering import answering

_ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-Empty:\r\nX-A: b\r\n\r\nhello world",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: t\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nhello until the end",
    b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 A second answer\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nhello world, which is over the limit!!!!",
    b"HTTP/1.1 200 OK\r\nX: " + b"x" * 65400 + b"\r\n\r\nbody",
)
_CUTS = st.lists(st.integers(min_value=1, max_value=40), max_size=30)


def read(pieces: list[bytes], limit: int = 30, *, head: bool = False) -> tuple[Response, bytes] | str:
    """What a reader makes of the pieces and then the end of the stream: the response, or the failure's reason."""
    run, reader, left = Run(time.monotonic), _Reader(limit, head=head), list(pieces)
    try:
        while left and not reader.feed(run, left.pop(0)):
            pass
        if not reader.done:
            reader.end(run)
    except ProbeFailed as failure:
        return failure.reason
    return reader.response(), reader.rest + b"".join(left)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [piece for piece in (*pieces, data) if piece]


@given(st.sampled_from(_ANSWERS), _CUTS, st.booleans())
def test_packet_borders_change_nothing(answer: bytes, sizes: list[int], head: bool) -> None:
    whole, pieced = read([answer], head=head), read(cut(answer, sizes), head=head)
    assert not isinstance(whole, str)
    assert not isinstance(pieced, str)
    assert pieced[0] == whole[0]
    if whole[0].status == 101:
        assert pieced[1] == whole[1] == b"\x81\x05hello"


@given(st.binary(max_size=200), _CUTS)
def test_random_bytes_raise_nothing_but_probe_failed(answer: bytes, sizes: list[int]) -> None:
    read(cut(answer, sizes))


@given(st.sampled_from(_ANSWERS), st.integers(min_value=0, max_value=150), st.binary(max_size=8), _CUTS)
def test_damaged_answers_raise_nothing_but_probe_failed(
    answer: bytes, place: int, damage: bytes, sizes: list[int]
) -> None:
    read(cut(answer[:place] + damage + answer[place + len(damage) :], sizes))


@given(st.sampled_from(_ANSWERS[:3]), st.data())
def test_an_answer_with_a_length_that_ends_early_is_closed(answer: bytes, data: st.DataObject) -> None:
    end = data.draw(st.integers(min_value=0, max_value=len(answer) - 1))
    assert read([answer[:end]] if end else []) == "closed"


def test_an_empty_header_does_not_swallow_the_next() -> None:
    found = read([_ANSWERS[0]])
    assert not isinstance(found, str)
    assert found[0].headers == ((b"content-length", b"11"), (b"x-empty", b""), (b"x-a", b"b"))


def test_trailers_are_not_headers() -> None:
    found = read([_ANSWERS[2]])
    assert not isinstance(found, str)
    assert found[0].header(b"x-trailer") is None
    assert found[0].body == b"hello world"


@pytest.mark.parametrize(
    ("limit", "body", "truncated"), [(40, 40, False), (39, 39, True), (0, 0, True), (41, 40, False)]
)
def test_the_limit_is_exact(limit: int, body: int, truncated: bool) -> None:
    found = read([_ANSWERS[7]], limit)
    assert not isinstance(found, str)
    assert (len(found[0].body), found[0].truncated) == (body, truncated)


@pytest.mark.parametrize("size", [64 * 1024 - 22, 64 * 1024 - 21])
def test_a_head_is_64_kib_at_most_however_it_arrives(size: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nX: "[:-1] + b"x" * (size - 3) + b"\r\n\r\n"
    assert len(head) in (64 * 1024 - 2, 64 * 1024 - 1)
    assert not isinstance(read([head + b"z" * 200000], 10), str)
    assert read([head[:-4] + b"xxxx\r\n\r\n"]) == "size"


@given(_CUTS)
def test_nothing_that_follows_an_upgrade_is_lost(sizes: list[int]) -> None:
    frames = bytes(range(256)) * 400
    for found in (read([_ANSWERS[6] + frames]), read(cut(_ANSWERS[6] + frames, sizes))):
        assert not isinstance(found, str)
        assert found[1] == b"\x81\x05hello" + frames


async def test_what_follows_an_upgrade_stays_in_the_stream() -> None:
    async with answering(_ANSWERS[6]) as port:
        run, network = Run(time.monotonic), Network(time.monotonic, time.time)
        async with await network.connect(run, Endpoint(host="127.0.0.1", port=port), Route()) as stream:
            response = await exchange(run, stream, b"GET / HTTP/1.1\r\n\r\n", limit=10)
            assert response.status == 101
            assert await stream.read_exactly(7) == b"\x81\x05hello"


def test_a_request_has_host_connection_and_the_length_of_its_body() -> None:
    url = Url.parse("http://[::1]:8080/a b?c=ü#fragment")
    assert encode_request("POST", url, {"X": "ü"}, b"body") == (
        b"POST /a%20b?c=%C3%BC HTTP/1.1\r\nHost: [::1]:8080\r\nX: \xfc\r\nConnection: close\r\n"
        b"Content-Length: 4\r\n\r\nbody"
    )
    assert encode_request("GET", Url.parse("https://example.org"), {"host": "other", "Connection": "Upgrade"}) == (
        b"GET / HTTP/1.1\r\nhost: other\r\nConnection: Upgrade\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("base", "reference", "target", "origin"),
    [
        ("http://h/a/b?c", "d", "/a/d", "http://h:80"),
        ("http://h/a/b?c", "?e=%20", "/a/b?e=%20", "http://h:80"),
        ("http://h:8080/a/b", "//other/x", "/x", "http://other:80"),
        ("http://h:8080/a/b", "https://other:444", "/", "https://other:444"),
        ("http://[::1]:8080/", "/x", "/x", "http://[::1]:8080"),
    ],
)
def test_a_location_is_resolved_against_the_url(base: str, reference: str, target: str, origin: str) -> None:
    joined = Url.parse(base).join(reference)
    assert (joined.target, joined.origin) == (target, origin)


@given(st.text(max_size=60))
def test_any_location_is_a_url_or_a_value_error(reference: str) -> None:
    try:
        url = Url.parse("http://h/a").join(reference)
    except ValueError:
        return
    request = encode_request("GET", url, {})
    assert request.count(b"\r\n") == 4
    assert request.split(b"\r\n")[0].count(b" ") == 2


def test_dates_are_read_and_nonsense_is_not() -> None:
    assert http_date(b"Sun, 06 Nov 1994 08:49:37 GMT") == 784111777
    for nonsense in (b"", b"soon", b"\xff\xfe", b"Sun, 99 Nov 1994 08:49:37 GMT", b"Sun, 06 Nov 99999999 08:49:37 GMT"):
        assert http_date(nonsense) is None
