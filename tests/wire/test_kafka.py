import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.protocol.api_header import RequestHeader
from kafka.protocol.metadata import ApiVersionsRequest, ApiVersionsResponse
from kafka.protocol.sasl import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)

from monitor.wire import kafka


def answered(response: object) -> bytes:
    """What kafka-python sends as the answer to request 7, without the size in front."""
    response.with_header(correlation_id=7)  # type: ignore[attr-defined]  # kafka-python has no types
    return bytes(response.encode(header=True))  # type: ignore[attr-defined]  # kafka-python has no types


VERSIONS = answered(
    ApiVersionsResponse[0](
        error_code=0,
        api_keys=[
            ApiVersionsResponse.ApiVersion(api_key=0, min_version=3, max_version=11),
            ApiVersionsResponse.ApiVersion(api_key=18, min_version=0, max_version=4),
        ],
    )
)
HANDSHAKE = answered(SaslHandshakeResponse[1](error_code=33, mechanisms=["GSSAPI", "SCRAM-SHA-512"]))
REFUSED = answered(SaslAuthenticateResponse[0](error_code=58, error_message="no", auth_bytes=b""))
GOOD = [VERSIONS, HANDSHAKE, REFUSED]


def test_somebody_else_reads_our_requests() -> None:
    for data, kind, version in (
        (kafka.encode_api_versions(7), ApiVersionsRequest, 0),
        (kafka.encode_sasl_handshake(7, "PLAIN"), SaslHandshakeRequest, 1),
        (kafka.encode_sasl_plain(7, "m\xfcller", "p"), SaslAuthenticateRequest, 0),
    ):
        assert int.from_bytes(data[:4]) == len(data) - 4
        header = RequestHeader.decode(io.BytesIO(data[4:]))
        asked = (header.request_api_key, header.request_api_version, header.correlation_id, header.client_id)
        assert asked == (kind.API_KEY, version, 7, "lastseen")
        expected = kind[version].decode(data[4:], header=True)
        if kind is SaslHandshakeRequest:
            assert expected.mechanism == "PLAIN"
        if kind is SaslAuthenticateRequest:
            assert bytes(expected.auth_bytes) == b"\0m\xc3\xbcller\0p"


def test_the_first_request_is_the_one_of_the_documents() -> None:
    request = kafka.encode_api_versions(1)
    assert request == bytes.fromhex("00000012 0012 0000 00000001 0008") + b"lastseen"


def test_we_read_the_answers_of_somebody_else() -> None:
    number, cursor = kafka.parse_correlation(VERSIONS)
    assert number == 7
    assert kafka.parse_api_versions(cursor) == (0, {0: (3, 11), 18: (0, 4)})
    assert kafka.parse_sasl_handshake(kafka.parse_correlation(HANDSHAKE)[1]) == (33, ("GSSAPI", "SCRAM-SHA-512"))
    assert kafka.parse_sasl_authenticate(kafka.parse_correlation(REFUSED)[1]) == 58


def test_an_error_may_be_negative() -> None:
    unknown = answered(ApiVersionsResponse[0](error_code=-1, api_keys=[]))
    assert kafka.parse_api_versions(kafka.parse_correlation(unknown)[1]).error == -1


@pytest.mark.parametrize("frame", [b"", VERSIONS[:-1], VERSIONS + b"\0", VERSIONS[:6] + b"\x7f\xff\xff\xff"])
def test_an_answer_that_is_none_is_a_value_error(frame: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        kafka.parse_api_versions(kafka.parse_correlation(frame)[1])


def _parse(frame: bytes) -> None:
    for parse in (kafka.parse_api_versions, kafka.parse_sasl_handshake, kafka.parse_sasl_authenticate):
        try:
            parse(kafka.parse_correlation(frame)[1])
        except ValueError:
            continue


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_value_error(frame: bytes) -> None:
    _parse(frame)


@settings(max_examples=300)
@given(st.sampled_from(GOOD), st.integers(0, 40), st.binary(max_size=3), st.integers(0, 3))
def test_so_is_a_good_answer_with_some_bytes_changed(good: bytes, place: int, piece: bytes, cut: int) -> None:
    _parse(good[:place] + piece + good[place + cut :])
