"""Benchmarks: a module each with `run()`; `rfid-gateway bench` lists them."""
