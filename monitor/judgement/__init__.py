"""From attempts to outage windows: pure state machines, no I/O, the time handed in. Replay runs the same code."""
