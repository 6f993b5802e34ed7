"""A simulated warehouse, and emulated readers: LLRP servers that report what it holds.

`warehouse.World` moves the stock and says what readers read, what sensors say and what is true;
`reader.EmulatedReader` speaks LLRP over TCP; `live` joins them in real time, `recorder` writes
recordings faster than that.
"""
