"""Pages of the hub by audience: the operator's desk and the resident's order page."""
