"""Every window says when it was last decided anew."""

from collections import Counter

from tests.judgement.court import FINE, STUCK, Court, check


def test_each_version_of_a_window_is_dated_by_the_sitting_that_ruled_on_it() -> None:
    chat, media = check("chat"), check("media")
    court = Court(chat, media)
    court.rounds(20)
    court.meet(STUCK, 10, chat)
    court.meet(STUCK, 10, media)
    court.meet(FINE, 50)
    dated = Counter[tuple[str, float]]((window.id, window.updated) for window in court.kept.versions)
    assert set(dated.values()) == {1}
    (closed,) = [window for window in court.kept.versions if window.closed is not None and not window.absorbed_by]
    assert closed.updated == closed.closed
    (opened, *_) = court.kept.versions
    assert opened.updated == opened.opened


def test_a_restart_alone_dates_nothing_anew() -> None:
    court = Court(check("chat"))
    court.rounds(20)
    court.meet(STUCK, 10)
    before = court.window.updated
    court.restart()
    assert [window.updated for window in court.judge.windows] == [before]
    known = len(court.kept.versions)
    court.rounds(1)
    assert all(window.updated > before for window in court.kept.versions[known:])
