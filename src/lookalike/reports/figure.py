"""The map as a figure for print: dots, a legend, and thumbnails of some pictures, on white."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.images import Pixels, encode_jpeg, encode_png, written
from lookalike.reports import colours
from lookalike.reports.map_data import Column, MapData, coded, numbers
from lookalike.reports.page import escaped
from lookalike.reports.writing import FIGURE_MARK

THUMBNAIL = 46
"""Longer side of a thumbnail, in units of which the map is `MAP` wide."""

MAP = 1000.0
_MARGIN, _LEGEND, _LINE = 30.0, 250.0, 22.0
_ENTRIES = 24  # of the legend
_SCALE = 2  # pixels of a PNG for each unit
_NONE = "#b9b6ae"  # of pictures of which nothing is known


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """What is where, in units; the map begins at (`_MARGIN`, `top`).

    Attributes:
        width: of the whole figure.
        height: of the whole figure.
        dots: (n, 2) middles.
        radius: of a dot.
        colours: of each dot.
        thumbnails: left, top, width, height, colour of the frame, and the picture.
        legend: colour and text of each entry, from top to bottom.
        title: above the legend.
        column: what is coloured by; empty for nothing.
    """

    width: float
    height: float
    dots: npt.NDArray[np.float64]
    radius: float
    colours: list[str]
    thumbnails: list[tuple[float, float, float, float, str, Pixels]]
    legend: list[tuple[str, str]]
    title: str
    column: str


def chosen(data: MapData) -> list[int]:
    """The pictures that get a thumbnail: the most important ones, none on another or beside it."""
    places, _ = _placed(data)
    taken: list[int] = []
    for place in np.argsort(data.importance):
        apart = np.abs(places[taken] - places[place]).max(axis=1) if taken else np.array([np.inf])
        if apart.min() > 1.5 * THUMBNAIL:
            taken.append(int(place))
    return taken


def _placed(data: MapData) -> tuple[npt.NDArray[np.float64], float]:
    """The points in units, y downwards, and the height of the map."""
    points = data.points.astype(np.float64)
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    scale = MAP / (float(size.max()) or 1.0)
    places = (points - low) * scale
    places[:, 1] = size[1] * scale - places[:, 1]
    places[:, 0] += (MAP - size[0] * scale) / 2
    return places + _MARGIN, max(float(size[1] * scale), _LINE * (_ENTRIES + 3))


def composed(data: MapData, pictures: Mapping[int, Pixels], title: str) -> Composition:
    """Everything in its place.

    Args:
        data: the map.
        pictures: those that are shown, by position.
        title: of the figure.
    """
    places, height = _placed(data)
    column = next((column for column in data.columns if column.name == data.colour), None)
    dyes, legend = _dyed(column, data.points)
    dyes = dyes or [colours.LIGHT[0]] * len(places)
    thumbnails = []
    for place, rgb in pictures.items():
        scale = THUMBNAIL / max(rgb.shape[:2])
        wide, high = rgb.shape[1] * scale, rgb.shape[0] * scale
        x, y = places[place]
        thumbnails.append((x - wide / 2, y - high / 2, wide, high, dyes[place], rgb))
    radius = float(np.clip(0.3 * np.sqrt(MAP * height / max(len(places), 1)), 1.0, 4.0))
    width = _MARGIN + MAP + _MARGIN + (_LEGEND if legend else 0)
    name = column.name if column else ""
    return Composition(width, height + 2 * _MARGIN, places, radius, dyes, thumbnails, legend, title, name)


def _dyed(column: Column | None, points: npt.NDArray[np.float32]) -> tuple[list[str], list[tuple[str, str]]]:
    """The colour of each picture, and the legend."""
    if column is None:
        return [], []
    if column.kind == "number":
        return _on_scale(numbers(column))
    order, codes = coded(column.values, column.kind)
    of_value = colours.assigned(colours.spots(points, codes, len(order)))
    palette = [_NONE, *(colours.LIGHT[colour] for colour in of_value)]
    counts = np.bincount(codes, minlength=len(order) + 1)
    names = [column.labels.get(text, text) for text in order]
    entries = [
        (palette[code], f"{name} ({counts[code]:,})") for code, name in enumerate(names[:_ENTRIES], start=1)
    ]
    if len(names) > _ENTRIES:
        entries.append(("", f"and {len(names) - _ENTRIES:,} more"))
    if counts[0]:
        entries.append((_NONE, f"none ({counts[0]:,})"))
    return [palette[code] for code in codes], entries


def _on_scale(values: npt.NDArray[np.float64]) -> tuple[list[str], list[tuple[str, str]]]:
    known = np.isfinite(values)
    low, high = float(values[known].min()), float(values[known].max())
    shares = np.where(known, (values - low) / ((high - low) or 1.0), 0)
    dyes = [dye if there else _NONE for dye, there in zip(colours.on_scale(shares), known, strict=True)]
    marks = _marks(values[known])
    steps = (marks - low) / ((high - low) or 1.0)
    whole = np.array_equal(marks, np.rint(marks))
    said = [f"{mark:.0f}" if whole else f"{mark:.4g}" for mark in marks]
    entries = list(zip(colours.on_scale(steps), said, strict=True))
    return dyes, [*entries, *([] if known.all() else [(_NONE, "none")])]


def _marks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """At most five values of the scale to name: whole ones where all are whole, as years and counts are.

    >>> _marks(np.array([1.0, 4.0])), _marks(np.array([90.0, 103.0])), _marks(np.array([0.0, 0.5]))
    (array([1., 2., 3., 4.]), array([ 90.,  93.,  96., 100., 103.]), array([0. , 0.125, 0.25 , 0.375, 0.5 ]))
    """
    marks = np.linspace(values.min(), values.max(), 5)
    return np.unique(np.rint(marks) if np.array_equal(values, np.rint(values)) else marks)


# --- SVG ---------------------------------------------------------------------------------------


def as_svg(data: MapData, pictures: Mapping[int, Pixels], title: str) -> bytes:
    """The figure as SVG, text as text."""
    figure = composed(data, pictures, title)
    return "\n".join(_svg(figure)).encode("utf-8")


def _svg(figure: Composition) -> Iterator[str]:
    size = f"{figure.width:.0f} {figure.height:.0f}"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" data-by="{FIGURE_MARK}" viewBox="0 0 {size}" '
        f'width="{figure.width:.0f}" height="{figure.height:.0f}" font-family="Helvetica, Arial, sans-serif">'
    )
    yield f"<title>{escaped(figure.title)}</title>"
    yield '<rect width="100%" height="100%" fill="#fff"/>'
    yield '<g fill-opacity="0.75">'
    for (x, y), dye in zip(figure.dots, figure.colours, strict=True):
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{figure.radius:.1f}" fill="{dye}"/>'
    yield "</g>"
    for x, y, wide, high, dye, rgb in figure.thumbnails:
        data = base64.b64encode(encode_jpeg(rgb, 85)).decode("ascii")
        place = f'x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}"'
        yield f'<image {place} preserveAspectRatio="none" href="data:image/jpeg;base64,{data}"/>'
        yield f'<rect {place} fill="none" stroke="{dye}" stroke-width="2"/>'
    yield from _svg_legend(figure)
    yield "</svg>\n"


def _svg_legend(figure: Composition) -> Iterator[str]:
    left, top = 2 * _MARGIN + MAP, _MARGIN + 16
    if figure.legend:
        yield f'<text x="{left}" y="{top}" font-size="17" font-weight="bold">{escaped(figure.column)}</text>'
    for number, (dye, text) in enumerate(figure.legend, start=1):
        y = top + number * _LINE + 4
        if dye:
            yield f'<circle cx="{left + 6}" cy="{y - 5}" r="6" fill="{dye}"/>'
        yield f'<text x="{left + 20}" y="{y}" font-size="15">{escaped(text)}</text>'


# --- PNG ---------------------------------------------------------------------------------------


def as_png(data: MapData, pictures: Mapping[int, Pixels], title: str) -> bytes:
    """The figure as PNG, two pixels to a unit."""
    import cv2

    figure = composed(data, pictures, title)
    sheet = np.full((round(figure.height * _SCALE), round(figure.width * _SCALE), 3), 255, np.uint8)
    for (x, y), dye in zip(figure.dots, figure.colours, strict=True):
        _disc(sheet, x, y, figure.radius, dye)
    for x, y, wide, high, dye, rgb in figure.thumbnails:
        left, top = round(x * _SCALE), round(y * _SCALE)
        shape = max(1, round(wide * _SCALE)), max(1, round(high * _SCALE))
        small = cv2.resize(rgb, shape, interpolation=cv2.INTER_AREA)
        cv2.rectangle(sheet, (left - 3, top - 3), (left + shape[0] + 2, top + shape[1] + 2), _rgb(dye), -1)
        sheet[top : top + shape[1], left : left + shape[0]] = small
    _png_legend(sheet, figure)
    return encode_png(sheet, FIGURE_MARK)


def _png_legend(sheet: Pixels, figure: Composition) -> None:
    left, top = 2 * _MARGIN + MAP, _MARGIN + 16
    if figure.legend:
        _write(sheet, figure.column, left, top, 17)
    for number, (dye, text) in enumerate(figure.legend, start=1):
        y = top + number * _LINE + 4
        if dye:
            _disc(sheet, left + 6, y - 5, 6, dye)
        _write(sheet, text, left + 20, y, 15)


def _rgb(dye: str) -> tuple[int, int, int]:
    red, green, blue = (int(dye[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def _disc(sheet: Pixels, x: float, y: float, radius: float, dye: str) -> None:
    import cv2

    # In sixteenths of a pixel, so that small discs are round.
    middle, size = (round(x * _SCALE * 16), round(y * _SCALE * 16)), round(radius * _SCALE * 16)
    cv2.circle(sheet, middle, size, _rgb(dye), -1, cv2.LINE_AA, 4)


def _write(sheet: Pixels, text: str, left: float, base: float, size: float) -> None:
    """Black text whose letters stand on `base`; cut off where the sheet ends."""
    ink = written(text, size * _SCALE)
    x, y = round(left * _SCALE), round((base - size) * _SCALE)
    part = sheet[y : y + ink.shape[0], x : x + ink.shape[1]]
    share = ink[: part.shape[0], : part.shape[1], None] / 255
    part[:] = np.rint(part * (1 - share) + 30 * share).astype(np.uint8)
