"""Ground without business words: clock, chance, ids, stores, errors, web hardening."""
