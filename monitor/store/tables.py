"""The tables. Their history is in migrations/versions; a test proves that both agree."""

from sqlalchemy import Column, Float, Integer, MetaData, String, Table

metadata = MetaData()

rollups = Table(
    "rollups",
    metadata,
    Column("hour", Integer, primary_key=True, comment="Unix time of the hour's begin"),
    Column("check_id", String, primary_key=True),
    Column("ok", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("inconclusive", Integer, nullable=False),
    Column("seconds_ok", Float, nullable=False, comment="sum of the durations of the ok attempts"),
)
