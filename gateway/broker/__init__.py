"""The connections to the MQTT broker, for whoever publishes or subscribes."""

from gateway.broker.connection import BrokerConnection, Will
from gateway.broker.listener import Listener

__all__ = ["BrokerConnection", "Listener", "Will"]
