"""Who may: the code verifier, limiters, keeper PINs, the budget of remote opens, commands of the hub."""
