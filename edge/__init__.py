"""The station daemon."""
