"""Drills in which a disk is not the only one of its kind: a station that was copied, a hub put back from a backup."""
