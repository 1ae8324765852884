"""Hourly roll-ups of attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first table."""
    op.create_table(
        "rollups",
        sa.Column("hour", sa.Integer, primary_key=True, comment="Unix time of the hour's begin"),
        sa.Column("check_id", sa.String, primary_key=True),
        sa.Column("ok", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("inconclusive", sa.Integer, nullable=False),
        sa.Column("seconds_ok", sa.Float, nullable=False, comment="sum of the durations of the ok attempts"),
    )
