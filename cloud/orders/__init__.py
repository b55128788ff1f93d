"""Orders: rounds, stock promised and paid, parcels on their way, pickup, cancelling; one timeline each."""
