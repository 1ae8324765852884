"""Protocol Buffers on the wire: a message is a row of numbered fields.

No schema and no generated classes: who asks names the field. Source: the
encoding guide at protobuf.dev.
"""

from collections.abc import Iterable, Mapping

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
_LAST_FIELD = (1 << 29) - 1


class Message:
    """A message that was read. A field that is absent, or of another type than asked for, has its default."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[int, list[int | bytes]]) -> None:
        self._fields = fields

    @classmethod
    def parse(cls, data: bytes) -> "Message":
        """Read a whole message. Fields that nobody asks for may hold anything. Raises ValueError.

        The old groups (wire types 3 and 4) are refused: no protocol spoken here has them.
        """
        fields: dict[int, list[int | bytes]] = {}
        place, end = 0, len(data)
        while place < end:
            tag, place = _varint(data, place)
            number, kind = tag >> 3, tag & 7
            if not 0 < number <= _LAST_FIELD:
                raise ValueError(f"a field with the number {number}")
            value, place = _value(data, place, kind)
            fields.setdefault(number, []).append(value)
        return cls(fields)

    def number(self, field: int) -> int:
        """The field as an unsigned integer, 0 when it is absent; the last one of several."""
        for value in reversed(self._fields.get(field, ())):
            if isinstance(value, int):
                return value
        return 0

    def data(self, field: int) -> bytes:
        """The field as bytes, empty when it is absent; the last one of several."""
        for value in reversed(self._fields.get(field, ())):
            if isinstance(value, bytes):
                return value
        return b""

    def every(self, field: int) -> list[bytes]:
        """All values of a repeated field of bytes or text."""
        return [value for value in self._fields.get(field, []) if isinstance(value, bytes)]


def encode(fields: Iterable[tuple[int, int | bytes]]) -> bytes:
    """The message with these fields, in this order: a varint for each integer, a length and the bytes for the rest."""
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts += [varint(number << 3 | _VARINT), varint(value)]
        else:
            parts += [varint(number << 3 | _LENGTH), varint(len(value)), value]
    return b"".join(parts)


def varint(value: int) -> bytes:
    """An unsigned integer, seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _value(data: bytes, place: int, kind: int) -> tuple[int | bytes, int]:
    if kind == _VARINT:
        return _varint(data, place)
    if kind == _LENGTH:
        size, place = _varint(data, place)
    elif kind in _WIDTHS:
        size = _WIDTHS[kind]
    else:
        raise ValueError(f"a field of wire type {kind}")
    end = place + size
    if end > len(data):
        raise ValueError(f"a field of {size} bytes of which {len(data) - place} are there")
    return data[place:end], end


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(data[place : place + 10]):
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place + count + 1
    raise ValueError("a number that does not end")
