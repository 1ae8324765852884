"""What a store tells of the times of each vantage, whatever the database."""

from monitor.domain.ruling import Ruling
from monitor.store import Store
from tests.support.judged import T0, a_span


async def test_spans_of_a_time_are_those_that_lie_at_least_partly_in_it(store: Store) -> None:
    before, first, second = a_span(T0 - 60, T0), a_span(T0 - 30, T0 + 10, "b"), a_span(T0 + 10, T0 + 20, "b")
    lasting, after = a_span(T0 + 5), a_span(T0 + 60, T0 + 90, "b")
    store.keep(Ruling(at=T0, spans=(after, second, lasting, first, before)))
    await store.kept()
    assert await store.archive.spans(T0, T0 + 60) == (first, second, lasting), "by vantage, then by start"
    assert await store.archive.spans(T0 + 20, T0 + 61) == (after, lasting)
    assert await store.archive.spans(T0 - 100, T0 - 60) == ()
