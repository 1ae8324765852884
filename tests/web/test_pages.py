"""The pages as text: what they say, and what they do not let through."""

import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest

from monitor.domain.attempt import Failure
from monitor.domain.check import WITNESS
from monitor.domain.outage import Span, Stage
from monitor.domain.words import Kind, Layer, Outcome, Reach, Reason, State, Status, VantageState
from tests.metrics.test_exposition import ok
from tests.support.fakes import a_check
from tests.support.windows import NOW, a_note, acme_planned, signal_open, telegram_recovering, whatsapp_2022
from tests.web.scene import Booked, Scene, Share, client, failed
from tests.web.test_pictures import day

_LEGEND = ("fine", "degraded", "down", "planned", "blind", "none")
_STYLE = (files("monitor.web") / "static/style.css").read_text()


async def look(scene: Scene, path: str = "/", headers: Mapping[str, str] | None = None) -> str:
    async with client(scene) as http:
        answer = await http.get(path, headers=headers)
        assert answer.status == 200
        return await answer.text()


async def headline(scene: Scene) -> tuple[str, str]:
    """Its colour and its sentence."""
    found = re.search(r'<h1 class="headline (\w+)">.*?<span>(.*?)</span></h1>', await look(scene))
    assert found is not None
    return found[1], found[2].replace("&#39;", "'")


def in_state(state: VantageState) -> Scene:
    scene = Scene()
    scene.board.replace([a_check("a")])
    scene.board.observe(a_check("a"), ok(a_check("a")))
    scene.standing = Span(vantage="fra-1", state=state, start=NOW - 300, end=None)
    return scene


def with_witness(scene: Scene, *, answers: bool) -> Scene:
    witness = a_check("w", service=WITNESS)
    scene.board.replace([*(row.check for row in scene.board.watched()), witness])
    scene.board.observe(witness, ok(witness) if answers else replace(failed("w"), check_id=witness.id))
    return scene


async def test_the_headline_of_single_checks_says_that_they_are_no_outage_yet() -> None:
    scene = Scene()
    checks = [a_check("a"), a_check("b", service="t")]
    scene.board.replace(checks)
    assert await headline(scene) == ("waiting", "The first round is on its way.")
    for check in checks:
        scene.board.observe(check, ok(check))
    assert await headline(scene) == ("ok", "Everything that was asked answers.")
    scene.board.observe(checks[0], failed("a"))
    assert await headline(scene) == ("unsure", "1 of 2 checks fails, in s: so far nothing to call an outage.")
    own = Failure(layer=None, reason=Reason.SELF_LAG, message="late")
    unsure = replace(ok(checks[1]), outcome=Outcome.INCONCLUSIVE, failure=own)
    scene.board.observe(checks[0], ok(checks[0]))
    scene.board.observe(checks[1], unsure)
    assert await headline(scene) == ("inconclusive", "No check fails; 1 of 2 could not tell.")


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (VantageState.OFFLINE, "It is us: our own network is unreachable since 2022-10-25 11:55:00 UTC, no witness"),
        (VantageState.RESOLVER_BROKEN, "It is us: the name servers that we ask do not work since 2022-10-25 11:55:00"),
        (VantageState.CAPTIVE, "It is us since 2022-10-25 11:55:00 UTC: somebody on our own way out answers in every"),
        (VantageState.CLOCK_WRONG, "It is us: this machine's clock is wrong since 2022-10-25 11:55:00 UTC, so no cer"),
    ],
)
async def test_a_blind_vantage_comes_first_whatever_is_open(state: VantageState, sentence: str) -> None:
    scene = in_state(state)
    scene.keep((signal_open(), ()))
    word, said = await headline(scene)
    assert word == "inconclusive"
    assert said.startswith(sentence)
    assert said.endswith("Nothing that fails is held against any service meanwhile.")


@pytest.mark.parametrize(
    ("state", "caution"),
    [
        (VantageState.DEGRADED, "Our own line is slow or loses packets since 2022-10-25 11:55:00 UTC: time-outs seen"),
        (VantageState.TRUST_STORE_OLD, "Our own list of trusted authorities is out of date since 2022-10-25 11:55:00"),
    ],
)
async def test_a_clouded_vantage_is_said_beside_what_is_open(state: VantageState, caution: str) -> None:
    scene = in_state(state)
    scene.keep((signal_open(), ()))
    assert await headline(scene) == ("failed", "signal chat fails on and off.")
    assert caution in await look(scene)


