"""What the log says of readers and sensors as their states change."""

from __future__ import annotations

import logging

from gateway.model.device import DeviceStatus, ReaderState, SensorHealth

logger = logging.getLogger(__name__)


def log_reader(status: DeviceStatus) -> None:
    """A reader that does not read; that it does, and what is odd about it, its driver has said."""
    if status.port is not None:
        level = logging.INFO if status.up else logging.WARNING
        logger.log(level, "reader '%s': %s", status.reader, status.reason)
    elif status.state is ReaderState.CONNECTING:
        logger.info("reader '%s': %s", status.reader, status.reason)
    elif not status.up:
        logger.warning("reader '%s' is %s: %s", status.reader, status.state, status.reason)


def log_sensor(health: SensorHealth) -> None:
    """A sensor that somebody should look at, or that has been seen to."""
    if health.problem is None:
        logger.info("sensor '%s' is well again", health.sensor)
    else:
        logger.warning("sensor '%s' is not believed: %s", health.sensor, health.problem)
