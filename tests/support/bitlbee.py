"""BitlBee, an IRC server of one's own in front of other networks, on loopback: it knows SASL PLAIN."""

from pathlib import Path

from tests.support.servers import ServerProcess, free_port


class Bitlbee(ServerProcess):
    """``address`` speaks IRC; an account comes to be when somebody on it says ``register``."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        configuration = folder / "bitlbee.conf"
        configuration.write_text("[settings]\n[defaults]\n")
        (folder / "accounts").mkdir()
        command: list[str | Path] = [
            "bitlbee",
            "-D",
            "-n",
            "-v",
            "-i",
            "127.0.0.1",
            "-p",
            str(port),
            "-c",
            configuration,
        ]
        super().__init__(folder, [*command, "-d", f"{folder}/accounts/"], port)
