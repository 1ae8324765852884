"""The container's HEALTHCHECK: does the lastseen beside us answer? Exit 0 if it does.

401 is an answer too: a password guards /healthz like every path. The certificate is not verified, because it names the
host as others see it and we only talk to ourselves. No proxy is used.
"""

import os
import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit


def main() -> None:
    """Ask $LASTSEEN_HEALTH_URL once."""
    url = os.environ.get("LASTSEEN_HEALTH_URL", "http://127.0.0.1:9797/healthz")
    try:
        code = status(url)
    except (OSError, HTTPException) as error:
        sys.exit(f"{url}: {error!r}")
    if code not in {200, 401}:
        sys.exit(f"{url}: status {code}")


def status(url: str) -> int:
    """GET `url`; the status code. Raises OSError or HTTPException."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        context = ssl._create_unverified_context()  # noqa: S323, SLF001  # see the top
        connection: HTTPConnection = HTTPSConnection(parts.hostname or "", parts.port, timeout=4, context=context)
    else:
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=4)
    connection.request("GET", parts.path)
    return connection.getresponse().status


if __name__ == "__main__":
    main()
