"""Synapse, Matrix's reference homeserver, on loopback addresses of its own: the ports of clients and of federation."""

import base64
import hashlib
import hmac
import json
import secrets
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.servers import ServerProcess, free_port

_SECRET = "registration"


class Synapse(ServerProcess):
    """The homeserver of ``name``: TLS on 443 of ``host`` and on 8448 of ``host`` and ``other``.

    ``address`` is plain http for clients. Binding 443 needs root.
    """

    patience = 60.0

    def __init__(self, folder: Path, leaf: tuple[Path, Path], name: str) -> None:
        port = free_port()
        self.name = name
        place = f"127.{77 + secrets.randbelow(100)}.{secrets.randbelow(256)}"
        self.host, self.other, self.empty = f"{place}.1", f"{place}.2", f"{place}.3"
        seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        (folder / "signing.key").write_text(f"ed25519 a_test {seed}\n")
        (folder / "log.json").write_text(json.dumps(_logging()))
        configuration = folder / "homeserver.yaml"  # JSON is YAML
        configuration.write_text(json.dumps(self._settings(folder, leaf, port)))
        super().__init__(folder, [sys.executable, "-m", "synapse.app.homeserver", "-c", configuration], port)

    def _settings(self, folder: Path, leaf: tuple[Path, Path], port: int) -> dict[str, Any]:
        def listener(port: int, addresses: list[str], *, tls: bool) -> dict[str, Any]:
            resources = [{"names": ["client", "federation"], "compress": False}]
            return {"port": port, "bind_addresses": addresses, "type": "http", "tls": tls, "resources": resources}

        return {
            "server_name": self.name,
            "public_baseurl": f"https://{self.name}/",
            "serve_server_wellknown": True,
            "report_stats": False,
            "pid_file": str(folder / "homeserver.pid"),
            "listeners": [
                listener(port, ["127.0.0.1"], tls=False),
                listener(443, [self.host], tls=True),
                listener(8448, [self.host, self.other], tls=True),
            ],
            "tls_certificate_path": str(leaf[0]),
            "tls_private_key_path": str(leaf[1]),
            "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
            "log_config": str(folder / "log.json"),
            "media_store_path": str(folder / "media"),
            "signing_key_path": str(folder / "signing.key"),
            "registration_shared_secret": _SECRET,
            "macaroon_secret_key": "m",
            "form_secret": "f",
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "presence": {"enabled": False},
        }

    def register(self, user: str) -> str:
        """The access token of a new account (Synapse's admin API, "Shared-Secret Registration")."""
        url = f"http://{self.address}/_synapse/admin/v1/register"
        nonce = _json(url)["nonce"]
        password = secrets.token_urlsafe()
        proof = hmac.new(_SECRET.encode(), f"{nonce}\0{user}\0{password}\0notadmin".encode(), hashlib.sha1).hexdigest()
        account = {"nonce": nonce, "username": user, "password": password, "admin": False, "mac": proof}
        return str(_json(url, json.dumps(account).encode())["access_token"])


def _json(url: str, body: bytes | None = None) -> dict[str, Any]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310  # http to loopback
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  # as above
        answer: dict[str, Any] = json.load(response)
    return answer


def _logging() -> dict[str, Any]:
    return {
        "version": 1,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "root": {"level": "WARNING", "handlers": ["console"]},
    }
