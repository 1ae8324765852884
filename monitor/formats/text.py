"""Text of others made harmless before any format escapes it: bounded, printable, without tricks of direction."""

NAME = 200
"""Characters of a name that are shown."""
MESSAGE = 300
SENTENCE = 1000
NOTE = 4000
_JOINERS = "\u200c\u200d"
"""Format characters that scripts and emoji need, and that hide nothing."""


def plain(text: str, limit: int) -> str:
    """``text`` on one line of at most ``limit`` characters.

    White space becomes single spaces; what cannot be seen (control characters,
    lone surrogates, turns of the direction of writing) is spelt out as an
    escape, so that it is allowed in XML and in a calendar and fools nobody.
    """
    line = " ".join(text[: 4 * limit].split())
    if not line.isprintable():
        line = "".join(_seen(character) for character in line)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def prose(text: str, limit: int) -> str:
    """Likewise, with the line breaks kept, and no more than one empty line in a row."""
    lines: list[str] = []
    for line in text[: 4 * limit].splitlines():
        shown = plain(line, limit)
        if shown or (lines and lines[-1]):
            lines.append(shown)
    whole = "\n".join(lines).rstrip("\n")
    return whole if len(whole) <= limit else f"{whole[: limit - 1]}…"


def _seen(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return character.encode("unicode_escape").decode()
