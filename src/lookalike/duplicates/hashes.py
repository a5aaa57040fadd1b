"""Perceptual hashes: 64 bits that stay nearly the same when a picture is encoded again,
shrunk, turned grey or blurred, and differ by about 32 bits between unrelated pictures.

Sources: C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010),
chapter 3.2; N. Krawetz, "Looks Like It" (hackerfactor.com, 2011).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_SIDE = 8  # frequencies a direction
_ENOUGH = 64  # pixels of the shorter side that are plenty for eight frequencies
_FLAT = 0.1  # grey levels; weaker waves are noise of the encoder


def perceptual_hash(rgb: npt.NDArray[np.uint8]) -> int:
    """The pHash of a picture: which of its 64 lowest spatial frequencies are stronger than
    their median.

    The classic recipe shrinks the picture to 32 x 32 before the cosine transform; here the
    transform is taken of the larger picture directly, with the same waves, which is both
    cheaper and less dependent on how the picture was scaled.

    Args:
        rgb: (h, w, 3) uint8.

    Returns:
        64 bits as a signed integer in [-2**63, 2**63), as databases store it. The first bit,
        the sign, is the mean grey.
    """
    import cv2

    if min(rgb.shape[:2]) >= 4 * _ENOUGH:
        # Low frequencies do not miss every other row, and turning all of it grey would be dear.
        rgb = _halved(rgb[::2])
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    while min(grey.shape) >= 2 * _ENOUGH:
        grey = _halved(grey)
    rows = _product(grey.astype(np.float32), _waves(grey.shape[1]))
    waves = _product(np.ascontiguousarray(_waves(grey.shape[0]).T), rows).ravel()
    waves[np.abs(waves) < _FLAT] = 0.0
    ordered = np.sort(waves)
    bits = waves > (ordered[31] + ordered[32]) / 2
    return int.from_bytes(np.packbits(bits).tobytes(), "big", signed=True)


def _halved(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Half the size; an odd last row or column is left out, since OpenCV is quick at exact halves."""
    import cv2

    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    even = pixels[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _product(a: Floats, b: Floats) -> Floats:
    """Matrix product by OpenCV. NumPy's wakes the threads of BLAS even for matrices this small,
    which made indexing with two threads slower than with one (measured: 10 ms against 3 ms)."""
    import cv2

    nothing = np.empty((0, 0), np.float32)
    return np.asarray(cv2.gemm(a, b, 1.0, nothing, 0.0), np.float32)


def hamming(a: int, b: int) -> int:
    """How many of the 64 bits differ: 0 for the same, about 32 for unrelated pictures.

    >>> hamming(0, -1), hamming(5, 6)
    (64, 2)
    """
    return ((a ^ b) & 0xFFFF_FFFF_FFFF_FFFF).bit_count()


@lru_cache(maxsize=4096)
def _waves(length: int) -> npt.NDArray[np.float32]:
    """The eight lowest cosine waves (DCT-II) over `length` pixels: (length, 8) float32, scaled
    so that a coefficient is the wave's amplitude in grey levels whatever the length."""
    x = (np.arange(length) + 0.5) * (np.pi / length)
    scale = np.full(_SIDE, np.sqrt(2.0) / length)
    scale[0] = 1.0 / length
    scale[length:] = 0.0  # so few pixels hold no such waves
    waves: npt.NDArray[np.float32] = (np.cos(np.outer(x, np.arange(_SIDE))) * scale).astype(np.float32)
    return waves
