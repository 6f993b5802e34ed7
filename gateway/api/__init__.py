"""The HTTP API: what is where, how the devices are, what has happened, and a stream of events.

Nothing here decides anything: requests read the live view and the store's history. Hot look-ups are
plain routes that answer with ready bytes; the rest is declared with FastAPI, which documents it.
"""
