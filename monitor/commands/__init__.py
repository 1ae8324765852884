"""Groups of commands that have a file of their own, and what all commands share."""
