"""`linli drill family`: parcels given away, many codes for one door, the cable cut, and power that goes."""
