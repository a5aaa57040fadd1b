"""Colours of a map: which value has which, so that neighbours on the map can be told apart.

The first six are after M. Okabe and K. Ito ("Color Universal Design", 2008) and stay apart for who sees
no green; the others are after P. Tol's "muted" ("Colour schemes", SRON/EPS/TN/09-002, 2021). All are made
darker or lighter until they stand out from their ground. Colour is never all: values are named on the
map, in the legend and on pointing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

LIGHT = (
    "#0072b2", "#c44e00", "#009e73", "#cc79a7", "#c99700", "#56a4d9",
    "#882255", "#6e9a2e", "#5b4fc7", "#2aa198", "#a6611a", "#d1495b",
)  # fmt: skip
DARK = (
    "#4aa8e0", "#ff8c42", "#2cc596", "#e59ac4", "#f7d560", "#9fd4f7",
    "#d36a9e", "#a8cf6a", "#a49bf5", "#5fd0c8", "#d09a5e", "#f58a97",
)  # fmt: skip

SCALE_LIGHT = ("#4b3a8c", "#2f6f8e", "#219b83", "#7ab648", "#d9a400")
SCALE_DARK = ("#8f82e6", "#4fa3d1", "#3fc9a4", "#a9d95c", "#ffe066")
"""Low to high, evenly lighter or darker all the way, as viridis (van der Walt and Smith, 2015)."""

_CELLS = 24  # of the grid on which the densest spot of a value is looked for


def spots(points: npt.NDArray[Any], codes: npt.NDArray[Any], count: int) -> npt.NDArray[np.float64]:
    """Where each value is most at home: the middle of its points around its densest spot.

    Args:
        points: (n, 2).
        codes: (n,) 1 to `count`, 0 for no value.
        count: of values, each of which some point has.

    Returns:
        (count, 2).
    """
    points = points.astype(np.float64)
    low, extent = points.min(axis=0), float(np.ptp(points, axis=0).max()) or 1.0
    cells = np.minimum(((points - low) / extent * _CELLS).astype(np.int64), _CELLS - 1)
    found = np.empty((count, 2))
    for code in range(1, count + 1):
        own = cells[codes == code]
        heights = np.zeros((_CELLS + 2, _CELLS + 2))
        np.add.at(heights, (own[:, 0] + 1, own[:, 1] + 1), 1)
        around = sum(np.roll(heights, (x, y), (0, 1)) for x in (-1, 0, 1) for y in (-1, 0, 1)) + heights
        top = np.unravel_index(int(np.argmax(around)), heights.shape)
        near = (abs(own - (np.array(top) - 1)) <= 1).all(axis=1)
        found[code - 1] = points[codes == code][near].mean(axis=0)
    return found


def assigned(places: npt.NDArray[np.float64]) -> list[int]:
    """Which colour each value has, most frequent first: each its own as long as there are enough; then
    the one whose nearest other value on the map is farthest away."""
    chosen: list[int] = []
    for number, place in enumerate(places):
        if number < len(LIGHT):
            chosen.append(number)
            continue
        distances = np.hypot(*(places[:number] - place).T)
        of_colour = [distances[np.array(chosen) == colour].min() for colour in range(len(LIGHT))]
        chosen.append(int(np.argmax(of_colour)))
    return chosen


def on_scale(shares: npt.NDArray[np.float64]) -> list[str]:
    """The colours on the light scale of numbers in [0, 1]."""
    stops = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in SCALE_LIGHT], float)
    places = np.linspace(0, 1, len(stops))
    channels = np.rint([np.interp(shares, places, stops[:, i]) for i in range(3)]).astype(int)
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in channels.T]
