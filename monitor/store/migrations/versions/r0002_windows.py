"""Windows and all that the judgement decides; roll-ups with small keys."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_WITHOUT_ROWID = {"sqlite_with_rowid": False}


def upgrade() -> None:
    """Make the tables; move the roll-ups over."""
    _make_names()
    _move_rollups()
    _make_states()
    _make_windows()
    _make_course()


def _make_names() -> None:
    op.create_table(
        "checks",
        sa.Column("no", sa.Integer, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True, comment="service/component/target/probe"),
    )
    op.create_table(
        "subjects",
        sa.Column("no", sa.Integer, primary_key=True),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("component", sa.String, nullable=False, comment="empty: the whole service"),
        sa.UniqueConstraint("service", "component"),
    )


def _move_rollups() -> None:
    op.rename_table("rollups", "rollups_0001")
    op.create_table(
        "rollups",
        _key("hour", "Unix time of the hour's begin"),
        _number("check_no", "checks.no"),
        sa.Column("ok", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("inconclusive", sa.Integer, nullable=False),
        sa.Column("ok_us", sa.BigInteger, nullable=False, comment="microseconds that the ok attempts took together"),
        **_WITHOUT_ROWID,
    )
    op.execute("INSERT INTO checks (id) SELECT DISTINCT check_id FROM rollups_0001 ORDER BY check_id")
    op.execute(
        "INSERT INTO rollups (hour, check_no, ok, failed, inconclusive, ok_us)"
        " SELECT hour, no, ok, failed, inconclusive, CAST(ROUND(seconds_ok * 1000000) AS BIGINT)"
        " FROM rollups_0001 JOIN checks ON id = check_id ORDER BY hour, no"
    )
    op.drop_table("rollups_0001")


def _make_states() -> None:
    for table, key in (("state_hours", "hour"), ("state_days", "day")):
        op.create_table(
            table,
            _key(key, "Unix time of its begin, in UTC"),
            _number("subject_no", "subjects.no"),
            *(
                sa.Column(name, sa.BigInteger, nullable=False)
                for name in ("up_ms", "degraded_ms", "down_ms", "unknown_ms", "planned_ms")
            ),
            **_WITHOUT_ROWID,
        )


def _make_windows() -> None:
    words = ("target", "provider", "breadth", "reach", "kind", "cause", "status")
    op.create_table(
        "windows",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in words),
        sa.Column("start", sa.Float, nullable=False),
        sa.Column("end", sa.Float),
        sa.Column("opened", sa.Float, nullable=False),
        sa.Column("closed", sa.Float),
        **_WITHOUT_ROWID,
    )
    op.create_index("windows_by_start", "windows", ["start", "id"])
    op.create_table(
        "documents",
        sa.Column("window_id", sa.String, sa.ForeignKey("windows.id"), primary_key=True),
        sa.Column("document", sa.Text, nullable=False, comment="the whole window as JSON"),
    )
    op.create_table(
        "window_services",
        sa.Column("service", sa.String, primary_key=True),
        sa.Column("window_id", sa.String, sa.ForeignKey("windows.id"), primary_key=True),
        **_WITHOUT_ROWID,
    )
    op.create_index("window_services_by_window", "window_services", ["window_id"])
    op.create_table(
        "notes",
        sa.Column("no", sa.Integer, primary_key=True),
        sa.Column("window_id", sa.String, sa.ForeignKey("windows.id"), nullable=False, index=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("changes", sa.Text, nullable=False, comment="JSON: pairs of a field and its new value"),
    )


def _make_course() -> None:
    op.create_table(
        "transitions",
        sa.Column("decided", sa.Float, primary_key=True),
        _number("check_no", "checks.no"),
        sa.Column("vantage", sa.String, primary_key=True),
        sa.Column("at", sa.Float, primary_key=True),
        sa.Column("state", sa.String, primary_key=True),
        sa.Column("after", sa.Float),
        sa.Column("before", sa.String, nullable=False),
        sa.Column("layer", sa.String),
        sa.Column("reason", sa.String),
        **_WITHOUT_ROWID,
    )
    op.create_table(
        "spans",
        sa.Column("vantage", sa.String, primary_key=True),
        sa.Column("start", sa.Float, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("end", sa.Float),
        **_WITHOUT_ROWID,
    )
    op.create_table(
        "memory",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        **_WITHOUT_ROWID,
    )


def _key(name: str, comment: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False, comment=comment)


def _number(name: str, of: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(of), primary_key=True, autoincrement=False)
