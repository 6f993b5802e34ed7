"""`rfid-gateway`: tag reads and sensor readings in, movements of stock out."""

__version__ = "0.1.0"
