"""Opening the database: SQLite in WAL mode by default, any other by its URL, always at the newest schema."""

from importlib.resources import as_file, files
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event


def open_database(url: str) -> Engine:
    """An engine whose schema is up to date. Raises sqlalchemy.exc.SQLAlchemyError, OSError."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune_sqlite)
    migrate(engine)
    return engine


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest revision; does nothing when it is there."""
    with as_file(files("monitor.store") / "migrations") as folder, engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _tune_sqlite(connection: Any, _: object) -> None:
    # WAL: readers never wait for the writer. NORMAL: a power cut may cost the last seconds, never the file.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")
