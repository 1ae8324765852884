"""What outlives a restart. Writes happen in a thread of their own; a store that hangs costs its own function only."""
