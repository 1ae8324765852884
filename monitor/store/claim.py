"""A SQLite file is ours alone: claimed at the start, quickly, without SQLAlchemy, and held for life."""

import fcntl
import os
import socket
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote, unquote

from monitor.store.errors import StoreError
from monitor.store.revision import refuse_newer

_SMALL = 8 * 2**20
"""Bytes that are read through in a tenth of a second: larger files are checked after the start."""
_RESCUE = (
    "nothing was changed. Restore a backup, or move the file away to begin anew; "
    "`sqlite3 FILE .recover` gets out what can be read"
)


def sqlite_path(url: str) -> Path | None:
    """The file that ``url`` names; None for another database, or for SQLite in memory."""
    scheme, _, rest = url.partition("://")
    name = unquote(rest.partition("?")[0].partition("/")[2])
    if scheme.partition("+")[0] != "sqlite" or name in ("", ":memory:"):
        return None
    if name.startswith("file:"):
        raise StoreError(f"{url}: give the file as a plain path, as in sqlite:////var/lib/lastseen.db", permanent=True)
    return Path(name).absolute()


class Claim:
    """The right to write one file: a lock that the kernel takes back when we die, however we die.

    The lock is on ``FILE.lock``, which stays: removing it would let two in.
    """

    def __init__(self, path: Path) -> None:
        """Take it. Raises StoreError (always permanent) when the file cannot be ours, or cannot be used."""
        real = path.resolve()
        _refuse_bad_place(real)
        self._lock = _locked(real)
        self.is_checked = False
        """Whether the file was read through and is whole; a large one is not, that takes too long."""
        try:
            self.is_checked = _is_whole(real)
        except StoreError:
            self.release()
            raise

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._lock)


def damaged(path: Path, problem: str) -> StoreError:
    """What to say about a file that is not whole."""
    return StoreError(f"{path} is damaged ({problem}); {_RESCUE}", permanent=True)


def examine(connection: sqlite3.Connection, path: Path) -> None:
    """Read the whole file through. Raises StoreError when it is damaged, OperationalError when it cannot be read."""
    try:
        ((verdict,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise damaged(path, str(error)) from error
    if verdict != "ok":
        raise damaged(path, " ".join(str(verdict).split()))


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, not even by closing; for any one thread at a time."""
    # a plain open would write what is left in the WAL into a file that may be damaged
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=0, check_same_thread=False)


def _refuse_bad_place(path: Path) -> None:
    if path.is_dir():
        raise StoreError(
            f"{path} is a directory: name a file in it, as in `store: sqlite:///{path}/lastseen.db`", permanent=True
        )
    if not path.parent.is_dir():
        raise StoreError(
            f"there is no directory {path.parent} for {path.name}: make it, or name another place in `store:`",
            permanent=True,
        )


def _locked(path: Path) -> int:
    lock = path.with_name(f"{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"cannot write in {path.parent}: {error.strerror}", permanent=True) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
        os.close(descriptor)
        raise StoreError(
            f"{path} is in use by another lastseen ({holder or 'which has not said its name'}): "
            "stop that one, or name another file in `store:`",
            permanent=True,
        ) from error
    with suppress(OSError):  # no space left for our name: the lock holds all the same
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
    return descriptor


def is_new(path: Path) -> bool:
    """Whether nothing was ever stored there."""
    return not path.exists() or path.stat().st_size == 0


def _is_whole(path: Path) -> bool:
    """False when that was not found out: the file is large, or somebody holds it. Raises StoreError."""
    if is_new(path):
        return True
    if not os.access(path, os.W_OK):
        raise StoreError(f"cannot write {path}: permission denied", permanent=True)
    try:
        with closing(open_to_read(path)) as connection:
            _refuse_foreign(connection, path)
            if path.stat().st_size > _SMALL:
                return False
            examine(connection, path)
    except sqlite3.OperationalError:
        return False  # whoever opens it for good waits, and will see
    except sqlite3.DatabaseError as error:
        raise damaged(path, str(error)) from error
    return True


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if tables and "alembic_version" not in tables:
        raise StoreError(
            f"{path} is the database of another program: name another file in `store:`",
            permanent=True,
        )
    if tables:
        for (version,) in connection.execute("SELECT version_num FROM alembic_version"):
            refuse_newer(version, str(path))
