"""Dovecot's IMAP with STARTTLS and IMAPS, on loopback."""

import grp
import os
import pwd
from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class Dovecot(ServerProcess):
    """``address`` speaks IMAP with STARTTLS, ``imaps`` is TLS from the start. Nobody can log in."""

    def __init__(self, folder: Path, leaf: tuple[Path, Path]) -> None:
        port, secure = free_port(), free_port()
        self.imaps = f"127.0.0.1:{secure}"
        user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
        login = ("dovenull", "dovecot") if os.getuid() == 0 else (user, user)
        configuration = folder / "dovecot.conf"
        configuration.write_text(
            f"""
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
default_login_user = {login[0]}
default_internal_user = {login[1]}
default_internal_group = {"dovecot" if os.getuid() == 0 else group}
ssl = yes
ssl_cert = <{leaf[0]}
ssl_key = <{leaf[1]}
ssl_dh =
passdb {{
  driver = static
  args = nopassword=n
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {secure}
    ssl = yes
  }}
}}
"""
        )
        super().__init__(folder, ["dovecot", "-F", "-c", configuration], port, [secure])
