"""Fading: multipath as a few plane waves per antenna.

A sum of waves from fixed directions with fixed detours gives, without further ado, what is seen in
halls: fades that a tag leaves within half a wavelength, that differ between channels a few MHz
apart, and that stay as they are while nothing moves.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

WAVES = 7
DETOUR_M = (2.0, 14.0)
PEOPLE_HZ = (0.3, 3.0)


class Fading:
    """The scatter around one antenna.

    `k_factor_db` is the power of the direct path against all scatter; `reverse_correlation` says
    how much the way back is like the way out.
    """

    def __init__(
        self,
        *,
        k_factor_db: float,
        reverse_correlation: float,
        people_amplitude: float,
        rng: np.random.Generator,
    ) -> None:
        directions = rng.normal(size=(2 * WAVES + 1, 3))
        self._directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        self._detours_m = np.append(rng.uniform(*DETOUR_M, 2 * WAVES), 0.0)
        amplitudes = rng.rayleigh(size=(2, WAVES))
        amplitudes /= np.linalg.norm(amplitudes, axis=1, keepdims=True)
        self._people_hz = float(rng.uniform(*PEOPLE_HZ))
        # What each wave adds to the way out, to the other way back, and to what people change.
        self._weights = np.zeros((2 * WAVES + 1, 3), dtype=np.float32)
        self._weights[:WAVES, 0] = amplitudes[0]
        self._weights[WAVES:-1, 1] = amplitudes[1]
        self._weights[-1, 2] = people_amplitude
        self._reverse = (reverse_correlation, float(np.sqrt(1.0 - reverse_correlation**2)))
        k = 10 ** (k_factor_db / 10)
        self._direct, self._scatter = np.sqrt(k / (k + 1)), np.sqrt(1 / (k + 1))
        most = self._direct + self._scatter * amplitudes[0].sum() + people_amplitude
        #: The gain on the way out never exceeds this.
        self.most_db = float(20 * np.log10(most))

    def gains(self, xyz_m: Floats, wavenumber: float, time_s: float) -> tuple[Complexes, Complexes]:
        """Complex gains (out, back) at points, relative to the direct path alone."""
        phase = wavenumber * (xyz_m @ self._directions.T + self._detours_m)
        phase[:, -1] += 2 * np.pi * (self._people_hz * time_s % 1.0)
        # Single precision is 20 times as fast here, and exact to some 1/10,000 of a turn.
        single = phase.astype(np.float32)
        waves = np.cos(single) @ self._weights + 1j * (np.sin(single) @ self._weights)
        first, second, people = waves.T
        out = self._direct + self._scatter * first + people
        same, other = self._reverse
        back = self._direct + self._scatter * (same * first + other * second) + people
        return out, back
