"""lastseen: a synthetic availability monitor for messaging."""

__version__ = "0.1.0"
