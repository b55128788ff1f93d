"""Level 1 of the simulated world: the real rooms of station and hub, doors and calls instead of bytes between them."""
