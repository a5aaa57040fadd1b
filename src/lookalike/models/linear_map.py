"""The linear map of an adapter: from a network's vector to the one that is compared.

All of it is done in whole numbers, so that a vector's map is the same, bit for bit, alone or among
others and on every machine: the vector is rounded to 2^-20, weights have 16 bits, and no sum of their
products exceeds the 53 bits that a float holds exactly, in whatever order it is summed.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.errors import ModelError
from lookalike.vectors import Vectors, canonical

MOST_INPUTS = 65_536
"""Longest vector: 2^16 products of at most 2^20 · 2^15 sum to 2^51, and the centre's to as much."""

_UNIT = float(1 << 20)
_LARGEST = (1 << 15) - 1
_BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class LinearMap:
    """x -> (x - centre) · weights, made a unit vector.

    Attributes:
        centre: (d,) int32, in units of 2^-20.
        weights: (d, m) int16; their scale does not matter.
    """

    centre: npt.NDArray[np.int32]
    weights: npt.NDArray[np.int16]

    @classmethod
    def rounded(cls, centre: npt.NDArray[np.floating], weights: npt.NDArray[np.floating]) -> LinearMap:
        """The map nearest to this one that whole numbers can say.

        Args:
            centre: (d,), within [-1, 1].
            weights: (d, m), not all 0.
        """
        scaled = weights * (_LARGEST / np.abs(weights).max())
        return cls(np.rint(centre * _UNIT).astype(np.int32), np.rint(scaled).astype(np.int16))

    def apply(self, rows: Vectors) -> Vectors:
        """The mapped vectors.

        Args:
            rows: (n, d) float32 unit rows.

        Returns:
            (n, m) float32 canonical unit rows.
        """
        parts = [canonical(self.project(part)) for part in _parts(rows)]
        return np.concatenate(parts) if parts else np.zeros((0, self.weights.shape[1]), np.float32)

    def project(self, rows: Vectors) -> npt.NDArray[np.float64]:
        """(n, m) whole numbers: the map before lengths are made 1."""
        whole = np.rint(rows.astype(np.float64) * _UNIT)
        return np.asarray((whole - self.centre) @ self.weights.astype(np.float64))

    def features(self, features: Vectors) -> Vectors:
        """A feature map whose mean over positions has the direction of the mapped vector.

        The vector is v / |v| with v the mean over positions f, so (f - |v| centre) · weights, whose mean is
        (v - |v| centre) · weights, points there.

        Args:
            features: (d, h, w) float32 of the network.

        Returns:
            (m, h, w) float32.
        """
        wide = features.astype(np.float64)
        length = float(np.linalg.norm(wide.mean(axis=(1, 2))))
        centred = wide - (length * self.centre / _UNIT)[:, None, None]
        return np.asarray(np.einsum("dhw,dm->mhw", centred, self.weights / _LARGEST), np.float32)

    def dumps(self) -> bytes:
        """As a file that `loads` reads; the same bytes for the same map."""
        file = io.BytesIO()
        np.savez(file, centre=self.centre, weights=self.weights)
        return file.getvalue()

    @classmethod
    def read(cls, file: Path) -> LinearMap:
        """The map in a file.

        Raises:
            ModelError: it is none.
        """
        try:
            with file.open("rb") as handle, np.load(handle, allow_pickle=False) as arrays:
                centre, weights = arrays["centre"], arrays["weights"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ModelError(f"{file} cannot be read as an adapter: {error}") from error
        shapes_fit = weights.ndim == 2 and centre.shape == weights.shape[:1] and weights.size
        if weights.dtype != np.int16 or centre.dtype != np.int32 or not shapes_fit:
            raise ModelError(f"{file} is no adapter: its arrays have other shapes or types")
        return cls(centre, weights)


def _parts(rows: Vectors) -> Iterator[Vectors]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]
