"""The coturn TURN and STUN server, on loopback."""

import os
import time
from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class Coturn(ServerProcess):
    """``address`` speaks STUN and TURN over UDP and TCP; ``tls``, the same port once more for a leaf, over TLS.

    Its one account is monitor with password "pass word" in the realm lab.test. ``more`` are further
    lines of its configuration.
    """

    packets = True

    def __init__(self, folder: Path, leaf: tuple[Path, Path] | None = None, *more: str) -> None:
        port, tls = free_port(), free_port()
        relays = 20_000 + os.getpid() % 100 * 100
        lines = [
            f"listening-port={port}",
            f"tls-listening-port={tls}",
            "listening-ip=127.0.0.1",
            "relay-ip=127.0.0.1",
            f"min-port={relays}",
            f"max-port={relays + 99}",
            "realm=lab.test",
            "no-cli",
            "no-dtls",
            "log-file=stdout",
            "simple-log",
            f"pidfile={folder}/turnserver.pid",
            f"userdb={folder}/turndb",
            *(["no-tls"] if leaf is None else [f"cert={leaf[0]}", f"pkey={leaf[1]}"]),
            *(more if "no-auth" in more else ("lt-cred-mech", "user=monitor:pass word", *more)),
        ]
        configuration = folder / "turnserver.conf"
        configuration.write_text("\n".join(lines) + "\n")
        super().__init__(folder, ["turnserver", "-c", configuration], port, [] if leaf is None else [tls])
        self.tls = f"localhost:{tls}"

    def wait_for_log(self, line: str) -> None:
        """Wait until the server has logged ``line``."""
        for _ in range(200):
            if line in self._log.read_text(errors="replace"):
                return
            time.sleep(0.02)
        raise AssertionError(f"coturn never logged {line!r}")
