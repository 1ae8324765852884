"""How telling people goes: what waits, which channels would work, what was sent, and the heartbeats."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import stat

from grafana.builder import palette, queries
from grafana.builder.frame import Laid, Row
from grafana.builder.panels import A_MINUTE, About, Value, lines, now, query, stacked, states, tile
from grafana.builder.queries import HERE

_RESULTS: Mapping[str, str] = {"ok": palette.FINE, "fail": palette.DOUBTFUL, "error": palette.BAD}
_WAITING = Value(thresholds=palette.steps(palette.FINE, (1, palette.DOUBTFUL)))
_LOST = Value(thresholds=palette.steps(palette.FINE, (1, palette.BAD)))
_LATE = palette.steps(palette.FINE, (60, palette.DOUBTFUL), (600, palette.BAD))
"""Seconds: delays of a minute are stated in the letter, and AlertsNotDelivered fires after ten."""


def rows() -> tuple[Row, ...]:
    """A row of tiles, and what became of it over time."""
    channels = states(
        About(title="Channels", description="Whether each would have worked when it was checked last."),
        query(
            queries.timeline("lastseen_channel_up", HERE, "instance, channel", function="min"),
            "{{instance}} {{channel}}",
        ),
        palette.words(palette.CHANNELS),
    ).no_value("No channel is configured")
    letters = lines(
        About(
            title="Letters by channel and result",
            description="A minute. Failed counts each try; passed over: the channel rides on what is itself down.",
        ),
        A_MINUTE,
        query(queries.where_any("channel, result", "lastseen_alerts_total", HERE), "{{channel}} {{result}}"),
    ).no_value("No letters in this range")
    beats = stacked(
        About(
            title="Heartbeats",
            description="A minute, to whoever notices when we stop: fail: the schedule is late; error: not taken.",
        ),
        A_MINUTE,
        query(queries.a_minute("result", "lastseen_heartbeats_total", HERE), "{{result}}"),
        _RESULTS,
    )
    below = (channels, 8), (letters, 8), (beats, 8)
    return Row(height=4, panels=_tiles()), Row(height=7, panels=below)


def _tiles() -> tuple[Laid, ...]:
    own = "max by (instance) ({}{{" + HERE + "}})"
    lost = f"sum by (instance) (round({queries.increase('lastseen_alerts_given_up_total', HERE)}))"
    late = Value(unit=palette.LASTS, thresholds=_LATE)
    return (
        (_tile("Alerts waiting", "Those that reached nobody yet.", own.format("lastseen_outbox_waiting"), _WAITING), 8),
        (_tile("Oldest of them", "How long it has waited.", own.format("lastseen_outbox_oldest_seconds"), late), 8),
        (_tile("Given up", "In this range: alerts that no channel took in a day.", lost, _LOST), 8),
    )


def _tile(title: str, description: str, expression: str, value: Value) -> stat.Panel:
    return tile(About(title=title, description=description), now(expression, "{{instance}}"), value)
