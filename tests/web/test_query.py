from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.outage import OutageQuery
from monitor.web.query import page
from tests.support.windows import NOW


def ask(**asked: str) -> OutageQuery:
    return page(asked.items(), NOW, 100).query


def test_all_filters_are_understood() -> None:
    assert ask() == OutageQuery(limit=100)
    assert ask(service="whatsapp", provider="meta", open="true", limit="1000", offset="3") == OutageQuery(
        service="whatsapp", provider="meta", is_open=True, limit=1000, offset=3
    )
    assert ask(open="false").is_open is False
    assert ask(since="7d", until="1h") == OutageQuery(since=NOW - 7 * 86400, until=NOW - 3600, limit=100)
    assert ask(since="2022-10-25T06:35:00Z").since == ask(since="1666679700000").since == 1666679700.0


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"since": "yesterday"}, "since: 'yesterday' is no time: write 2022-10-25T07:02:00Z"),
        ({"until": ""}, "until: '' is no time"),
        ({"since": "1h", "until": "7d"}, "until lies before since"),
        ({"open": "yes"}, "open: 'yes' is neither true nor false"),
        ({"limit": "0"}, "limit: '0' is no whole number from 1 to 1000"),
        ({"limit": "1001"}, "limit: '1001' is no whole number from 1 to 1000"),
        ({"limit": "\u0665"}, "limit: .* is no whole number"),
        ({"limit": "9" * 5000}, "limit: .* is no whole number"),
        ({"offset": "-1"}, "offset: '-1' is no whole number from 0"),
        ({"offset": "1e3"}, "offset: '1e3' is no whole number"),
        ({"service": ""}, "service: '' cannot be a name"),
        ({"service": "a\x00b"}, "service: .* cannot be a name"),
        ({"provider": "x" * 201}, "provider: .* cannot be a name"),
        ({"servce": "x"}, "there is no parameter 'servce': ask with since, until, service"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(asked: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ask(**asked)


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="open is given more than once"):
        page([("open", "true"), ("open", "false")], NOW, 100)


_TIMES = st.sampled_from(
    ["7d", "2022-10-25", "1666679700000", "2022-10-25T06:35:00.125Z", "99999w", "1971-01-01", "9999-12-31T23:59:59Z"]
)
_FILTERS = {
    "since": _TIMES,
    "service": st.text("abc &=?%+é", min_size=1, max_size=5),
    "provider": st.just("meta"),
    "open": st.sampled_from(["true", "false"]),
    "limit": st.integers(1, 1000).map(str),
    "offset": st.integers(0, 10**6).map(str),
}


@given(st.fixed_dictionaries({}, optional=_FILTERS))
def test_the_next_page_asks_the_same_a_little_further_on_also_a_minute_later(asked: dict[str, str]) -> None:
    first = page(asked.items(), NOW, 100)
    address = urlsplit(first.following("/api/v1/outages"))
    assert address.path == "/api/v1/outages"
    second = page(parse_qsl(address.query), NOW + 60, 100)
    assert second.query == OutageQuery(
        since=first.query.since,
        service=first.query.service,
        provider=first.query.provider,
        is_open=first.query.is_open,
        limit=first.query.limit,
        offset=first.query.offset + first.query.limit,
    )
