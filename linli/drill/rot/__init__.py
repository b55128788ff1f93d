"""`linli drill bit-rot`: bits of a station's files turn over between two runs; no answer may be silently wrong."""
