"""All that the store can say to its database. Blocking, and slow to import: in the store's own thread only."""

from monitor.store.calendar import Calendar
from monitor.store.database import open_database
from monitor.store.forgetting import Forgetting
from monitor.store.numbers import Numbers
from monitor.store.posting import Posting
from monitor.store.reading import Reading
from monitor.store.searching import Searching
from monitor.store.sums import Sums
from monitor.store.tables import checks, subjects
from monitor.store.writing import Writing


class Statements:
    """One open database. Raises StoreError, SQLAlchemyError."""

    def __init__(self, url: str, *, visiting: bool) -> None:
        self._engine = open_database(url, visiting=visiting)
        numbers = Numbers(self._engine, checks)
        self.write = Writing(self._engine, numbers, Numbers(self._engine, subjects))
        self.read = Reading(self._engine, numbers)
        self.sums = Sums(self._engine)
        self.calendar = Calendar(self._engine)
        self.search = Searching(self._engine)
        self.post = Posting(self._engine)
        self.forget = Forgetting(self._engine)

    def close(self) -> None:
        """Let the connections go."""
        self._engine.dispose()