async def test_until_the_judgement_has_spoken_the_witnesses_say_whether_we_are_online() -> None:
    scene = Scene()
    scene.online = False
    word, said = await headline(scene)
    assert (word, said.split(",")[0]) == ("inconclusive", "It is us: our own network is unreachable")


async def test_what_is_open_is_said_before_what_recovers_and_what_was_announced() -> None:
    scene = in_state(VantageState.ONLINE)
    scene.titles = {"signal": "Signal"}
    scene.keep((acme_planned(), ()))
    assert await headline(scene) == ("planned", "acme-chat mqtt is down, as announced.")
    scene.keep((acme_planned(), ()), (telegram_recovering(), ()))
    assert await headline(scene) == ("recovering", "telegram answers again, was slow.")
    scene.keep((acme_planned(), ()), (telegram_recovering(), ()), (signal_open(), ()))
    assert await headline(scene) == ("failed", "Signal chat fails on and off.")
    text = await look(scene)
    places = [text.index(f'<article class="card {word}">') for word in ("failed", "recovering", "planned")]
    assert places == sorted(places)


async def test_what_is_only_slow_is_not_marked_as_down() -> None:
    scene = in_state(VantageState.ONLINE)
    slow = signal_open(kind=Kind.DEGRADED)
    scene.keep((slow, ()))
    assert await headline(scene) == ("unsure", "signal chat is slow.")
    scene.keep((slow, ()), (signal_open(id="other", target="telegram"), ()))
    assert (await headline(scene))[0] == "failed"


@pytest.mark.parametrize("path", ["/service/s", f"/outage/{signal_open().id}", "/card/s"])
async def test_a_blind_vantage_is_said_wherever_something_seems_to_go_on(path: str) -> None:
    scene = in_state(VantageState.OFFLINE)
    scene.keep((signal_open(services=("s",)), ()))
    said = "It is us: our own network is unreachable since 2022-10-25 11:55:00 UTC, no witness answers. Nothing that"
    assert said in await look(scene, path)
    scene.standing = Span(vantage="fra-1", state=VantageState.ONLINE, start=NOW - 1, end=None)
    assert "It is us" not in await look(scene, path)


@pytest.mark.parametrize("path", ["/", "/service/s", f"/outage/{signal_open().id}"])
async def test_a_monitor_that_is_not_on_time_says_so_on_every_page_of_what_goes_on(path: str) -> None:
    scene = in_state(VantageState.ONLINE)
    scene.keep((signal_open(), ()))
    assert "This monitor is not on time" not in await look(scene, path)
    scene.vitals = replace(scene.vitals, loop_lag=60.0)
    assert "This monitor is not on time" in await look(scene, path)


@pytest.mark.parametrize("path", ["/", "/service/s", f"/outage/{signal_open().id}", "/card/s"])
async def test_without_a_witness_that_answers_it_is_said_that_failures_count_for_nothing(path: str) -> None:
    scene = with_witness(in_state(VantageState.ONLINE), answers=False)
    scene.keep((signal_open(services=("s",)), ()))
    said = "No witness answers. Nothing that fails is held against any service meanwhile."
    assert said not in await look(scene, path)
    scene.online = False
    assert said in await look(scene, path)


async def test_of_what_is_over_it_does_not_matter_how_we_are_now() -> None:
    scene = in_state(VantageState.OFFLINE)
    scene.keep((whatsapp_2022(), ()))
    assert "It is us" not in await look(scene, f"/outage/{whatsapp_2022().id}")


@pytest.mark.parametrize("path", ["/", "/service/acme-chat", "/card/acme-chat"])
async def test_what_is_down_as_announced_is_called_so_until_something_else_breaks(path: str) -> None:
    scene = in_state(VantageState.ONLINE)
    scene.board.replace([a_check("a", service="acme-chat", component="mqtt")])
    scene.states = {("acme-chat", ""): State.DOWN, ("acme-chat", "mqtt"): State.DOWN}
    said = re.compile(r'class="(?:status|state)[^"]*">(announced maintenance|down)\s*<')
    scene.keep((acme_planned(), ()))
    assert "down" not in said.findall(await look(scene, path))
    assert 'mark failed"' not in await look(scene, path)
    assert "maintenance</title>" in await look(scene, "/badge/acme-chat.svg")
    scene.keep((acme_planned(), ()), (signal_open(services=("acme-chat",), components=("acme-chat.web",)), ()))
    assert "down" in said.findall(await look(scene, path))
    assert "down</title>" in await look(scene, "/badge/acme-chat.svg")


