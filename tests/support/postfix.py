"""Postfix as a mail server on loopback: with and without TLS, overloaded, and one that wants nobody. Needs root."""

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from typing_extensions import override

from tests.support.servers import ServerProcess, free_port
from tests.support.stopping import end, processes

_OPTIONS = {
    "address": "",
    "smtps": "-o smtpd_tls_wrappermode=yes",
    "plain": "-o smtpd_tls_security_level=none -o smtpd_tls_auth_only=no",
    "nobody": "-o smtpd_delay_reject=no -o smtpd_client_restrictions=reject",
    "old": "-o smtpd_sasl_mechanism_filter=login",
    "one": "-o smtpd_client_connection_count_limit=1 -o smtpd_client_event_limit_exceptions=",
}


class Postfix(ServerProcess):
    """A server for each of its manners, every one with the accounts that ``auth`` (Dovecot's) knows, if any.

    ``address`` offers STARTTLS, ``smtps`` is TLS from the start, ``plain`` has no TLS, ``nobody``
    refuses every client, ``old`` knows AUTH LOGIN only, ``one`` takes one connection of each client at a time.
    """

    def __init__(self, folder: Path, leaf: tuple[Path, Path], auth: str | None = None) -> None:
        assert os.getuid() == 0, "Postfix starts as root only"
        ports = {name: free_port() for name in _OPTIONS}
        self.smtps, self.plain, self.nobody, self.old, self.one = (
            f"127.0.0.1:{ports[name]}" for name in ("smtps", "plain", "nobody", "old", "one")
        )
        # Its daemons run as another user, who may not enter the folders of a test.
        self._home = Path(tempfile.mkdtemp(prefix="postfix-"))
        self._home.chmod(0o755)
        for name in ("etc", "spool", "data"):
            (self._home / name).mkdir()
        shutil.chown(self._home / "data", "postfix")
        (self._home / "etc/main.cf").write_text(
            f"""
compatibility_level = 3.6
queue_directory = {self._home}/spool
data_directory = {self._home}/data
myhostname = mail.example.org
mydestination = localhost
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
smtpd_tls_cert_file = {leaf[0]}
smtpd_tls_key_file = {leaf[1]}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = {"yes" if auth else "no"}
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:{auth}
maillog_file = /dev/stdout
multi_instance_name = postfix-test
multi_instance_enable = yes
"""
        )
        services = [f"127.0.0.1:{ports[name]} inet n - n - - smtpd {more}" for name, more in _OPTIONS.items()]
        (self._home / "etc/master.cf").write_text(
            "\n".join(
                [
                    *services,
                    "anvil unix - - n - 1 anvil",
                    "tlsmgr unix - - n 1000? 1 tlsmgr",
                    "rewrite unix - - n - - trivial-rewrite",
                    "proxymap unix - - n - - proxymap",
                    "postlog unix-dgram n - n - 1 postlogd",
                    "",
                ]
            )
        )
        command = ["postfix", "-c", str(self._home / "etc"), "start-fg"]
        super().__init__(folder, command, ports["address"], [ports["smtps"], ports["plain"]])

    @override
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(reversed(processes(self)[1:]))  # its master is in a session of its own
        super().__exit__(kind, error, trace)
        shutil.rmtree(self._home, ignore_errors=True)
