"""Pictures as training shows them: each time another part, size, light and turn of the same picture.

In `view`, the part is a random crop (Szegedy et al., "Going deeper with convolutions", 2015), then mirroring,
a small turn, colours, and at times a rectangle that hides something (Zhong et al., "Random erasing data
augmentation", 2020). A `copy_view` is what people make of pictures before they turn up again; its edits are
those by which copies are judged (`evaluation.copies`), on other pictures. How often each comes, and how far a
view goes, are choices; docs/training-trials.md says what was compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lookalike.duplicates.edits import EDITS
from lookalike.embedder import prepare
from lookalike.models import Preprocessing

Rgb = npt.NDArray[np.uint8]

SMALLEST_PART = 0.2  # of the picture's area
ASPECTS = (3 / 4, 4 / 3)
TURN = 15.0  # degrees to either side
LIGHT = 0.4  # brightness, contrast and saturation change by up to this share, the tint by a quarter of it
HIDDEN = 0.4  # how many views have a rectangle over them, of at most this share of the area

# What a copy has, one of each line with this chance, in this order.
_STEPS = (
    (0.3, ("crop-80", "crop-50", "crop-25", "crop-10-50")),
    (
        0.2,
        ("turned-3", "turned-10", "turned-25", "turned-10-inside", "turned-90", "turned-270", "upside-down"),
    ),
    (0.3, ("mirrored",)),
    (0.5, ("grey", "colours", "warm", "light", "sepia", "duotone", "sharpened", "noise", "blurred")),
    (0.2, ("watermark", "meme")),
    (0.3, ("border", "blurred-border", "screenshot", "collage", "pasted", "square")),
    (0.4, ("jpeg-30", "quarter")),
)
_CUT = 0.5  # how many copies are then shown as another `view`


def view(rgb: Rgb, size: int, dice: np.random.Generator) -> Rgb:
    """One random view of a picture.

    Args:
        rgb: (h, w, 3) uint8.
        size: side of the square wanted, pixels.
        dice: where chance comes from; the same state gives the same view.

    Returns:
        (size, size, 3) uint8.
    """
    square = _part(rgb, size, dice)
    if dice.random() < 0.5:
        square = square[:, ::-1]
    square = _relit(square, dice)
    if dice.random() < HIDDEN:
        _hide(square, dice)
    return np.ascontiguousarray(square)


def copy_view(rgb: Rgb, others: Sequence[Rgb], how: Preprocessing, dice: np.random.Generator) -> Rgb:
    """One random copy of a picture: several edits (see `duplicates.edits`), one after the other.

    Args:
        rgb: (h, w, 3) uint8.
        others: pictures that may be seen beside it.
        how: the model's preprocessing.
        dice: where chance comes from.

    Returns:
        (size, size, 3) uint8.
    """
    for chance, names in _STEPS:
        if dice.random() < chance:
            rgb = EDITS[str(dice.choice(names))](rgb, others, dice)
    rgb = np.ascontiguousarray(rgb)
    return view(rgb, how.size, dice) if dice.random() < _CUT else prepare(rgb, how)


def mixed(first: Rgb, second: Rgb, dice: np.random.Generator) -> Rgb:
    """Two views in one: faded into each other, or a rectangle of the second in the first; 30 to 70 % each.

    Args:
        first: (s, s, 3) uint8.
        second: the same size.
        dice: where chance comes from.
    """
    share = dice.uniform(0.3, 0.7)
    if dice.integers(2):
        faded: Rgb = (first * (1 - share) + second * share).astype(np.uint8)
        return faded
    side = round(len(first) * np.sqrt(share))
    top, left = dice.integers(0, len(first) - side + 1, 2)
    both = first.copy()
    both[top : top + side, left : left + side] = second[top : top + side, left : left + side]
    return both


def _part(rgb: Rgb, size: int, dice: np.random.Generator) -> Rgb:
    """A random part, a little turned, stretched to the square."""
    import cv2

    height, width = rgb.shape[:2]
    area = dice.uniform(SMALLEST_PART, 1) * height * width
    aspect = np.exp(dice.uniform(*np.log(ASPECTS)))
    w, h = min(width, np.sqrt(area * aspect)), min(height, np.sqrt(area / aspect))
    left, top = dice.uniform(0, width - w), dice.uniform(0, height - h)
    angle = np.deg2rad(dice.uniform(-TURN, TURN))
    across = np.array([np.cos(angle), np.sin(angle)]) * w / size
    down = np.array([-np.sin(angle), np.cos(angle)]) * h / size
    middle = np.array([left + w / 2, top + h / 2])
    corner = middle - (across + down) * (size - 1) / 2
    matrix = np.column_stack([across, down, corner])  # from the square's pixels to the picture's
    smaller = max(across @ across, down @ down) ** 0.5
    if smaller >= 2:  # average first, so that fine patterns do not alias
        by = int(smaller)
        rgb = np.asarray(cv2.resize(rgb, (width // by, height // by), interpolation=cv2.INTER_AREA), np.uint8)
        matrix /= by
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    turned = cv2.warpAffine(rgb, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(turned, np.uint8)


def _relit(square: Rgb, dice: np.random.Generator) -> Rgb:
    """Other brightness, contrast, saturation and tint."""
    brightness, contrast, saturation = dice.uniform(1 - LIGHT, 1 + LIGHT, 3)
    tint = dice.uniform(1 - LIGHT / 4, 1 + LIGHT / 4, 3)
    values = square.astype(np.float32)
    grey = values.mean(axis=2, keepdims=True)
    values = grey + (values - grey) * np.float32(saturation)
    mean = values.mean()
    values = mean + (values - mean) * np.float32(contrast)
    lit: Rgb = np.clip(values * (brightness * tint).astype(np.float32), 0, 255).astype(np.uint8)
    return lit


def _hide(square: Rgb, dice: np.random.Generator) -> None:
    """Lay a rectangle of one colour over the picture, in place."""
    size = len(square)
    area = dice.uniform(0.02, HIDDEN) * size * size
    aspect = np.exp(dice.uniform(*np.log((1 / 3, 3))))
    h, w = (max(1, min(size, round(np.sqrt(x)))) for x in (area / aspect, area * aspect))
    top, left = dice.integers(0, size - h + 1), dice.integers(0, size - w + 1)
    square[top : top + h, left : left + w] = dice.integers(0, 256, 3)
