"""The benchmarks: `python -m bench`. What they measure and how: docs/benchmarks.md."""
