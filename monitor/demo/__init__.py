"""``lastseen demo``: a real outage comes again on loopback, and a real monitor watches it."""
