"""The revision of the schema that this version reads and writes. Asking costs no import of SQLAlchemy."""

from monitor.store.errors import StoreError

REVISION = "0003"
"""Of the newest file in migrations/versions; revisions are numbers of four digits, so they compare as text."""


def refuse_newer(found: str, where: str) -> None:
    """Raise StoreError when a later version of lastseen made the schema in ``where``."""
    if found > REVISION:
        raise StoreError(
            f"{where} was made by a newer lastseen (schema {found}, this one knows {REVISION}): "
            "install that version again, or name another file in `store:`",
            permanent=True,
        )
