"""Benches: what a thing costs beside a floor measured in the same run (docs/operations/measuring.md)."""
