"""What the tests of the dashboards share."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.grafana.stage import Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path_factory.mktemp("stage"), stack)
