"""Alerting at work: whatever goes wrong in it costs alerting, and nothing that the judgement decided."""

from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.dispatch import Dispatch, Standing
from monitor.domain.ruling import Ruling
from monitor.domain.words import State
from monitor.store import Store
from tests.support.judged import T0, a_window


def test_a_desk_that_stumbles_loses_no_ruling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = Standing(state_of=lambda _: State.UNKNOWN, windows=tuple)
    dispatch = Dispatch(SystemClock(), Store(f"sqlite:///{tmp_path}/x.db"), standing, "lastseen")
    ruling = Ruling(at=T0, windows=(a_window(),))

    def stumble(_: Ruling) -> Ruling:
        raise KeyError

    monkeypatch.setattr(dispatch.desk, "decide", stumble)
    assert dispatch.advise(ruling) == ruling
