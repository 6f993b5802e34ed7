"""The Low Level Reader Protocol, 1.0.1 and 1.1, as a library without input or output.

Bytes in, messages out, and the other way; usable alone. It imports nothing else of the gateway.
"""
