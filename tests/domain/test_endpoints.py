import pytest

from monitor.domain.endpoints import is_by_address


@pytest.mark.parametrize(
    "endpoint",
    [
        "192.0.2.1:443",
        "[2001:db8::1]:443",
        "192.0.2.1",
        "2001:db8::1",
        "https://192.0.2.1/",
        "https://192.0.2.1:8443/path",
        "http://[2001:db8::1]/",
        "wss://192.0.2.1/ws",
        "example.org A @192.0.2.53:53",
        "example.org A @[2001:db8::53]:53",
    ],
)
def test_an_endpoint_by_its_address_needs_no_resolver(endpoint: str) -> None:
    assert is_by_address(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "example.org:443",
        "example.org",
        "https://example.org/192.0.2.1",
        "http://192.0.2.1.example.org/",
        "example.org A",
        "example.org A @ns.example.org:53",
        "http://[broken/",
        "",
    ],
)
def test_an_endpoint_by_its_name_does(endpoint: str) -> None:
    assert not is_by_address(endpoint)
