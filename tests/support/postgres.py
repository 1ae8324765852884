"""PostgreSQL on loopback, as its own user, with its data in a folder that goes with the test."""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from typing_extensions import override

from tests.support.servers import ServerProcess, free_port

_PATIENCE = 15.0
_HOME = Path("/usr/lib/postgresql")
_OPTIONS = {"fsync": "off", "unix_socket_directories": "", "listen_addresses": "127.0.0.1", "max_connections": "20"}


class Postgres(ServerProcess):
    """Trusts everybody on loopback; `database` makes a new one. It refuses to be root, so root lends it a user."""

    def __init__(self) -> None:
        versions = sorted(_HOME.glob("*/bin"))
        assert versions, "postgresql is not installed; the tests need it"
        self._bin = versions[-1]
        self._numbers = itertools.count()
        self._user = "postgres" if os.geteuid() == 0 else ""
        # not below pytest's folder: only its owner may enter that
        folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._data = folder / "data"
        as_user = ["setpriv", f"--reuid={self._user}", f"--regid={self._user}", "--clear-groups"] if self._user else []
        port = free_port()
        self._place = ["-h", "127.0.0.1", "-p", str(port)]
        options = [f"--{name}={value}" for name, value in _OPTIONS.items()]
        command = [*as_user, str(self._bin / "postgres"), "-D", str(self._data), "-p", str(port), *options]
        super().__init__(folder, command, port)

    @override
    def __enter__(self) -> Self:
        if self._user:
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        subprocess.run(
            [self._bin / "initdb", "-D", self._data, "-U", "tester", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"],
            user=self._user or None,
            cwd=self.folder,
            check=True,
            capture_output=True,
        )
        super().__enter__()
        # its port answers before it does: "the database system is starting up"
        deadline = time.monotonic() + _PATIENCE
        while subprocess.run([self._bin / "pg_isready", *self._place], check=False, capture_output=True).returncode:
            assert time.monotonic() < deadline, "PostgreSQL does not become ready"
            time.sleep(0.05)
        return self

    @override
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        shutil.rmtree(self.folder)

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"store_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name}", "postgres")
        return f"postgresql://tester@{self.address}/{name}"

    def run(self, statement: str, database: str) -> str:
        """What psql prints for a statement, bare."""
        command = [str(self._bin / "psql"), "-XqAt", *self._place, "-U", "tester", "-d", database, "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
