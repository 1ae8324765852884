"""Colours, and the words that always stand beside them.

Okabe and Ito's bluish green, yellow and vermilion, and a slate for what nobody
knows: any two of them stay apart with every kind of colour blindness, on the
light theme and on the dark one. Colour alone never says anything: each mapping
has its word.
"""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

FINE, DOUBTFUL, BAD, UNKNOWN = "#009E73", "#F0E442", "#D55E00", "#4B4B6B"
SERIES = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#F0E442", "#D55E00", "#999999", "#882255")
"""Okabe and Ito's other colours too, and Tol's wine, for lines and areas that have a legend."""

PLANNED = SERIES[0]
"""Sky blue: neither good nor bad."""

NO_DATA = -2
"""What timelines show where Prometheus has nothing: nobody asked the monitor, or there was none."""

_Words = Mapping[int, tuple[str, str]]


def words(meaning: _Words) -> list[model.ValueMapping]:
    """A word and a colour for each number."""
    results = {
        str(value): model.ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(meaning.items())
    }
    return [model.ValueMap(options=results)]


STATES: _Words = {
    0: ("Up", FINE),
    1: ("Degraded", DOUBTFUL),
    2: ("Down", BAD),
    -1: ("Unknown", UNKNOWN),
    NO_DATA: ("No data", UNKNOWN),
}
VANTAGES: _Words = {
    0: ("Online", FINE),
    1: ("Lossy", DOUBTFUL),
    2: ("Trust store old", DOUBTFUL),
    3: ("Blind: resolver broken", BAD),
    4: ("Blind: clock wrong", BAD),
    5: ("Blind: captive", BAD),
    6: ("Blind: offline", BAD),
    NO_DATA: ("No data", UNKNOWN),
}
CLAIMS: _Words = {
    0: ("Fine", FINE),
    1: ("Degraded", DOUBTFUL),
    2: ("Down", BAD),
    3: ("Maintenance", PLANNED),
    NO_DATA: ("No data", UNKNOWN),
}
"""Of providers, of themselves."""
ANSWERS: _Words = {1: ("Answers", FINE), 0: ("Does not answer", BAD), NO_DATA: ("No data", UNKNOWN)}
CHANNELS: _Words = {1: ("Works", FINE), 0: ("Does not work", BAD), NO_DATA: ("No data", UNKNOWN)}


LASTS = "dtdhms"
"""The unit of seconds that something lasts: ``00:47:00``, ``1 d 14:24:00``.

"duration (s)" leaves out all but the greatest unit, or else says "25 seconds, 0 milliseconds".
"""


def since(pattern: str = "MMM D, HH:mm:ss") -> str:
    """The unit of epoch milliseconds that reads ``since Oct 25, 07:02:00``."""
    return f"time:[since] {pattern}"


def any_time() -> list[model.ValueMapping]:
    """Any moment at all is bad; its text is the moment itself, as its unit has it."""
    result = model.ValueMappingResult(color=BAD, index=0)
    return [model.RangeMap(options=model.DashboardRangeMapOptions(from_val=1, to=1e15, result=result))]


def steps(first: str, *above: tuple[float, str]) -> Builder[model.ThresholdsConfig]:
    """Thresholds: ``first`` from the bottom, then each colour from its value on."""
    found = [model.Threshold(value=None, color=first), *(model.Threshold(value=value, color=c) for value, c in above)]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(found)


def fixed(color: str) -> Builder[model.FieldColor]:
    """One colour, whatever the value."""
    return build.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(color)


def by_thresholds() -> Builder[model.FieldColor]:
    """The colour of the threshold that the value passed."""
    return build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS)


def each(names: Sequence[str]) -> Mapping[str, str]:
    """A colour of its own for each of these series, always the same."""
    return {name: SERIES[index % len(SERIES)] for index, name in enumerate(names)}


def always(color: str) -> list[model.DynamicConfigValue]:
    """An override: this colour."""
    return [model.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": color})]