async def test_our_own_network_is_called_fine_when_a_witness_answers_and_only_then() -> None:
    scene = in_state(VantageState.ONLINE)
    scene.keep((signal_open(), ()))
    assert await headline(with_witness(scene, answers=False)) == ("failed", "signal chat fails on and off.")
    said = "signal chat fails on and off. Our own network is fine."
    assert await headline(with_witness(scene, answers=True)) == ("failed", said)


async def test_witnesses_are_shown_apart_and_are_no_service() -> None:
    scene = with_witness(in_state(VantageState.ONLINE), answers=False)
    assert await headline(scene) == ("ok", "Every service answers; 1 of 1 witnesses does not.")
    assert "Witnesses: 1 failed. They only tell how our own network is." in await look(scene)
    async with client(scene) as http:
        document = await (await http.get("/api/v1/services")).json()
        assert [service["name"] for service in document["services"]] == ["s"]


async def test_a_headline_names_three_outages_and_counts_the_others() -> None:
    scene = in_state(VantageState.ONLINE)
    scene.keep(*((signal_open(id=f"w{n}", target=f"s{n}.chat", start=NOW - 100 + n), ()) for n in range(5)))
    _, said = await headline(scene)
    assert said.startswith(
        "s4 chat fails on and off, and s3 chat fails on and off, and s2 chat fails on and off, and 2"
    )


async def test_of_very_many_outages_the_most_are_only_named_and_the_rest_counted() -> None:
    scene = in_state(VantageState.ONLINE)
    scene.keep(*((signal_open(id=f"w{n}", target=f"s{n}.chat", start=NOW - 999 + n), ()) for n in range(120)))
    text = await look(scene)
    assert text.count('<article class="card failed">') == 8
    assert text.count("/outage/") == 108
    assert "and 12 more</a>" in text


async def test_a_window_that_recovers_says_since_when_it_answers_and_until_when_it_is_watched() -> None:
    scene = in_state(VantageState.ONLINE)
    scene.keep((telegram_recovering(), ()))
    text = await look(scene)
    assert "Answers again since 2022-10-25 11:55:00 UTC. Being watched until 2022-10-25 12:10:00 UTC" in text
    assert "2022-10-25 11:20:00 - 11:55:00 UTC</time>, <b>35 min</b>" in text
    assert "(began up to 1 min earlier, ended up to 1 min earlier)" in text
    assert "Fine meanwhile from us-nyc." in text


async def test_what_was_no_outage_after_all_makes_no_headline() -> None:
    scene = in_state(VantageState.ONLINE)
    scene.keep((signal_open(), (a_note(signal_open(), changes=(("outage", "no"),)),)))
    assert await headline(scene) == ("ok", "Everything that was asked answers.")
    assert "signal chat: no outage after all" in await look(scene)


async def test_the_past_is_told_with_its_notes() -> None:
    scene = in_state(VantageState.ONLINE)
    past = whatsapp_2022()
    scene.keep((past, (a_note(past, changes=(("kind", "intermittent"),)),)))
    text = await look(scene)
    assert "whatsapp failed on and off for 2 h 55 min" in text
    assert "2022-10-25 06:35:00 - 09:30:00 UTC</time>, <b>2 h 55 min</b>" in text
    assert "Meta says: a technical error on their side.\nOur campaign was put off by a day." in text
    assert "ines, 2022-10-26 08:00:00 UTC · corrected: Kind: on and off" in text
    (query,) = [query for query in scene.shelf.asked if query.is_open is False]
    assert query.since == NOW - 7 * 86400
    scene.keep()
    assert "No outage has ended in this time." in await look(scene)


