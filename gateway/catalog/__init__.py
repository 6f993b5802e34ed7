"""The catalog: which goods a tag is on, and what ought to go through which door."""
