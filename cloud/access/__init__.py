"""Who may do what at the hub: accounts, tokens, roles, first set-up, audit."""
