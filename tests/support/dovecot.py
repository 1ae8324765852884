"""Dovecot's IMAP with STARTTLS and IMAPS, on loopback."""

import grp
import os
import pwd
import secrets
from collections.abc import Mapping
from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class Dovecot(ServerProcess):
    """``address`` speaks IMAP with STARTTLS, ``imaps`` is TLS from the start, ``auth`` is for Postfix to ask.

    Without a ``leaf`` there is no TLS. ``users`` (name -> password) can log in; ``more`` are lines of configuration.
    """

    def __init__(
        self, folder: Path, leaf: tuple[Path, Path] | None, users: Mapping[str, str] | None = None, more: str = ""
    ) -> None:
        port, secure, auth = free_port(), free_port(), free_port()
        self.imaps, self.auth = f"127.0.0.1:{secure}", f"127.0.0.1:{auth}"
        # Not in a file, which would have to be read by a user who may not enter the folders of a test. No blanks.
        known = "".join(
            f"passdb {{\n  driver = static\n  args = password={password}\n  username_filter = {name}\n}}\n"
            for name, password in (users or {"nobody": secrets.token_hex(16)}).items()
        )
        user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
        login = ("dovenull", "dovecot") if os.getuid() == 0 else (user, user)
        mail = ("nobody", "nogroup") if os.getuid() == 0 else (user, group)
        tls = f"ssl = yes\nssl_cert = <{leaf[0]}\nssl_key = <{leaf[1]}" if leaf else "ssl = no"
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
{tls}
ssl_dh =
auth_failure_delay = 0
{known}userdb {{
  driver = static
  args = uid={mail[0]} gid={mail[1]} home=/nonexistent
}}
mail_location = maildir:~/mail
first_valid_uid = 1
first_valid_gid = 1
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {auth}
  }}
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
{more}
"""
        )
        super().__init__(folder, ["dovecot", "-F", "-c", configuration], port, [auth, *([secure] if leaf else [])])
