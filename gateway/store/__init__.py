"""The store: one SQLite file, one writer, one transaction for everything."""
