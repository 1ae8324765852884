"""Windows by what only their documents and notes tell. Blocking: runs in the store's own thread."""

from collections.abc import Iterator
from itertools import islice

from sqlalchemy import Engine, select

from monitor.domain.amendment import Amend, amended_by
from monitor.domain.outage import OutageQuery
from monitor.store.database import to_read
from monitor.store.reading import matches, with_notes
from monitor.store.tables import windows
from monitor.store.values import Noted

_A_TURN = 100
_MOST = 10_000
"""Windows that are looked through, the newest first: half a second's work, and some years of most monitors."""


class Searching:
    """Everything raises SQLAlchemyError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = to_read(engine)

    def windows(self, query: OutageQuery) -> tuple[Noted, ...]:
        """Those that match, newest start first."""
        return tuple(islice(self._found(query), query.offset, query.offset + query.limit))

    def _found(self, query: OutageQuery) -> Iterator[Noted]:
        newest = select(windows.c.id).where(*matches(query)).order_by(windows.c.start.desc(), windows.c.id.desc())
        wanted = query.text.casefold()
        with self._engine.connect() as connection:
            ids = connection.scalars(newest.limit(_MOST)).all()
            for start in range(0, len(ids), _A_TURN):
                for noted in with_notes(connection, ids[start : start + _A_TURN]):
                    if query.kind in (None, _kind(noted)) and wanted in _text(noted):
                        yield noted


def _kind(noted: Noted) -> str:
    """As people corrected it."""
    return amended_by(noted.notes, noted.window).get(Amend.KIND, ("", noted.window.kind))[1]


def _text(noted: Noted) -> str:
    """What may be searched. Not the evidence: it names hosts, and quotes servers."""
    window = noted.window
    named = (window.target, window.provider, *window.services, *window.components, *window.vantages)
    broke = "/".join(str(word) for word in (window.layer, window.reason) if word)
    said = (text for note in noted.notes for text in (note.author, note.text))
    return "\n".join((window.id, broke, window.sentence, *named, *said)).casefold()
