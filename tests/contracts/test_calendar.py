"""Days, hours and latencies for pictures, and windows by what only their documents tell."""

from dataclasses import replace

from monitor.domain.attempt import Attempt
from monitor.domain.outage import OutageQuery, StateSeconds
from monitor.domain.ruling import Ruling
from monitor.domain.words import Breadth, Kind, Outcome
from monitor.store import Store, Tally
from monitor.store.values import DAY, HOUR
from tests.support.fakes import a_check
from tests.support.judged import T0
from tests.support.windows import a_note, meta_2021, signal_open, whatsapp_2022

H0 = int(T0) // DAY * DAY


async def test_days_are_told_of_services_as_a_whole_and_hours_of_their_components_too(store: Store) -> None:
    store.keep_seconds(
        StateSeconds(hour=H0 + n * HOUR, service=service, component=component, up=HOUR - 60.5, down=60.5)
        for n in (0, 1, 24, 49)
        for service in ("a", "b", "c")
        for component in ("", "x")
    )
    await store.flush()
    days = await store.archive.days_of(["a", "b"], H0 + 5000, H0 + DAY + 5)
    assert [(day.begin, day.service, day.component, day.down) for day in days] == [
        (H0, "a", "", 121.0),
        (H0, "b", "", 121.0),
        (H0 + DAY, "a", "", 60.5),
        (H0 + DAY, "b", "", 60.5),
    ]
    hours = await store.archive.hours("c", H0 + HOUR + 5, H0 + DAY)
    assert [(hour.begin, hour.component, hour.up) for hour in hours] == [
        (H0 + n * HOUR, component, HOUR - 60.5) for n in (1, 24) for component in ("", "x")
    ]
    assert await store.archive.days_of([], H0, H0 + DAY) == ()
    assert await store.archive.hours("z", H0, H0 + DAY) == ()


async def test_the_pace_of_a_check_is_its_attempts_by_the_hour(store: Store) -> None:
    for target in ("a", "b"):
        for started in (H0 + 1, H0 + 2, H0 + HOUR, H0 + 3 * HOUR):
            check = a_check(target)
            attempt = Attempt(
                check_id=check.id,
                started=started,
                duration=0.25,
                outcome=Outcome.OK,
                phases={},
                facts={},
                failure=None,
            )
            store.observe(check, attempt)
    await store.flush()
    pace = await store.archive.pace([a_check("a").id, "unknown"], H0, H0 + 2 * HOUR)
    assert pace == {a_check("a").id: {H0: Tally(2, 0, 0, 0.5), H0 + HOUR: Tally(1, 0, 0, 0.25)}}


async def found(store: Store, query: OutageQuery) -> list[str]:
    return [noted.window.target for noted in await store.archive.windows(query)]


async def test_windows_are_found_by_breadth_by_corrected_kind_and_by_text(store: Store) -> None:
    windows = (whatsapp_2022(), meta_2021(), signal_open())
    store.keep(Ruling(at=T0, windows=windows))
    await store.kept()
    assert await found(store, OutageQuery(breadth=Breadth.PROVIDER)) == ["provider:meta"]
    assert await found(store, OutageQuery(kind=Kind.TOTAL)) == ["whatsapp", "provider:meta"]
    await store.archive.annotate(a_note(whatsapp_2022(), changes=(("kind", "intermittent"),)))
    assert await found(store, OutageQuery(kind=Kind.TOTAL)) == ["provider:meta"]
    assert await found(store, OutageQuery(kind=Kind.INTERMITTENT)) == ["signal.chat", "whatsapp"]
    assert await found(store, OutageQuery(kind=Kind.INTERMITTENT, limit=1, offset=1)) == ["whatsapp"]
    assert await found(store, OutageQuery(text="EU-par")) == ["signal.chat", "whatsapp", "provider:meta"]
    assert await found(store, OutageQuery(text="campaign")) == ["whatsapp"], "notes are searched"
    assert await found(store, OutageQuery(text="tls/cert_expired")) == ["signal.chat"]
    assert await found(store, OutageQuery(text="instagram", provider="meta", offset=1)) == ["provider:meta"]
    assert await found(store, OutageQuery(text="no ServerHello")) == [], "what servers said is not for everybody"
    assert await found(store, OutageQuery(text="%")) == [], "nothing in it is a pattern"


async def test_a_search_goes_on_beyond_the_first_hundred_windows(store: Store) -> None:
    start = whatsapp_2022().start
    many = tuple(whatsapp_2022(id=f"w{n:03}", start=start + n) for n in range(230))
    marked = tuple(
        replace(window, sentence=f"{window.sentence} ÄRGER") if n % 50 == 0 else window for n, window in enumerate(many)
    )
    store.keep(Ruling(at=T0, windows=marked))
    await store.kept()
    noted = await store.archive.windows(OutageQuery(text="ärger", offset=1, limit=3))
    assert [each.window.id for each in noted] == ["w150", "w100", "w050"]
