"""`linli drill evil-hub`: a hub with its own, valid key that wants every door open."""
