"""What makes a picture stand out by itself, as reasons with a score of one half at their thresholds.

The thresholds lie outside of what 6,800 ordinary pictures of garments, groceries and fruits have, which
`benchmarks/outliers.py` shows again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lookalike.gallery.base import Picture
from lookalike.outliers.quality import Quality
from lookalike.results import Reason

BLANK = 24.0
"""Tones between the 1st and the 99th percentile. (Ordinary pictures: 49 and more; half of that.)"""

DARK = 60.0
"""The tone that 95 % of a picture are darker than. (Ordinary pictures: 94 and more.)"""

BRIGHT = 220.0
"""The tone that 95 % of a picture are lighter than. (Ordinary pictures: 204 at the most, and that is a
product on white that fills a tenth of its picture.)"""

BLURRED = 0.6
"""See `quality.blur`. (Of 1,025 photos from shops seven are beyond, all of them visibly blurred; garments
have 0.43 at the most, and blurred by 3 of 256 pixels 0.70 in the median.)"""

TINY = 64
"""Pixels of the shorter side. (Shrunk to 64, 0.97 of the garments and 0.88 of the groceries still find
their own original first; to 48, 0.95 and 0.64; to 32, 0.73 and 0.38.)"""

ODD = 3.0
"""The longer side in units of the shorter one: more than a panorama of 3 : 1."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """A measure that speaks against a picture from `at` on, and altogether at `end`."""

    at: float
    end: float

    def score(self, value: float) -> float:
        """0.5 at the threshold, 1.0 at the end, 0.0 before."""
        share = (value - self.at) / (self.end - self.at)
        return 0.0 if share < 0 else 0.5 + 0.5 * min(1.0, share)


def of_file(picture: Picture) -> Iterator[Reason]:
    """What the size of a picture, and how its file ends, say against it."""
    shorter, longer = sorted((picture.width, picture.height))
    size = f"{picture.width:,} × {picture.height:,} pixels"
    if shorter < TINY:
        score = _Scale(math.log(TINY), math.log(TINY / 8)).score(math.log(shorter))
        yield Reason("tiny", score, size)
    if longer / shorter > ODD:
        score = _Scale(math.log(ODD), math.log(4 * ODD)).score(math.log(longer / shorter))
        yield Reason("odd aspect", score, f"{longer / shorter:.1f} : 1")
    if picture.truncated:
        yield Reason("cut off", 0.5, "the file ends early")


def of_pixels(quality: Quality) -> Iterator[Reason]:
    """What the pixels of a picture say against it. What is blank is not called dark, bright or blurred."""
    if quality.contrast < BLANK:
        score = _Scale(BLANK, 0).score(quality.contrast)
        yield Reason("nearly blank", score, f"98 % of it within {quality.contrast:.0f} of 255 tones")
        return
    if quality.lightest < DARK:
        yield Reason(
            "very dark",
            _Scale(DARK, 0).score(quality.lightest),
            f"95 % of it darker than {quality.lightest:.0f} of 255",
        )
    if quality.darkest > BRIGHT:
        yield Reason(
            "very bright",
            _Scale(BRIGHT, 255).score(quality.darkest),
            f"95 % of it lighter than {quality.darkest:.0f} of 255",
        )
    if quality.blur > BLURRED:
        yield Reason("blurred", _Scale(BLURRED, 0.9).score(quality.blur), f"blur {quality.blur:.2f} of 1")
