"""One file a probe; its docstring is its manual, which a test loads."""
