import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.wire.xmpp import SASL, STREAMS, TLS, Element, Reader, condition, head, iq, offered, sasl

OPEN = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    b"id='a1' from='localhost' version='1.0' xml:lang='en'>"
)
FEATURES = (
    b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
    b"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism>"
    b"<mechanism> PLAIN\n</mechanism><mechanism>&lt;script&gt;</mechanism></mechanisms>"
    b"<dialback xmlns='urn:xmpp:features:dialback'/></stream:features>"
)
PROCEED = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"


def elements(*pieces: bytes) -> list[Element]:
    reader = Reader()
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (element := reader.next()) is not None:
            found.append(element)
    return found


def test_a_stream_is_its_head_and_its_elements() -> None:
    opened, features, proceed = elements(OPEN + FEATURES + b"\n " + PROCEED)
    assert opened.name == f"{STREAMS} stream"
    assert opened.attributes["id"] == "a1"
    assert opened.children == ()
    assert features.name == f"{STREAMS} features"
    assert features.child(f"{TLS} starttls") is not None
    assert offered(features) == ("SCRAM-SHA-1", "PLAIN", "dialback")
    assert proceed == Element(name=f"{TLS} proceed", attributes={})


@settings(max_examples=400)
@given(st.lists(st.integers(0, len(OPEN + FEATURES)), max_size=40))
def test_elements_do_not_depend_on_packets(cuts: list[int]) -> None:
    whole = OPEN + FEATURES
    borders = [0, *sorted(cuts), len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(borders)]
    assert elements(*pieces) == elements(whole)


def test_nothing_is_read_beyond_an_element() -> None:
    reader = Reader()
    reader.feed(OPEN + PROCEED + b"\x16\x03\x01 <not > xml")
    assert reader.next() is not None
    assert reader.next() is not None
    assert reader.rest == b"\x16\x03\x01 <not > xml"


def test_a_stream_ends() -> None:
    reader = Reader()
    reader.feed(OPEN + b"</stream:stream>garbage>")
    assert reader.next() is not None
    assert not reader.ended
    assert reader.next() is None
    assert reader.ended


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"220 mail.example.org ESMTP",
        b"\x15\x03\x01",
        b" <a>",
        b"<a></b>",
        b"<a><b></a>",
        b"<a x='1' x='2'>",
        b"<a><b:c/>",
        b"<a>&undefined;<b/>",
        b"<a>&#0;<b/>",
        b"<a>\xff<b/>",
        b"<a>text<b/>",
        b"<!DOCTYPE a><a>",
        b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;<c/>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x"><a>',
        b'<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/passwd"> %b;]><a>',
        b"<a><!-- b --><c/>",
        b"<a><?b c?><c/>",
        b"<?xml version='1.0' encoding='utf-16'?>" + "<a>".encode("utf-16"),
        b"<a>" + b"<b>" * 16,
        b"<a>" + b"<b/>" * 1000,
        b"<a b='" + b"x" * 66000,
        b"<a><b>" + b"x" * 66000,
    ],
)
def test_what_is_no_xmpp_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        elements(text)


def test_bytes_that_make_expat_look_again_and_again_are_bounded() -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match="tags"):
        elements(b"<a b='" + b"x" * 60000, *[b">"] * 5000)
    assert time.process_time() - began < 2


def test_conditions_are_words_and_nothing_else() -> None:
    named = b"<stream:error><text xmlns='urn:x'>no</text><host-unknown xmlns='urn:x'/></stream:error>"
    strange = b"<stream:error><SCRIPT-\xc3\xa4 xmlns='urn:x'/></stream:error>"
    assert [condition(element) for element in elements(OPEN + named + strange)[1:]] == ["host-unknown", "no condition"]
    assert condition(Element(name="a", attributes={})) == "no condition"


@pytest.mark.parametrize("namespace", ["jabber:client", "jabber:server"])
def test_what_we_say_is_xmpp(namespace: str) -> None:
    said = head("example.org", namespace) + sasl("auth", "AA==", " mechanism='PLAIN'") + iq("get", "1", "<x/>", "a.b")
    opened, auth, question = elements(said)
    assert (opened.name, opened.attributes["to"], opened.attributes["version"]) == (
        f"{STREAMS} stream",
        "example.org",
        "1.0",
    )
    assert (auth.name, auth.attributes, auth.text) == (f"{SASL} auth", {"mechanism": "PLAIN"}, "AA==")
    assert (question.name, question.attributes) == (f"{namespace} iq", {"type": "get", "id": "1", "to": "a.b"})


@settings(max_examples=400)
@given(st.binary(max_size=2000))
def test_any_bytes_are_elements_or_a_value_error(text: bytes) -> None:
    try:
        elements(text)
    except ValueError:
        return


@settings(max_examples=400)
@given(st.data())
def test_any_change_of_a_good_stream_is_elements_or_a_value_error(data: st.DataObject) -> None:
    text = bytearray(OPEN + FEATURES)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(text)))
        text[at : at + data.draw(st.integers(0, 4))] = data.draw(
            st.one_of(
                st.binary(max_size=4), st.sampled_from([b"<", b">", b"/", b"&", b"<!", b"]]>", b"<![CDATA[", b"'"])
            )
        )
    try:
        for element in elements(bytes(text)):
            offered(element)
            condition(element)
    except ValueError:
        return
