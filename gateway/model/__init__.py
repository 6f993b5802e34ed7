"""The words of the domain as frozen values; a leaf: imports nothing else of the gateway."""
