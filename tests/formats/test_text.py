import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from monitor.formats.text import plain, prose
from tests.formats.examples import TEXTS


@given(TEXTS, st.integers(1, 100))
def test_plain_text_is_one_bounded_line_of_what_can_be_seen(text: str, limit: int) -> None:
    made = plain(text, limit)
    assert len(made) <= limit
    assert len(made.splitlines()) <= 1
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in made)
    made.encode()


@given(TEXTS, st.integers(1, 100))
def test_prose_keeps_lines_and_the_same_bounds(text: str, limit: int) -> None:
    made = prose(text, limit)
    assert len(made) <= limit
    assert "\n\n\n" not in made
    assert all(plain(line, limit) == line for line in made.split("\n"))


def test_ordinary_text_of_any_script_stays_as_it_is() -> None:
    for text in ("Grüße, 世界! ไทย עברית نص", "👨\u200d👩\u200d👧 ok", "क\u094d\u200dष", "a - b"):
        assert plain(text, 100) == text


def test_what_cannot_be_seen_is_spelt_out() -> None:
    assert plain("a\x00b\u202ec\ud800", 100) == r"a\x00b\u202ec\ud800"
    assert plain(" a\t b\r\nc ", 100) == "a b c"
    assert plain("abcdef", 4) == "abc…"
    assert prose("a\n\n\n\nb  c\r\nd\n", 100) == "a\n\nb c\nd"