async def test_services_show_state_availability_and_what_was_seen_of_the_time() -> None:
    scene = in_state(VantageState.ONLINE)
    scene.states = {("s", ""): State.DEGRADED}
    scene.shelf.shares = [Share(service="s", share=0.99999, coverage=0.98)]
    text = await look(scene)
    assert '<span class="state unsure">degraded</span>' in text
    assert '<small>24 h</small> <b>99.99\u00a0%</b> <small class="seen">98\u00a0% seen</small>' in text


async def test_a_long_period_of_which_little_was_seen_says_how_little() -> None:
    scene = in_state(VantageState.ONLINE)
    scene.shelf.booked = [Booked(service="s", share=1.0, up=43_200.0, planned=21_600.0)]
    text = await look(scene)
    for period, seen in (("24 h", "75"), ("7 d", "10"), ("90 d", "0.83")):
        assert f'<small>{period}</small> <b>100\u00a0%</b> <small class="seen">{seen}\u00a0% seen' in text


async def test_what_was_hardly_seen_is_never_said_to_be_not_seen_at_all() -> None:
    scene = in_state(VantageState.ONLINE)
    scene.shelf.booked = [Booked(service="s", share=1.0, up=100.0)]
    assert '<small>90 d</small> <b>100\u00a0%</b> <small class="seen">&lt;\u00a00.01\u00a0% seen' in await look(scene)


@pytest.mark.parametrize("path", ["/", "/service/s"])
async def test_every_colour_of_the_bars_is_in_the_legend(path: str) -> None:
    scene = in_state(VantageState.ONLINE)
    scene.shelf.days = [day(2, planned=900.0), day(1, unknown=86400.0), day(0, 900.0, 900.0, degraded=900.0)]
    text = await look(scene, path)
    keys = set(re.findall(r'class="key (\w+)"', text))
    (bars,) = re.findall(r'<svg class="bars".*?</svg>', text, re.DOTALL)[:1]
    assert set(re.findall(r'<path class="(\w+)"', bars)) - {"unseen"} == keys == set(_LEGEND)
    assert all(f".key.{key}::before" in _STYLE for key in keys - {"fine"})


async def test_a_store_that_cannot_be_read_costs_the_past_and_not_the_page() -> None:
    scene = in_state(VantageState.ONLINE)
    scene.keep((signal_open(), ()), (whatsapp_2022(), ()))
    scene.shelf.problem = "/secret/path is damaged"
    for path in ("/", "/service/s"):
        text = await look(scene, path)
        assert "The store cannot be read at the moment. Past outages, notes and availability are missing below." in text
        assert "The last seven days" not in text
        assert "secret" not in text
    assert "signal chat fails on and off" in await look(scene)


async def test_between_two_attempts_is_said_only_where_there_are_two() -> None:
    scene = Scene()
    window = whatsapp_2022(start_after=None, end_after=None)
    scene.keep((window, ()))
    text = await look(scene, f"/outage/{window.id}")
    assert "between the two" not in text
    assert "the first attempt that failed: it may have begun before<" in text
    assert "the first attempt that was fine again: it may have ended before<" in text


async def test_of_what_was_only_slow_no_attempt_is_said_to_have_failed() -> None:
    scene = Scene()
    window = telegram_recovering(evidence=signal_open().evidence)
    scene.keep((window, ()))
    text = await look(scene, f"/outage/{window.id}")
    assert "the first attempt that was slow: it began between the two" in text
    assert "the last attempt that was slow" in text
    assert "The first attempts that were slow" in text
    assert "failed" not in re.sub("<[^>]*>", "", text)


async def test_a_course_tells_what_changed_and_nothing_else() -> None:
    scene, start = Scene(), NOW - 200
    kinds = [
        (Kind.TOTAL, Reach.UNDETERMINED),
        (Kind.INTERMITTENT, Reach.UNDETERMINED),
        (Kind.INTERMITTENT, Reach.LOCAL),
    ]
    stages = [
        Stage(since=start + n, kind=kind, reach=reach, status=Status.OPEN) for n, (kind, reach) in enumerate(kinds)
    ]
    scene.keep((signal_open(stages=tuple(stages)), ()))
    text = await look(scene, f"/outage/{signal_open().id}")
    assert "UTC</time> <span>now on and off</span>" in text
    assert "UTC</time> <span>now in one network or country</span>" in text
    assert "11:56:40 total, seen from one place alone; 11:56:41 on and off, seen from one place alone;" in text


