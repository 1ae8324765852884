"""What the web side and /metrics see of the parts of a monitor."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from monitor.config import Configuration
from monitor.domain.alert import Acknowledgement, Silence
from monitor.domain.outage import Span
from monitor.domain.vitals import Vitals, why_not_ready
from monitor.metrics.exposition import Exposition, Format
from monitor.metrics.own import OwnMetrics
from monitor.parts import Parts
from monitor.store import StoreError
from monitor.web.backend import Backend, History, Judged, Scrape, Telling
from monitor.web.door import Listen
from monitor.web.past import Past

_LAG_WINDOW = 15.0
_DAY = 86400.0


@dataclass(slots=True)
class Life:
    """When it began, and how the last reload went. Unix seconds."""

    reload_time: float
    started: float = 0.0
    reload_ok: bool = True


class View:
    """Shows the parts, and writes down what people say to them."""

    def __init__(self, parts: Parts, life: Life) -> None:
        self._parts = parts
        self._life = life
        self._said = 0

    def backend(self, reload: Callable[[], Awaitable[str | None]]) -> Backend:
        """What the web side is given."""
        parts, archive = self._parts, self._parts.store.archive
        return Backend(
            clock=parts.clock,
            board=parts.board,
            ring=parts.ring,
            vantage=lambda: parts.configuration.vantage,
            vitals=self._vitals,
            online=lambda: parts.witnesses.online,
            scrape=self._scraper(),
            last_day=self._last_day,
            reload=reload,
            titles=parts.titles,
            claims=lambda: parts.claims.current(parts.clock.now()),
            judged=Judged(
                state=parts.state_of,
                standing=self._standing,
                windows=lambda: parts.judge.windows,
                quiet=parts.configuration.quiet,
            ),
            history=History(
                windows=archive.windows,
                window=archive.window,
                availability=archive.availability,
                claims=archive.claims,
                past=Past(
                    days=archive.days_of,
                    parts=archive.days,
                    hours=archive.hours,
                    pace=archive.pace,
                    course=archive.course,
                ),
                errors=(StoreError,),
            ),
            telling=self._telling(),
            public=parts.configuration.web.public,
            url=parts.configuration.web.url,
        )

    def _telling(self) -> Telling:
        parts, archive = self._parts, self._parts.store.archive

        async def acknowledge(note: Acknowledgement) -> None:
            await archive.acknowledge(note)
            self._said += 1
            await parts.dispatch.look()

        async def silence(made: Silence) -> None:
            await archive.silence(made)
            await parts.dispatch.look()

        async def end_silence(silence_id: str, now: float) -> bool:
            found = await archive.end_silence(silence_id, now)
            await parts.dispatch.look()
            return found

        return Telling(
            posts=archive.posts,
            newest=archive.newest_posts,
            acknowledge=acknowledge,
            acknowledged=archive.acknowledged,
            silences=archive.silences,
            silence=silence,
            end_silence=end_silence,
            sign=parts.dispatch.sign,
            changes=self._changes,
        )

    def _changes(self) -> object:
        dispatch = self._parts.dispatch
        waiting = tuple((post.message.key, post.tries) for post in dispatch.office.waiting)
        return self._said, dispatch.desk.acknowledged, dispatch.office.results.total(), waiting

    def _scraper(self) -> Callable[[str, str], Scrape]:
        parts = self._parts
        exposition = Exposition(parts.metrics, OwnMetrics(self._vitals), parts.states, parts.outages)

        def scrape(accept: str, accept_encoding: str) -> Scrape:
            form = Format.negotiate(accept, accept_encoding)
            return Scrape(content_type=form.content_type, gzip=form.gzip, body=exposition.render(form))

        return scrape

    async def _last_day(self) -> Mapping[str, tuple[int, int]]:
        tallies = await self._parts.store.since(self._parts.clock.now() - _DAY)
        return {check_id: (tally.ok, tally.failed) for check_id, tally in tallies.items()}

    def _standing(self) -> Span | None:
        name = self._parts.configuration.vantage.name
        state, since = self._parts.judge.vantage_states.get(name, (None, None))
        if since is None and not self._parts.witnesses.online:
            return None  # too early for a finding, and no witness has answered yet
        return Span(vantage=name, state=state, start=since or self._life.started, end=None) if state else None

    def trouble(self) -> str | None:
        """Why the monitor does not do its work on time, if so."""
        return why_not_ready(self._vitals())

    def _vitals(self) -> Vitals:
        parts, counts = self._parts, self._parts.runner.counts
        return Vitals(
            checks=len(parts.slots),
            in_flight=counts.in_flight,
            max_in_flight=parts.configuration.limits.max_in_flight,
            skipped=counts.skipped + parts.schedule.skipped,
            lateness=counts.lateness,
            shed_ratio=parts.schedule.shed_ratio,
            loop_lag=parts.pulse.late_since(parts.clock.monotonic() - _LAG_WINDOW),
            gaps=parts.pulse.gaps,
            gap_seconds=parts.pulse.gap_seconds,
            unjudged=parts.clock.monotonic() - parts.sittings.sat,
            internal_errors=counts.internal_errors,
            sink_errors=counts.sink_errors,
            store_pending=parts.store.pending,
            store_errors=parts.store.errors,
            store_damaged=parts.store.is_damaged,
            reload_ok=self._life.reload_ok,
            reload_time=self._life.reload_time,
            started=self._life.started,
            peers=parts.peers.vitals(),
            alerts=parts.dispatch.vitals(),
            claims=tuple(parts.claims.current(parts.clock.now())),
        )


def listen_as(configuration: Configuration) -> Listen:
    """Where and for whom to listen."""
    settings = configuration.web
    basic, token, tls = settings.basic_auth, settings.bearer_token, settings.tls
    return Listen(
        host=settings.listen.host,
        port=settings.listen.port,
        username=basic.username if basic else "",
        password=basic.password.get_secret_value() if basic else "",
        token=token.get_secret_value() if token else "",
        cert_file=tls.cert_file if tls else "",
        key_file=tls.key_file if tls else "",
    )
