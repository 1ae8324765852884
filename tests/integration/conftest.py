"""What the tests of the whole process share."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.street import Street


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with ExitStack() as stack:
        yield Street(tmp_path_factory.mktemp("street"), stack)
