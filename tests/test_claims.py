"""What providers say of themselves: noted when it changes, over restarts, and no evidence of anything."""

from typing import ClassVar

from monitor.claims import Claims
from monitor.domain.check import Check
from monitor.domain.ruling import Ruling
from monitor.domain.words import Claim, Fact, FactValue, Outcome
from tests.judgement.court import Seen, attempt
from tests.support.fakes import FakeSettings, a_check

T0 = 1_700_000_000.0


class SaidSettings(FakeSettings):
    """Of a probe that reads a status page."""

    evidence: ClassVar[bool] = False


class Listener:
    """What was kept."""

    def __init__(self, memory: dict[str, str] | None = None) -> None:
        self.rulings: list[Ruling] = []
        self.claims = Claims(self.rulings.append)
        self.check: Check = a_check("page", kind="statuspage", settings=SaidSettings())
        self.claims.replace([self.check])
        if memory is not None:
            self.claims.resume(memory)

    def hear(self, at: float, claim: Claim | None, text: str = "", outcome: Outcome = Outcome.OK) -> None:
        facts: dict[Fact, FactValue] = {} if claim is None else {Fact.CLAIM: claim, Fact.CLAIM_TEXT: text}
        self.claims.observe(self.check, attempt(self.check, T0 + at, Seen(outcome, facts=tuple(facts.items()))))

    @property
    def said(self) -> list[tuple[float, Claim]]:
        return [(said.at - T0, said.claim) for ruling in self.rulings for said in ruling.claims]

    @property
    def memory(self) -> dict[str, str]:
        return {key: text for ruling in self.rulings for key, text in ruling.memory}


def test_good_news_from_the_start_is_no_news() -> None:
    listener = Listener({})
    listener.hear(0, Claim.FINE)
    listener.hear(300, Claim.FINE)
    assert listener.said == []
    assert [said.claim for said in listener.claims.current(T0 + 301)] == [Claim.FINE]


def test_a_change_is_kept_once_with_the_providers_words() -> None:
    listener = Listener({})
    for at, claim in ((0, Claim.FINE), (300, Claim.DOWN), (600, Claim.DOWN), (900, Claim.FINE)):
        listener.hear(at, claim, "<b>we\x00 look</b>")
    assert listener.said == [(300, Claim.DOWN), (900, Claim.FINE)]
    assert "\x00" not in listener.rulings[0].claims[0].text


def test_a_restart_does_not_make_it_said_again() -> None:
    first = Listener({})
    first.hear(0, Claim.DOWN)
    second = Listener(first.memory)
    second.hear(300, Claim.DOWN)
    assert second.said == []
    second.hear(600, Claim.FINE)
    assert second.said == [(600, Claim.FINE)]


def test_what_is_heard_before_the_memory_is_there_waits() -> None:
    listener = Listener()
    listener.hear(0, Claim.DOWN)
    assert listener.said == []
    listener.claims.resume({})
    assert listener.said == [(0, Claim.DOWN)]


def test_a_page_that_cannot_be_read_says_nothing_and_after_a_while_nothing_is_said() -> None:
    listener = Listener({})
    listener.hear(0, Claim.DOWN)
    listener.hear(60, None, outcome=Outcome.FAILED)
    assert listener.said == [(0, Claim.DOWN)]
    interval = listener.check.interval
    assert len(listener.claims.current(T0 + 3 * interval)) == 1
    assert len(listener.claims.current(T0 + 3 * interval + 1)) == 0


def test_other_checks_are_not_listened_to() -> None:
    listener = Listener({})
    other = a_check()
    listener.claims.observe(other, attempt(other, T0, Seen(facts=((Fact.CLAIM, Claim.DOWN),))))
    assert listener.said == []
