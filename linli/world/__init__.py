"""The simulated world: unmodified daemon and hub in one seeded virtual-time loop, with network, lines and disks."""
