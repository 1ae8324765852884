"""What the first page costs with a thousand checks and a year of history, read from a real store."""

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bench.store import END, Past, fill
from monitor.domain.words import State
from monitor.store import Archive, StoreError
from monitor.web.backend import Backend, History
from monitor.web.door import Listen
from monitor.web.past import Past as Asked
from monitor.web.server import make_app
from tests.support.fakes import a_check
from tests.web.scene import Scene

SERVICES = 100
_YEAR = """insert or replace into state_days
with recursive day(at) as (select {begin} union all select at + 86400 from day where at + 86400 < {end})
select at, no, 86400000 - bad, 0, bad, 0, 0
from (select at, no, case when (no * 7 + at / 86400) % 20 = 0 then 61250 else 0 end as bad
      from day cross join subjects)"""


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    """A hundred services of ten checks: single hours of three days, single days of a year, a thousand windows."""
    path = tmp_path / "year.db"
    await fill(path, Past(services=SERVICES, components=10, days=3, windows=1000))
    with closing(sqlite3.connect(path)) as database:
        database.execute(_YEAR.format(begin=END - 365 * 86400, end=END))
        database.commit()
    made = Archive.visit(f"sqlite:///{path}")
    yield made
    await made.close()


def a_backend(archive: Archive) -> Backend:
    scene = Scene()
    scene.clock.advance(END - 1 - scene.clock.now())
    names = [f"s{number}" for number in range(SERVICES)]
    scene.board.replace([a_check(f"h{n}", service=name, component=f"c{n}") for name in names for n in range(10)])
    scene.states = {(name, ""): State.UP for name in names}
    past = Asked(
        days=archive.days_of, parts=archive.days, hours=archive.hours, pace=archive.pace, course=archive.course
    )
    history = History(
        windows=archive.windows,
        window=archive.window,
        availability=archive.availability,
        claims=archive.claims,
        past=past,
        errors=(StoreError,),
    )
    return replace(scene.backend(), history=history)


async def test_a_thousand_checks_and_a_year_of_history_make_a_small_page_quickly(archive: Archive) -> None:
    costs, text = [], ""
    async with TestClient(TestServer(make_app(a_backend(archive), Listen(host="127.0.0.1", port=0), []))) as http:
        for path in ("/", "/?a=1", "/?a=2", "/?a=3", "/?a=4"):  # no two of them share an answer
            began = time.process_time()
            answer = await http.get(path)
            text = await answer.text()
            costs.append(time.process_time() - began)
    assert text.count('<li><a class="name"') == SERVICES
    assert text.count('<path class="down"') == SERVICES
    assert text.count("was down, total, everywhere we look") == 15, "of the last week"
    assert len(text.encode()) < 100_000
    assert min(costs) < 0.3, "seconds of processor time, the client's and the store's included"
