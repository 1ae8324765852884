"""Ways to people, one file each. See `monitor.domain.ports.Channel`."""
