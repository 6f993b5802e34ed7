"""The demo: a simulated warehouse with everything real but the goods.

Emulated readers speak LLRP over TCP, simulated sensors publish to a real MQTT broker, and the whole
gateway runs between them. At the end the movements are compared with the simulation's truth.
"""
