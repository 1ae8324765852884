"""A stand-in for a Kafka broker, of which Debian has none.

Everything on its lines is read and written by the protocol classes of kafka-python
(made from Apache Kafka's own definitions), nothing by ours; kafka-python's client
takes it for a broker (tests/probes/test_kafka.py).
"""

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from kafka.protocol.api_header import RequestHeader
from kafka.protocol.metadata import ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, MetadataResponse
from kafka.protocol.sasl import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)

from tests.support.scripted import scripted

_KNOWN = {
    kind.API_KEY: (kind, newest)
    for kind, newest in (
        (MetadataRequest, 5),
        (SaslHandshakeRequest, 1),
        (ApiVersionsRequest, 2),
        (SaslAuthenticateRequest, 0),
    )
}


class KafkaBroker:
    """Knows the requests that a client begins with. ``users`` (name -> password): SASL PLAIN comes first."""

    def __init__(self, users: Mapping[str, str] | None = None) -> None:
        self._users = users
        self.heard: list[Any] = []
        """The requests that came, as kafka-python decoded them."""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        while True:
            size = int.from_bytes(await reader.readexactly(4))
            header, request = _decoded(await reader.readexactly(size))
            self.heard.append(request)
            response = self._answer(request)
            response.with_header(correlation_id=header.correlation_id)
            writer.write(response.encode(header=True, framed=True))

    def _answer(self, request: Any) -> Any:
        version = request.API_VERSION
        match request.API_KEY:
            case ApiVersionsRequest.API_KEY:
                return self._versions(version)
            case SaslHandshakeRequest.API_KEY:
                return self._mechanisms(request, version)
            case SaslAuthenticateRequest.API_KEY:
                return self._authenticated(request, version)
            case _:
                return self._metadata(version)

    def _versions(self, version: int) -> Any:
        known = [
            ApiVersionsResponse.ApiVersion(api_key=key, min_version=0, max_version=newest)
            for key, (_, newest) in _KNOWN.items()
        ]
        if version > _KNOWN[ApiVersionsRequest.API_KEY][1]:  # KIP-35: in version 0, whatever was asked
            return ApiVersionsResponse[0](error_code=35, api_keys=known)
        return ApiVersionsResponse[version](error_code=0, api_keys=known, throttle_time_ms=0)

    def _mechanisms(self, request: Any, version: int) -> Any:
        if self._users is None:
            return SaslHandshakeResponse[version](error_code=34, mechanisms=[])
        error = 0 if request.mechanism == "PLAIN" else 33
        return SaslHandshakeResponse[version](error_code=error, mechanisms=["PLAIN"])

    def _authenticated(self, request: Any, version: int) -> Any:
        _, username, password = bytes(request.auth_bytes).split(b"\0")
        good = (self._users or {}).get(username.decode()) == password.decode()
        return SaslAuthenticateResponse[version](
            error_code=0 if good else 58, error_message=None if good else "Authentication failed", auth_bytes=b""
        )

    def _metadata(self, version: int) -> Any:
        broker = MetadataResponse.MetadataResponseBroker(node_id=0, host="127.0.0.1", port=self.port, rack=None)
        return MetadataResponse[version](
            throttle_time_ms=0, brokers=[broker], cluster_id="lab", controller_id=0, topics=[]
        )


def _decoded(data: bytes) -> tuple[Any, Any]:
    header = RequestHeader.decode(io.BytesIO(data))
    kind, newest = _KNOWN[header.request_api_key]
    version = header.request_api_version
    if version > newest:  # a newer body than is understood: only ApiVersions may be asked like that
        assert kind is ApiVersionsRequest
        return header, ApiVersionsRequest[version]()
    return header, kind.decode(data, version=version, header=True)


@asynccontextmanager
async def kafka_broker(
    users: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[KafkaBroker]:
    """A broker that answers on ``port``."""
    broker = KafkaBroker(users)
    async with scripted(broker.serve, tls=tls) as port:
        broker.port = port
        yield broker
