"""The store of a running monitor."""

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path

import structlog

from monitor.domain.attempt import Attempt
from monitor.domain.check import Check
from monitor.domain.outage import Ruling, StateSeconds
from monitor.store.archive import Archive
from monitor.store.claim import Claim, examine, open_to_read, sqlite_path
from monitor.store.counts import Counts
from monitor.store.errors import StoreError
from monitor.store.rulings import Rulings
from monitor.store.values import Resumed, Retention, Tally
from monitor.store.worker import Worker

_log = structlog.get_logger(__name__)
