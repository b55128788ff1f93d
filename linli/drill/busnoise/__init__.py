"""`linli drill bus-noise`: noisy and rogue frames on the wire of every kind of board."""
