"""Tables of vendors' messages and parameters, of the same kind as those of the standard."""
