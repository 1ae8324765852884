"""RE2's expressions, searched by Python."""

import re

import pytest

from monitor.blackbox.expressions import translated
from monitor.domain.text import compiled


def found(expression: str, text: str) -> bool:
    return compiled(translated(expression)).search(text.encode()) is not None


@pytest.mark.parametrize(
    ("expression", "yes", "no"),
    [
        ("^b", "b", "a\nb"),
        ("a$", "b\na", "a\n"),
        ("(?m)^b$", "a\nb\nc", "a\nxb\nc"),
        ("(?m:^b)", "a\nb", "ab"),
        ("(?m)a(?-m)$", "a", "a\nb"),
        (r"a\z", "a", "a\n"),
        (r"\Aa", "a", "ba"),
        ("(?i)ABC", "abc", "abd"),
        ("a(?i)b|c", "aB", "AB"),
        ("a(?i)b|c", "C", "A"),
        ("(a(?i)b|c)d", "Cd", "CD"),
        ("(?i:a)b", "Ab", "AB"),
        ("(?s)a.b", "a\nb", "ab"),
        ("(?is)A.b", "a\nB", "ab"),
        ("a.b", "axb", "a\nb"),
        ("[[:alpha:]_]+[^[:space:]]", "a_1", "1 1"),
        ("[]a]", "]", "b"),
        ("[^]a]", "b", "]"),
        ("[a[&~|]", "[", "b"),
        (r"[\d\s-]x", "-x", "ax"),
        (r"\s", "\t", "\v"),
        (r"\S", "\v", "\n"),
        (r"\Qa.b\E+c", "a.bbc", "axbc"),
        (r"\Qa.b", "a.b", "axb"),
        (r"\x41\x{42}\103", "ABC", "abc"),
        (r"\.\-\/\<", ".-/<", "a-/<"),
        ("é+x", "ééx", "x"),
        ("a{2}{", "aa{", "a{"),
        ("a{,3}", "a{,3}", "aaa"),
        ("(?P<n>a)(b)", "ab", "b"),
        (r"\bword\b", "a word.", "words"),
        ("", "x", None),
        ("^+OK", "OK", "+OK"),
        (r"\b?a$*", "ba", "b"),
    ],
)
def test_an_expression_finds_what_it_finds_in_go(expression: str, yes: str, no: str | None) -> None:
    assert found(expression, yes)
    assert no is None or not found(expression, no)


@pytest.mark.parametrize(
    "expression",
    [
        "(?=a)", "(?!a)", "(?<=a)b", "(?>a)", r"(a)\1", r"\pL", r"[\pL]", r"\C", "(?U)a*", "a**", "a*+", "a??+",
        "(a", "a)", "[a", "[[:nope:]]", "[é]", "a\\", r"\y", "*a", "(?#c)", r"\Z", "(?P=n)", r"[\b]",
    ],
)  # fmt: skip
def test_what_re2_does_not_have_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="not a regular expression that we can search"):
        translated(expression)


def test_groups_keep_their_numbers() -> None:
    match = re.compile(translated("(?i)(a)(?:b)(?P<c>c)").encode()).search(b"ABC")
    assert match is not None
    assert match.groups() == (b"A", b"C")
