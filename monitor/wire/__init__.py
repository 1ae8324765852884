"""Codecs of protocols: bytes in, values out. No I/O, no clock; what does not parse is a ValueError."""
