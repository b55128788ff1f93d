"""The ledger: accounts, journals that sum to zero, balances. Knows amounts and subjects, not what was bought."""
