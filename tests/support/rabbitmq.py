"""The RabbitMQ broker, on loopback, unprivileged, and without the daemon (epmd) that Erlang likes to leave behind."""

import base64
import hashlib
import json
from pathlib import Path
from typing import ClassVar

from tests.support.servers import ServerProcess, free_port

_ROOM = Path("/usr/lib/rabbitmq/bin")
_SALT = bytes(4)


class RabbitMQ(ServerProcess):
    """``address`` speaks AMQP 0-9-1 without TLS, ``secure`` with it.

    The account ``monitor`` with the password ``sesame`` may use the virtual hosts ``/``
    and ``full``, which takes no connections, but not ``closed``.
    """

    patience: ClassVar[float] = 90.0

    def __init__(self, folder: Path, leaf: tuple[Path, Path]) -> None:
        port, secure, distribution = free_port(), free_port(), free_port()
        self.secure = f"127.0.0.1:{secure}"
        (folder / "enabled_plugins").write_text("[].\n")
        (folder / "definitions.json").write_text(json.dumps(_definitions()))
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{port}\nlisteners.ssl.1 = 127.0.0.1:{secure}\n"
            f"ssl_options.certfile = {leaf[0]}\nssl_options.keyfile = {leaf[1]}\n"
            f"load_definitions = {folder}/definitions.json\n"
            "log.console = true\nlog.file = false\n"
        )
        node = f"r{port}@localhost"
        environment = {
            "NODENAME": node,
            "BASE": folder,
            "MNESIA_BASE": folder / "mnesia",
            "LOG_BASE": folder,
            "CONFIG_FILE": folder / "rabbitmq",
            "ENABLED_PLUGINS_FILE": folder / "enabled_plugins",
            "CONF_ENV_FILE": folder / "none",
            "DIST_PORT": distribution,
            "SERVER_ADDITIONAL_ERL_ARGS": " ".join(
                (
                    f"-sname {node} -start_epmd false -erl_epmd_port {distribution}",
                    "-kernel inet_dist_use_interface {127,0,0,1}",
                    "+S 1:1 +sbwt none",
                )
            ),
        }
        settings = [f"RABBITMQ_{name}={value}" for name, value in environment.items()]
        super().__init__(folder, ["env", *settings, _ROOM / "rabbitmq-server"], port, [secure])


def _definitions() -> dict[str, object]:
    """What ``rabbitmqctl export_definitions`` would write."""
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [
            {
                "name": "monitor",
                "password_hash": base64.b64encode(_SALT + hashlib.sha256(_SALT + b"sesame").digest()).decode(),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "",
            }
        ],
        "vhosts": [{"name": name} for name in ("/", "full", "closed")],
        "permissions": [{"user": "monitor", "vhost": name, **everything} for name in ("/", "full")],
        "global_parameters": [],
        "parameters": [
            {"vhost": "full", "component": "vhost-limits", "name": "limits", "value": {"max-connections": 0}}
        ],
    }
