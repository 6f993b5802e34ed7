"""Motion: a track through the hall, made of straight legs at constant speed."""

from __future__ import annotations

import math
from bisect import bisect_right

import numpy as np
import numpy.typing as npt

from gateway.model.place import Point

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Track:
    """Where something is at any time: waypoints, appended as its next trips are planned.

    Between waypoints it moves evenly; before the first and after the last it stands still.
    """

    def __init__(self, at: Point, time_us: int = 0) -> None:
        self._times_us = [time_us]
        self._points = [at]

    @property
    def end_us(self) -> int:
        """When the last planned leg ends."""
        return self._times_us[-1]

    @property
    def end(self) -> Point:
        """Where the last planned leg ends."""
        return self._points[-1]

    def wait_until(self, time_us: int) -> None:
        """Stand where the last leg ended, until `time_us` (a past time: no wait)."""
        if time_us > self.end_us:
            self._times_us.append(time_us)
            self._points.append(self.end)

    def wait(self, seconds: float) -> None:
        """Stand for some seconds."""
        self.wait_until(self.end_us + round(seconds * 1e6))

    def go(self, to: Point, speed_m_per_s: float) -> None:
        """Go straight to a point."""
        distance = math.dist(self.end, to)
        if distance > 0:
            self._times_us.append(self.end_us + max(1, round(distance / speed_m_per_s * 1e6)))
            self._points.append(to)

    def at(self, time_us: int) -> tuple[float, float, float, float]:
        """Position and speed: x, y, vx, vy."""
        n = bisect_right(self._times_us, time_us)
        if n == 0 or n == len(self._times_us):
            return (*self._points[min(n, len(self._points) - 1)], 0.0, 0.0)
        (x0, y0), (x1, y1) = self._points[n - 1], self._points[n]
        t0, t1 = self._times_us[n - 1], self._times_us[n]
        share, seconds = (time_us - t0) / (t1 - t0), (t1 - t0) / 1e6
        dx, dy = x1 - x0, y1 - y0
        return (x0 + share * dx, y0 + share * dy, dx / seconds, dy / seconds)

    def samples(self, times_us: Ints) -> tuple[Floats, Floats]:
        """x and y at many times."""
        points = np.array(self._points)
        x = np.interp(times_us, self._times_us, points[:, 0])
        y = np.interp(times_us, self._times_us, points[:, 1])
        return x, y

    def forget(self, before_us: int) -> None:
        """Drop the legs that ended before a time; positions at and after it are unchanged."""
        n = max(0, bisect_right(self._times_us, before_us) - 1)
        del self._times_us[:n], self._points[:n]
