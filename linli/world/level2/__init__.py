"""Level 2 of the simulated world: real aiohttp, frames and files in the virtual network, for sync alone."""
