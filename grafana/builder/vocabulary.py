"""The closed lists of words that are series of their own, in the order in which they are stacked."""

from monitor.domain.vitals import Skip
from monitor.domain.words import Layer, Phase

LAYERS = tuple(str(layer) for layer in Layer)
PHASES = tuple(str(phase) for phase in Phase)
SKIPS = tuple(str(skip) for skip in Skip)
