"""Sinks: one file per kind of place upstream, and one row in the registry."""
