"""Baselines: four published or customary ways to tell where a tag is, to be compared with.

Each is a class with `feed(reads, to_us)`: it takes the reads of a stretch of event time, in order
of event time, knows that nothing before `to_us` will follow, and gives the calls that it makes of
it. None of them is told of sensors, of late reads or of dead readers: they have no notion of these.
"""
