"""Walking through bytes from front to back; what is not there is a ValueError."""


class Cursor:
    """A place in ``data``. Every method moves it, and raises ValueError when the bytes end first."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.left == 0

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        end = self._at + count
        if count < 0 or end > len(self._data):
            raise ValueError(f"{count} bytes are announced where {self.left} are left")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def uint(self, size: int) -> int:
        """An unsigned integer of ``size`` bytes, big-endian."""
        return int.from_bytes(self.take(size))

    def counted(self, size: int) -> bytes:
        """Bytes that are preceded by their number, an unsigned integer of ``size`` bytes."""
        return self.take(self.uint(size))

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(self.left)
