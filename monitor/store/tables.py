"""The tables. Their history is in migrations/versions; a test proves that both agree.

Two of them grow with checks times hours: their keys are small integers, given
once for a name, and they are stored in the order of their keys. Times are Unix
seconds.
"""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

metadata = MetaData()

checks = Table(
    "checks",
    metadata,
    Column("no", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True, comment="service/component/target/probe"),
)

subjects = Table(
    "subjects",
    metadata,
    Column("no", Integer, primary_key=True),
    Column("service", String, nullable=False),
    Column("component", String, nullable=False, comment="empty: the whole service"),
    Unique("service", "component"),
)

rollups = Table(
    "rollups",
    metadata,
    Column("hour", BigInteger, primary_key=True, autoincrement=False, comment="Unix time of the hour's begin"),
    Column("check_no", Integer, ForeignKey("checks.no"), primary_key=True, autoincrement=False),
    Column("ok", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("inconclusive", Integer, nullable=False),
    Column("ok_us", BigInteger, nullable=False, comment="microseconds that the ok attempts took together"),
    sqlite_with_rowid=False,
)


def _state_table(name: str, key: str) -> Table:
    return Table(
        name,
        metadata,
        Column(key, BigInteger, primary_key=True, autoincrement=False, comment="Unix time of its begin, in UTC"),
        Column("subject_no", Integer, ForeignKey("subjects.no"), primary_key=True, autoincrement=False),
        *(Column(f"{state}_ms", BigInteger, nullable=False) for state in STATES),
        sqlite_with_rowid=False,
    )


STATES = ("up", "degraded", "down", "unknown", "planned")
state_hours = _state_table("state_hours", "hour")
state_days = _state_table("state_days", "day")

windows = Table(
    "windows",
    metadata,
    Column("id", String, primary_key=True),
    *(
        Column(name, String, nullable=False)
        for name in ("target", "provider", "breadth", "reach", "kind", "cause", "status")
    ),
    Column("start", Float, nullable=False),
    Column("end", Float),
    Column("opened", Float, nullable=False),
    Column("closed", Float),
    Index("windows_by_start", "start", "id"),
    sqlite_with_rowid=False,
)

documents = Table(
    "documents",
    metadata,
    Column("window_id", String, ForeignKey("windows.id"), primary_key=True),
    Column("document", Text, nullable=False, comment="the whole window as JSON"),
)

window_services = Table(
    "window_services",
    metadata,
    Column("service", String, primary_key=True),
    Column("window_id", String, ForeignKey("windows.id"), primary_key=True),
    Index("window_services_by_window", "window_id"),
    sqlite_with_rowid=False,
)

transitions = Table(
    "transitions",
    metadata,
    Column("decided", Float, primary_key=True),
    Column("check_no", Integer, ForeignKey("checks.no"), primary_key=True, autoincrement=False),
    Column("vantage", String, primary_key=True),
    Column("at", Float, primary_key=True),
    Column("state", String, primary_key=True),
    Column("after", Float),
    Column("before", String, nullable=False),
    Column("layer", String),
    Column("reason", String),
    sqlite_with_rowid=False,
)

spans = Table(
    "spans",
    metadata,
    Column("vantage", String, primary_key=True),
    Column("start", Float, primary_key=True),
    Column("state", String, nullable=False),
    Column("end", Float),
    sqlite_with_rowid=False,
)

memory = Table(
    "memory",
    metadata,
    Column("key", String, primary_key=True),
    Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)

notes = Table(
    "notes",
    metadata,
    Column("no", Integer, primary_key=True),
    Column("window_id", String, ForeignKey("windows.id"), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("author", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("changes", Text, nullable=False, comment="JSON: pairs of a field and its new value"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("key", String, primary_key=True),
    Column("decided", Float, nullable=False),
    Column("state", String, nullable=False),
    Column("talk", String, nullable=False, comment="route and conversation"),
    Column("document", Text, nullable=False, comment="the whole post as JSON"),
    Index("outbox_by_state", "state", "decided"),
    Index("outbox_by_talk", "talk"),
)

outbox_windows = Table(
    "outbox_windows",
    metadata,
    Column("window_id", String, primary_key=True),
    Column("key", String, ForeignKey("outbox.key"), primary_key=True),
    Index("outbox_windows_by_key", "key"),
    sqlite_with_rowid=False,
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("window_id", String, ForeignKey("windows.id"), primary_key=True),
    Column("at", Float, nullable=False),
    Column("author", String, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("id", String, primary_key=True),
    Column("service", String, nullable=False),
    Column("since", Float, nullable=False),
    Column("until", Float, nullable=False),
    Column("author", String, nullable=False),
    Column("comment", String, nullable=False),
)

claims = Table(
    "claims",
    metadata,
    Column("source", String, primary_key=True, comment="id of the check that read it"),
    Column("at", Float, primary_key=True),
    Column("service", String, nullable=False),
    Column("claim", String, nullable=False),
    Column("since", Float),
    Column("text", Text, nullable=False),
    Index("claims_by_service", "service", "at"),
)
