"""Every store: SQLite, and a PostgreSQL that is started for these tests."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from monitor.store import Store
from tests.support.postgres import Postgres


@pytest.fixture(scope="package")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/x.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
async def open_store(url: str) -> AsyncIterator[Callable[[], Store]]:
    """Opens the same store again and again; the one before is closed by the test."""
    opened: list[Store] = []

    def again() -> Store:
        opened.append(Store(url))
        opened[-1].claim()
        return opened[-1]

    yield again
    await opened[-1].close()


@pytest.fixture
async def store(open_store: Callable[[], Store]) -> Store:
    return open_store()
