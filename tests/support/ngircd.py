"""The ngIRCd IRC server, on loopback."""

import os
from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class Ngircd(ServerProcess):
    """``address`` speaks IRC, ``secure`` through TLS. ``options`` are further lines: of [Global], of [Limits]."""

    def __init__(self, folder: Path, leaf: tuple[Path, Path], options: str = "", limits: str = "") -> None:
        port, secure = free_port(), free_port()
        self.secure = f"127.0.0.1:{secure}"
        configuration = folder / "ngircd.conf"
        configuration.write_text(
            f"""
[Global]
Name = irc.test
Info = a server of tests
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = hello
AdminInfo1 = nobody
ServerUID = {os.getuid()}
ServerGID = {os.getgid()}
{options}
[Limits]
MaxPenaltyTime = 0
{limits}
[Options]
Ident = no
PAM = no
DNS = no
[SSL]
CertFile = {leaf[0]}
KeyFile = {leaf[1]}
Ports = {secure}
"""
        )
        super().__init__(folder, ["ngircd", "-n", "-f", configuration], port, [secure])
