"""Drills: break things on purpose, let people go on as people do, and count what was lost."""
