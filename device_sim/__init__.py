"""A cabinet without a cabinet: boards on the real wire, physics, faults, a witness."""
