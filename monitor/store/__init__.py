"""What outlives a restart. Writes happen in a thread of their own; a store that hangs costs its own function only."""

from monitor.store.archive import Archive
from monitor.store.errors import StoreError
from monitor.store.store import Store
from monitor.store.values import Availability, Noted, Resumed, Retention, Tally

__all__ = ["Archive", "Availability", "Noted", "Resumed", "Retention", "Store", "StoreError", "Tally"]
