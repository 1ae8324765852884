"""The one exception of this room."""


class StoreError(Exception):
    """The store could not do what was asked of it; the message is for people.

    ``permanent``: trying again is useless before somebody has acted.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
