"""What the map's page knows, as JSON: numbers as little-endian arrays in base64, texts once each."""

from __future__ import annotations

import base64
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.gallery.base import Picture
from lookalike.reports import colours
from lookalike.results import Scalar

NEIGHBOURS = 12
"""Neighbours of a picture that the page can show."""

_LABELLED = 1000  # values of a column; with more, they are not written onto the map
_STEPS = 65_535  # places along the longer side of the map


@dataclass(frozen=True, slots=True)
class Column:
    """What the map can be coloured by.

    Attributes:
        name: as people see it.
        kind: `text`, `number`, `truth` or `cluster`.
        values: of each picture; None where nothing is known.
        labels: what to call the values of a cluster column, by value as text.
    """

    name: str
    kind: str
    values: Sequence[Scalar]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class MapData:
    """The pictures of a map and what is known about them; all sequences in the same order.

    Attributes:
        pictures: n rows.
        points: (n, 2) float32.
        neighbours: (n, k) int32 positions of the nearest among them, most similar first; -1 for none.
        similarities: (n, k) float32.
        columns: what they can be coloured by.
        colour: the name of the column that they are coloured by at first; None for none.
        importance: (n,) int32: each picture's rank among all, 0 for the one that is shown first.
    """

    pictures: Sequence[Picture]
    points: npt.NDArray[np.float32]
    neighbours: npt.NDArray[np.int32]
    similarities: npt.NDArray[np.float32]
    columns: Sequence[Column]
    colour: str | None
    importance: npt.NDArray[np.int32]


def as_plain(data: MapData) -> dict[str, Any]:
    """All but the thumbnails, as plain lists, texts and dicts."""
    places, size = placed(data.points)
    neighbours = data.neighbours[:, :NEIGHBOURS]
    percent = np.where(neighbours >= 0, np.rint(np.maximum(data.similarities[:, :NEIGHBOURS], -1) * 100), 0)
    return {
        "count": len(data.pictures),
        "ids": packed(np.array([picture.id for picture in data.pictures], np.float64)),
        "places": packed(places),
        "size": size,
        "importance": packed(data.importance.astype(np.uint32)),
        "neighbours": packed(neighbours.astype(np.int32)),
        "similarities": packed(percent.astype(np.int8)),
        "each": neighbours.shape[1],
        "paths": _paths([picture.path for picture in data.pictures]),
        "columns": [_column(column, places) for column in data.columns],
        "palettes": {"light": colours.LIGHT, "dark": colours.DARK},
        "scales": {"light": colours.SCALE_LIGHT, "dark": colours.SCALE_DARK},
        "colour": data.colour,
        "shapes": packed(np.array([[p.width, p.height] for p in data.pictures], np.uint32).reshape(-1, 2)),
    }


def packed(array: npt.NDArray[Any]) -> dict[str, str]:
    """An array as the page reads it: the name of its type in JavaScript, and its bytes."""
    kinds = {"u": "Uint", "i": "Int", "f": "Float"}
    name = f"{kinds[array.dtype.kind]}{array.dtype.itemsize * 8}Array"
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return {"type": name, "data": base64.b64encode(little.tobytes()).decode("ascii")}


def placed(points: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.uint16], list[float]]:
    """The points in 65,536 steps, y downwards as on screens; and how wide and high the map is, of 1."""
    if not len(points):
        return np.empty((0, 2), np.uint16), [1.0, 1.0]
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    extent = float((high - low).max()) or 1.0
    share = (points - low) / extent
    share[:, 1] = (high[1] - low[1]) / extent - share[:, 1]
    return np.rint(share * _STEPS).astype(np.uint16), [float(side) for side in (high - low) / extent]


def _paths(paths: Sequence[str]) -> dict[str, Any]:
    """Folders once each, and of each path its folder's number and its last part."""
    folders: dict[str, int] = {}
    codes, names = np.empty(len(paths), np.uint32), []
    for number, path in enumerate(paths):
        name = os.path.basename(path) or path
        folder = path[: len(path) - len(name)]
        codes[number] = folders.setdefault(folder, len(folders))
        names.append(name)
    return {"folders": list(folders), "folder": packed(codes), "names": names}


def coded(values: Sequence[Scalar], kind: str) -> tuple[list[str], npt.NDArray[np.uint32]]:
    """The distinct values as text, most frequent first (truths: yes, no), and the number of each
    picture's one, from 1; 0 for none."""
    texts = [None if value is None else _text(value) for value in values]
    counts = Counter(text for text in texts if text is not None)
    order = sorted(counts, key=lambda text: (-counts[text], text))
    if kind == "truth":
        order.sort(reverse=True)
    codes = {text: number for number, text in enumerate(order, start=1)}
    return order, np.array([0 if text is None else codes[text] for text in texts], np.uint32)


def numbers(column: Column) -> npt.NDArray[np.float64]:
    """The values of a number column; NaN where nothing is known."""
    return np.array([np.nan if value is None else float(value) for value in column.values], np.float64)


def _column(column: Column, places: npt.NDArray[np.uint16]) -> dict[str, Any]:
    plain = {"name": column.name, "kind": column.kind}
    if column.kind == "number":
        return plain | {"numbers": packed(numbers(column))}
    order, codes = coded(column.values, column.kind)
    spots = colours.spots(places, codes, len(order)) if len(order) <= _LABELLED else np.empty((0, 2))
    colour = colours.assigned(spots) if len(spots) else [i % len(colours.LIGHT) for i in range(len(order))]
    return plain | {
        "values": [column.labels.get(text, text) for text in order],
        "codes": packed(codes),
        "colours": colour,
        "spots": [[round(float(x)), round(float(y))] for x, y in spots],
    }


def _text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
