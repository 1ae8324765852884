"""The web side: status page, API, /metrics, /probe, health. Reads; never holds up probing."""
