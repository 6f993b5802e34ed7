"""The outbox: from the journal of the store to every sink, in order, at least once."""
