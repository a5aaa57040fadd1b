"""Which of two copies was made from the other, as far as a JPEG's compression tells.

Of every 8 x 8 pixels a JPEG holds how strong each frequency is, rounded to multiples of a step. In a picture
that was saved from it, as PNG or as a JPEG again, mirrored or a little larger, the frequencies are still near
these multiples; in the picture that it was made from they are anywhere (Z. Fan and R. de Queiroz,
"Identification of bitmap compression history: JPEG detection and quantizer estimation", IEEE Transactions on
Image Processing 12, 2003). So the one can be told from the other, although both look the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike import images
from lookalike.duplicates.pairs import Transform
from lookalike.images import Pixels

Floats = npt.NDArray[np.float32]

BY_CHANCE = 0.25
"""Distance from the nearest multiple of a step, in steps, of values that are anywhere."""

_SEEN = 0.2
"""Distance below which the steps are seen. Of 100 JPEGs saved again in 16 ways, none of the copies' own steps
were seen in what they were made from; above 0.21 some were, where the steps of both are nearly the same."""

_SEEN_RESIZED = 0.23
"""The same where one was resized: there, all of 480 were at 0.244 and more."""

_CLEARER = 0.02  # by how much less it must be than the other way round: saved twice alike, both have the same
_FEWEST = 500
_FEWEST_RESIZED = 1_500
"""Values without which nothing is told. The distance of one that is anywhere has a standard deviation of
0.144 (that of a uniform one in 0 to 0.5). So by chance the mean of so many comes below the limits above only
where it is 7.7 and 5.4 of its own standard deviations from `BY_CHANCE`."""

_LEAST_STEP = 3.0  # smaller ones drown in the rounding of pixels
_LOW = 4  # frequencies downwards and across, together, that are looked at when one is
# resized, which loses the higher ones
_WINDOW = 1024  # pixels of each side that are looked at, in the middle
_OFF = 0.03  # of each side by which the frames of the two may differ


@dataclass(frozen=True, slots=True)
class Source:
    """A picture that another one may have been made from.

    Attributes:
        rgb: (h, w, 3) uint8, upright, at full size.
        steps: of its brightness, as `images.jpeg_steps` gives them; None when it is no JPEG.
        orientation: how the pixels in the file were turned to be upright, 1 to 8 as in EXIF.
    """

    rgb: Pixels
    steps: Floats | None = None
    orientation: int = 1

    @classmethod
    def of(cls, rgb: Pixels, data: bytes) -> Source:
        """From the pixels of a picture and the bytes of its file."""
        header = images.jpeg_header(data)
        return cls(rgb, images.jpeg_steps(data) if header else None, header.orientation if header else 1)


def made(first: Source, second: Source, transform: Transform) -> tuple[bool, bool]:
    """Whether the first was made from the second, and the second from the first; not both.

    Args:
        first: a picture.
        second: another one that shows all of it and nothing else.
        transform: takes points of the first to the second; see `pairs.Match`.
    """
    matrix = np.array(transform)
    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    of_first, of_second = marks(first, second, matrix), marks(second, first, back)
    limit = _SEEN if sorted(first.rgb.shape) == sorted(second.rgb.shape) else _SEEN_RESIZED
    seen = min(of_first, of_second) < limit and abs(of_first - of_second) > _CLEARER
    return seen and of_second < of_first, seen and of_first < of_second


def marks(source: Source, other: Source, transform: npt.NDArray[np.float64]) -> float:
    """How far another picture's frequencies are from multiples of the source's steps, in steps: 0 to 0.5;
    `BY_CHANCE` where that cannot be told.

    A JPEG's own steps make its frequencies multiples of themselves, so only those are looked at that it has
    rounded more finely than the source.
    """
    steps = source.steps
    turned = _turned(other.rgb, _turn(source.rgb, other.rgb, transform))
    if steps is None or turned is None:
        return BY_CHANCE
    back = {6: 8, 8: 6}.get(source.orientation, source.orientation)  # all others undo themselves
    stored = images.turn(np.ascontiguousarray(turned), back)
    height, width = source.rgb.shape[:2]
    size = (height, width) if source.orientation >= 5 else (width, height)
    used, fewest = steps >= _LEAST_STEP, _FEWEST
    if stored.shape[:2] != (size[1], size[0]):
        fewest = _FEWEST_RESIZED
        used &= np.add.outer(np.arange(8), np.arange(8)) <= _LOW
    if other.steps is not None:
        used &= np.maximum(other.steps, other.steps.T) < steps
    used[0, 0] = False  # the brightness of the place
    strengths = _strengths(_grey(stored, size))
    shares = strengths[:, used] / steps[used]
    shares = shares[np.abs(shares) > 0.5]  # others were rounded to nothing, and are small in any picture
    return float(np.abs(shares - np.rint(shares)).mean()) if len(shares) >= fewest else BY_CHANCE


def _turn(first: Pixels, second: Pixels, transform: npt.NDArray[np.float64]) -> npt.NDArray[np.int_] | None:
    """How the frame of the first is turned and mirrored to become that of the second: where its two
    directions go, as a matrix of -1, 0 and 1; None where the frames are not the same."""
    (height, width), (rows, columns) = first.shape[:2], second.shape[:2]
    linear = transform[:, :2] * (width, height) / np.array([[columns], [rows]])
    centre = (transform @ (width / 2, height / 2, 1)) / (columns, rows)
    turn = np.rint(linear).astype(int)
    same = np.abs(linear - turn).max() < _OFF and np.abs(centre - 0.5).max() < _OFF
    return turn if same and np.array_equal(turn @ turn.T, np.eye(2)) else None


def _turned(rgb: Pixels, turn: npt.NDArray[np.int_] | None) -> Pixels | None:
    """The second picture in the frame of the first."""
    if turn is None:
        return None
    upright = rgb.swapaxes(0, 1) if turn[0, 0] == 0 else rgb
    across, downwards = turn.sum(axis=0)
    return upright[::downwards, ::across]


def _grey(rgb: Pixels, size: tuple[int, int]) -> Floats:
    """The brightness of the middle of a picture that is brought to a size, whole blocks of it."""
    import cv2

    if (rgb.shape[1], rgb.shape[0]) != size:
        smaller = rgb.shape[0] * rgb.shape[1] > 2 * size[0] * size[1]
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC))
    top, left = (max(0, side - _WINDOW) // 16 * 8 for side in rgb.shape[:2])
    middle = rgb[top : top + _WINDOW, left : left + _WINDOW].astype(np.float32)
    return np.asarray(middle @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)  # ITU-R BT.601


def _strengths(grey: Floats) -> Floats:
    """The strength of each frequency of each block, (n, 8, 8) (the DCT of ITU-T T.81, A.3.3)."""
    height, width = (side // 8 * 8 for side in grey.shape)
    blocks = grey[:height, :width].reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3)
    return np.asarray(_DCT @ blocks.reshape(-1, 8, 8) @ _DCT.T, np.float32)


_DCT = np.sqrt(np.where(np.arange(8) == 0, 1, 2) / 8)[:, None] * np.cos(
    np.pi / 16 * np.outer(np.arange(8), 2 * np.arange(8) + 1)
)
_DCT = _DCT.astype(np.float32)
