"""Drivers: devices of every kind, drained by the core thread."""
