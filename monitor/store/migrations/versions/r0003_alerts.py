"""What is told to people: the outbox, acknowledgements, silences. What providers claim."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "outbox",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("decided", sa.Float, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("talk", sa.String, nullable=False, comment="route and conversation"),
        sa.Column("document", sa.Text, nullable=False, comment="the whole post as JSON"),
    )
    op.create_index("outbox_by_talk", "outbox", ["talk"])
    op.create_index("outbox_by_state", "outbox", ["state", "decided"])
    op.create_table(
        "outbox_windows",
        sa.Column("window_id", sa.String, primary_key=True),
        sa.Column("key", sa.String, sa.ForeignKey("outbox.key"), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("outbox_windows_by_key", "outbox_windows", ["key"])
    op.create_table(
        "acknowledgements",
        sa.Column("window_id", sa.String, sa.ForeignKey("windows.id"), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("author", sa.String, nullable=False),
    )
    op.create_table(
        "silences",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("comment", sa.String, nullable=False),
    )
    op.create_table(
        "claims",
        sa.Column("source", sa.String, primary_key=True, comment="id of the check that read it"),
        sa.Column("at", sa.Float, primary_key=True),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("claim", sa.String, nullable=False),
        sa.Column("since", sa.Float),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("claims_by_service", "claims", ["service", "at"])
