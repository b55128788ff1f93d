"""Bytes on the cabinet's wires as pure code: bytes in, values out, leftovers kept.

No I/O, no clock, no policy; each module names the document its numbers come from.
"""
