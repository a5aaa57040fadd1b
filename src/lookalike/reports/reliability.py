"""The reliability diagram: what chance was given to hits, and how often they were right."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lookalike.reports.page import count, escaped
from lookalike.results import ReliabilityBin

SIDE, EDGE = 240, 40  # pixels of the square, and around it for what is written
LARGEST = 11  # radius of the dot of the bin with the most hits; areas are in proportion


def reliability_diagram(bins: Sequence[ReliabilityBin], caption: str) -> str:
    """Draw it, as a figure of a page (`report_assets/gallery.css` gives it its look).

    On the dashed line what is said is what is true: dots below it are hits whose chance was too high.

    Args:
        bins: hits to which about the same chance was given.
        caption: a sentence below.

    Returns:
        HTML: a `figure` with an SVG in it.
    """
    most = max((one.hits for one in bins), default=1)
    line = "L".join(f"{_x(one.probability):.1f} {_y(one.right):.1f}" for one in bins)
    dots = "".join(
        f'<circle class="dot" cx="{_x(one.probability):.1f}" cy="{_y(one.right):.1f}" '
        f'r="{max(2.5, LARGEST * math.sqrt(one.hits / most)):.1f}"><title>{_said(one)}</title></circle>'
        for one in bins
    )
    grid = "".join(
        f'<path class="grid" d="M{_x(at):.1f} {_y(0):.1f}V{_y(1):.1f}M{_x(0):.1f} {_y(at):.1f}H{_x(1):.1f}"/>'
        f'<text x="{_x(at):.1f}" y="{_y(0) + 18:.1f}" text-anchor="middle">{at:g}</text>'
        f'<text x="{_x(0) - 8:.1f}" y="{_y(at) + 4:.1f}" text-anchor="end">{at:g}</text>'
        for at in (0, 0.25, 0.5, 0.75, 1)
    )
    whole = SIDE + 2 * EDGE
    return (
        f'<figure class="chart"><svg viewBox="0 0 {whole} {whole}" role="img" '
        f'aria-label="{escaped("; ".join(map(_said, bins)))}">{grid}'
        f'<path class="ideal" d="M{_x(0):.1f} {_y(0):.1f}L{_x(1):.1f} {_y(1):.1f}"/>'
        + (f'<path class="line" d="M{line}"/>' if bins else "")
        + f'{dots}<text x="{_x(0.5):.1f}" y="{whole - 4}" text-anchor="middle">chance that was given</text>'
        f'<text x="{_x(0):.1f}" y="{_y(1) - 14:.1f}" text-anchor="start">share that was right</text></svg>'
        f"<figcaption>{escaped(caption)}</figcaption></figure>"
    )


def _said(one: ReliabilityBin) -> str:
    hits = count(one.hits, "hit", "hits")
    return f"{hits} with a chance of {one.probability:.2f}, of which {one.right:.2f} right"


def _x(share: float) -> float:
    return EDGE + SIDE * share


def _y(share: float) -> float:
    return EDGE + SIDE * (1 - share)
