"""`linli demo`: hub, simulated cabinet and station daemon as three processes, and the journey that checks them."""