async def test_an_outage_has_a_page_of_its_own() -> None:
    scene = Scene()
    window = whatsapp_2022()
    scene.keep((window, (a_note(window, changes=(("cause", "path"),)),)))
    text = await look(scene, f"/outage/{window.id}")
    for said in (
        "whatsapp was down for 2 h 55 min",
        '<time datetime="2022-10-25T06:34:30.000Z">2022-10-25 06:34:30 UTC</time> <span>the last attempt that was fine',
        "2022-10-25 06:35:00 UTC</time> <span>the first attempt that failed: it began between the two",
        "2022-10-25 07:25:00 UTC</time> <span>now total, everywhere we look<",
        "2022-10-25 09:30:00 UTC</time> <span>the first attempt that was fine again",
        "<dt>Corrected by people</dt><dd>Cause, as far as the pattern says: the way there (judged: the provider)</dd>",
        "<dt>Of the same provider, and fine</dt><dd>messenger, instagram and facebook</dd>",
        "<dt>Where it broke</dt><dd>at the handshake (handshake/timeout)</dd>",
        "whatsapp/chat/g.whatsapp.net:443/whatsapp",
        '<b>handshake/timeout</b> <span lang="en">no ServerHello within 10 s</span>',
        f'href="/api/v1/outages/{window.id}"',
    ):
        assert said in text, said
    assert 'http-equiv="refresh"' not in text, "what is over does not change"
    scene.keep((signal_open(), ()))
    assert '<noscript><meta http-equiv="refresh"' in await look(scene, f"/outage/{signal_open().id}")


async def test_pages_of_nothing_and_of_a_broken_store_are_a_sentence_in_the_readers_language() -> None:
    scene = Scene()
    async with client(scene) as http:
        for path, code, said in (
            ("/outage/none", 404, "There is no such outage."),
            ("/service/none", 404, "No service of that name is watched here."),
            ("/history?since=never", 400, "since: &#39;never&#39; is no time"),
            ("/outage/none?lang=it", 404, "Questo guasto non esiste."),
            ("/outage/none", 404, "Questo guasto non esiste."),
        ):
            answer = await http.get(path)
            assert (answer.status, said in await answer.text()) == (code, True), path
        scene.shelf.problem = "gone"
        for path in ("/outage/none?lang=en", "/history"):
            answer = await http.get(path)
            assert answer.status == 503
            assert "The store cannot be read at the moment." in await answer.text()


class Elements(HTMLParser):
    """Every element of a page with its attributes, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # type: ignore[explicit-override]  # of Python 3.11
        self.found.append((tag, dict(attrs)))


async def test_what_servers_and_people_said_cannot_become_markup() -> None:
    nasty = '<script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="x'
    scene = Scene()
    scene.board.replace([replace(a_check(nasty), component=nasty, provider=nasty)])
    (row,) = scene.board.rows()
    scene.board.observe(row.check, replace(failed("a", nasty), check_id=row.check.id))
    scene.titles = {"s": nasty}
    base = signal_open()
    evidence = tuple(replace(item, message=nasty, vantage=nasty, check_id=f"s/{nasty}/x/y") for item in base.evidence)
    named: dict[str, Any] = {
        "vantages": (nasty,),
        "components": (nasty,),
        "services": ("s", nasty),
        "vantages_fine": (nasty + "2",),
    }
    window = signal_open(sentence=nasty, evidence=evidence, target=nasty, provider=nasty, unaffected=(nasty,), **named)
    closed = replace(window, id="w2", status=Status.CLOSED, end=NOW, closed=NOW, layer=Layer.TLS)
    note = a_note(window, author=nasty, text=nasty, changes=((nasty, nasty),))
    scene.keep((window, (note,)), (closed, (note,)))
    asked = "<script>%22 onx=%22"
    for path in ("/", f"/outage/{window.id}", "/outage/w2", "/service/s", f"/history?text={asked}&service={asked}"):
        text = await look(scene, path)
        assert "&lt;script&gt;" in text
        for tag, attributes in Elements(text).found:
            assert tag != "img"
            assert tag != "script" or attributes == {"src": "/static/live.js", "defer": None}
            assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
