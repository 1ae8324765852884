"""What /metrics says: probe results from lines rendered ahead, and the monitor's own numbers."""
