"""How a copy lies on the picture that is kept: in numbers, to lay one on the other, and in words."""

from __future__ import annotations

import math

from lookalike.results import Copy, PictureFacts

Affine = tuple[tuple[float, float, float], tuple[float, float, float]]

_WHOLE = 0.985  # a share above this is "all of it": the geometry is no more exact than that
_LEVEL = 1.5  # degrees; less is not called a turn


def placement(kept: PictureFacts, copy: Copy) -> Affine:
    """The 2 x 3 matrix that takes pixels of the copy to pixels of the picture kept, both at full size.

    Without a (usable) transform the copy is stretched over all of the picture kept.
    """
    inverse = inverted(copy.transform) if copy.transform else None
    if inverse is not None:
        return inverse
    return (
        (kept.width / max(copy.picture.width, 1), 0.0, 0.0),
        (0.0, kept.height / max(copy.picture.height, 1), 0.0),
    )


def inverted(transform: Affine) -> Affine | None:
    """The way back; None when there is none, because everything lands on one line.

    >>> inverted(((2.0, 0.0, 10.0), (0.0, 4.0, 0.0)))
    ((0.5, 0.0, -5.0), (0.0, 0.25, 0.0))
    """
    (a, b, x), (c, d, y) = transform
    determinant = a * d - b * c
    if not math.isfinite(determinant) or abs(determinant) < 1e-12:
        return None
    a, b, c, d = d / determinant, -b / determinant, -c / determinant, a / determinant
    # Adding 0.0 makes a positive zero of a negative one.
    return ((a + 0.0, b + 0.0, -(a * x + b * y) + 0.0), (c + 0.0, d + 0.0, -(c * x + d * y) + 0.0))


def described(copy: Copy) -> list[str]:
    """What was done to a copy, in words: mirrored, turned, a part.

    >>> facts = PictureFacts("/a.jpg", 1, 60, 80, 9, "JPEG", "2026-11-23T08:30:00Z", "")
    >>> mirror = ((-1.0, 0.0, 80.0), (0.0, 1.0, 0.0))
    >>> described(Copy(facts, "edited", 0.99, transform=mirror, overlap=0.6, overlap_copy=1.0))
    ['mirrored', 'a part of the one kept']
    """
    words = _turned(copy.transform) if copy.transform else []
    if copy.overlap is not None and copy.overlap_copy is not None:
        whole = copy.overlap >= _WHOLE, copy.overlap_copy >= _WHOLE
        if whole == (False, True):
            words.append("a part of the one kept")
        if whole == (True, False):
            words.append("with more around it")
    return words


def percent(share: float) -> str:
    """A share in whole percent, never rounded to all or nothing when it is neither.

    >>> percent(0.604), percent(0.9999), percent(0.0001), percent(1.0)
    ('60 %', '99 %', '1 %', '100 %')
    """
    if 0 < share < 1:
        return f"{min(max(round(share * 100), 1), 99)} %"
    return f"{share * 100:.0f} %"


def _turned(transform: Affine) -> list[str]:
    """Mirrored, and by how much turned after that; y goes down, so that a positive angle is clockwise."""
    (a, b, _), (c, d, _) = transform
    mirrored = a * d - b * c < 0
    if mirrored:
        a, c = -a, -c
    angle = math.degrees(math.atan2(c - b, a + d))
    if abs(angle) < _LEVEL:
        return ["mirrored"] if mirrored else []
    if abs(angle) > 180 - _LEVEL:
        return ["flipped top to bottom"] if mirrored else ["turned upside down"]
    turn = f"turned {abs(angle):.0f}° to the {'right' if angle > 0 else 'left'}"
    return ["mirrored", turn] if mirrored else [turn]
