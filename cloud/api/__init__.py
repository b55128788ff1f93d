"""The versioned JSON interface: every room's routes under /api/v1, one guard for all."""
