"""The map of a collection: laid out in the plane, and drawn as a page or as a figure."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.clusters import assigned
from lookalike.clusters.stored import grouping
from lookalike.duplicates.helpers import Crashed
from lookalike.duplicates.reading import Reader, Reading
from lookalike.errors import PictureError, UsageError
from lookalike.files import printable
from lookalike.gallery.base import Gallery, Picture, Space
from lookalike.plane.keeping import Plane, plane, stored
from lookalike.progress import Stages, silent
from lookalike.reports.atlas import LARGE, Sheets, Sizes, sheet_order, sizes
from lookalike.reports.figure import THUMBNAIL, as_png, as_svg, chosen
from lookalike.reports.map import map_page
from lookalike.reports.map_data import Column, MapData, as_plain
from lookalike.reports.writing import check_figure, check_page, write_figure, write_page
from lookalike.results import Failure, MapPoint, PictureMap

if TYPE_CHECKING:
    from lookalike.filters import Filter
    from lookalike.images import Pixels

KINDS = (".html", ".png", ".svg")
"""Endings of the files that a map can be drawn into."""

BYTES_A_PICTURE = 150
"""Of the page beside its thumbnails: place, neighbours, path and some columns of metadata, about."""

CLUSTER, FOLDER = "cluster", "folder"
"""Columns that a map has beside those of the metadata."""

_SAMPLES = 24  # pictures by which is measured what a thumbnail takes
_FOLDERS = 200  # more than this many, and the folder says little


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a map is to be drawn.

    Attributes:
        file: ends in one of `KINDS`.
        title: its heading.
        colour: a metadata column, `cluster` or `folder`; None for what says most.
        megabytes: about how large a page may become.
        threads: pictures read side by side for thumbnails.
    """

    file: Path
    title: str
    colour: str | None
    megabytes: float
    threads: int

    @property
    def is_page(self) -> bool:
        """Whether it is a page, and not a figure."""
        return self.file.suffix.lower() == ".html"

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn before anything is computed."""
        if self.file.suffix.lower() not in KINDS:
            raise UsageError(
                f"{self.file}: a map is drawn into {', '.join(KINDS)}; give a name with such an ending"
            )
        if not self.megabytes > 0:
            raise UsageError(f"size must be more than 0 megabytes, got {self.megabytes:g}")


def laid_out(
    gallery: Gallery,
    space: Space,
    *,
    where: Filter | None,
    fresh: bool,
    drawing: Drawing | None,
    progress: Stages | None,
) -> PictureMap:
    """Lay the collection out, and draw it if that is asked for.

    Args:
        gallery: whose pictures.
        space: which vectors.
        where: show only the pictures it matches; all are laid out. Missing ones are never shown.
        fresh: lay everything out anew.
        drawing: how to draw it; None to lay it out only.
        progress: called now and then.

    Raises:
        UsageError: there is no such column, it says nothing of the pictures shown, or there are none.
        LookalikeError: the file cannot be written.
    """
    say = progress or silent
    if drawing is not None:
        (check_page if drawing.is_page else check_figure)(drawing.file)
        _check_column(gallery, drawing.colour)
    shown = _shown(gallery, space, where)
    if drawing is not None:
        _check_some(shown)
        _check_colour(gallery, space, shown, drawing.colour)
    flat = plane(gallery, space, fresh=fresh, progress=progress)
    shown = [picture for picture in shown if _place(flat, picture.id) >= 0]
    result = _result(flat, shown)
    if drawing is None:
        return result
    _check_some(shown)
    return _drawn(_data(gallery, space, shown, flat, drawing.colour), result, drawing, say)


def stored_map(gallery: Gallery, space: Space) -> dict[str, Any] | None:
    """The map as it was laid out last, as its page reads it: see `reports.map_data.as_plain`.

    Pictures that came later are not in it. None when nothing was laid out.
    """
    flat = stored(gallery, space)
    if flat is None:
        return None
    shown = [picture for picture in _shown(gallery, space, None) if _place(flat, picture.id) >= 0]
    told = as_plain(_data(gallery, space, shown, flat, None))
    return told | {"facts": _facts(_result(flat, ())), "sheets": []}


def _shown(gallery: Gallery, space: Space, where: Filter | None) -> list[Picture]:
    """The pictures that match, have a vector and are not missing, by ascending id."""
    with_vector = set(gallery.versions(space)[0].tolist())
    pictures = gallery.pictures(where)
    return [picture for picture in pictures if not picture.missing and picture.id in with_vector]


def _check_some(shown: Sequence[Picture]) -> None:
    if not shown:
        raise UsageError("no picture to draw: loosen --where, or index pictures with this model")


def _place(flat: Plane, number: int) -> int:
    """Where the picture is in the plane's arrays; -1 when it has no vector."""
    place = int(np.searchsorted(flat.ids, number))
    return place if place < len(flat.ids) and flat.ids[place] == number else -1


def _result(flat: Plane, shown: Sequence[Picture]) -> PictureMap:
    points = (flat.points[_place(flat, picture.id)] for picture in shown)
    return PictureMap(
        points=tuple(
            MapPoint(picture.id, picture.path, float(x), float(y))
            for picture, (x, y) in zip(shown, points, strict=True)
        ),
        images=len(flat.ids),
        placed=int(flat.placed.sum()),
        nearest=flat.quality.nearest if flat.quality else 0,
        trustworthiness=flat.quality.trustworthiness if flat.quality else None,
        neighbours_kept=flat.quality.neighbours_kept if flat.quality else None,
    )


# --- what is known about the pictures ----------------------------------------------------------


def _check_column(gallery: Gallery, name: str | None) -> None:
    known = dict.fromkeys([*gallery.columns(), CLUSTER, FOLDER])
    if name is not None and name not in known:
        raise UsageError(f"colour: there is no column {name!r}; there are {', '.join(known)}")


def _check_colour(gallery: Gallery, space: Space, shown: Sequence[Picture], colour: str | None) -> None:
    """Refuse a column that says nothing of the pictures shown, before they are laid out."""
    if colour is None or colour in [column.name for column in _columns(gallery, space, shown)]:
        return
    if colour in gallery.columns():
        why = f"no picture shown has a value in column {colour!r}"
    elif colour == FOLDER:
        why = "all pictures shown lie in one folder, or in very many"
    elif assigned(gallery, space) is not None:
        why = "no picture shown is in a cluster"
    elif grouping(gallery) is not None:
        why = "the clusters are those of another model or output: run `lookalike cluster` with this one"
    else:
        why = "there are no clusters yet: run `lookalike cluster` first"
    raise UsageError(f"colour: {why}")


def _data(
    gallery: Gallery, space: Space, shown: Sequence[Picture], flat: Plane, colour: str | None
) -> MapData:
    columns = _columns(gallery, space, shown)
    near = flat.graph.among(np.array([picture.id for picture in shown], np.int64))
    points = flat.points[np.searchsorted(flat.ids, near.ids)]
    counts = np.bincount(near.neighbours[near.neighbours >= 0], minlength=len(shown))
    importance = np.empty(len(shown), np.int32)
    importance[np.argsort(-counts, kind="stable")] = np.arange(len(shown), dtype=np.int32)
    known = [column.name for column in columns]  # what was there before the layout may have gone
    first = colour if colour in known else _telling(columns)
    return MapData(shown, points, near.neighbours, near.similarities, columns, first, importance)


def _columns(gallery: Gallery, space: Space, shown: Sequence[Picture]) -> list[Column]:
    """What the pictures can be coloured by; metadata count before what a map adds under the same name."""
    known = gallery.columns()
    added = [column for column in _added(gallery, space, shown) if column.name not in known]
    return [*added, *_metadata(gallery, shown)]


def _added(gallery: Gallery, space: Space, shown: Sequence[Picture]) -> Iterator[Column]:
    """The columns that are no metadata; each only where it tells pictures apart."""
    found = assigned(gallery, space)
    if found is not None:
        numbers = dict(zip(found.ids.tolist(), found.clusters.tolist(), strict=True))
        clusters = [number if (number := numbers.get(p.id, -1)) > 0 else None for p in shown]
        if any(clusters):
            names = {str(n): f"{n} · {label}" if label else str(n) for n, label in found.labels.items()}
            yield Column(CLUSTER, "cluster", clusters, names)
    parents = [os.path.dirname(picture.path) for picture in shown]
    root = os.path.commonpath(set(parents))
    first = {parent: os.path.relpath(parent, root).split(os.sep)[0] for parent in set(parents)}
    folders = [first[parent] for parent in parents]
    if 1 < len(set(folders)) <= _FOLDERS:
        told = [os.path.basename(root) if name == "." else name for name in folders]
        yield Column(FOLDER, "text", [printable(name) for name in told])


def _metadata(gallery: Gallery, shown: Sequence[Picture]) -> Iterator[Column]:
    for name, kind in gallery.columns().items():
        values = [picture.metadata.get(name) for picture in shown]
        if any(value is not None for value in values):
            yield Column(name, "text" if kind == "mixed" else kind, values)


def _telling(columns: Sequence[Column]) -> str | None:
    """The column to colour by when none is named: clusters, else the one known of most pictures."""
    if any(column.kind == CLUSTER for column in columns):
        return CLUSTER
    best, most = None, 0
    for column in columns:
        counts = Counter(value for value in column.values if value is not None)
        known = sum(counts.values())
        if column.kind != "number" and 2 <= len(counts) <= max(60, known // 10) and known > most:
            best, most = column.name, known
    return best


# --- drawing -----------------------------------------------------------------------------------


def _drawn(data: MapData, result: PictureMap, drawing: Drawing, say: Stages) -> PictureMap:
    with Reading(drawing.threads) as reading:
        if drawing.is_page:
            budget = drawing.megabytes * 1e6 - BYTES_A_PICTURE * len(data.pictures)
            sheets, failed = _thumbnails(data, reading, budget * 3 / 4, say)  # base64 takes 4 for 3
            write_page(drawing.file, map_page(data, sheets, drawing.title, facts=_facts(result)))
            thumbnails = len(sheets[0].cells) if sheets else 0
        else:
            pictures = _large_ones(data, reading, say)
            failed, thumbnails = (), len(pictures)
            draw = as_svg if drawing.file.suffix.lower() == ".svg" else as_png
            write_figure(drawing.file, draw(data, pictures, drawing.title))
    size = drawing.file.stat().st_size
    return replace(result, file=str(drawing.file), bytes=size, thumbnails=thumbnails, failed=failed)


def _facts(result: PictureMap) -> dict[str, str]:
    if result.trustworthiness is None or result.neighbours_kept is None:
        return {}
    return {
        "trustworthiness": f"{result.trustworthiness:.3f}",
        f"of {result.nearest} nearest kept": f"{result.neighbours_kept:.0%}",
    }


def _thumbnails(
    data: MapData, reading: Reading, budget: float, say: Stages
) -> tuple[list[Sheets], tuple[Failure, ...]]:
    """Sheets of small thumbnails for all and of large ones for the most important."""
    count = len(data.pictures)
    order = sheet_order(data.points, data.importance)
    sampled = [data.pictures[place] for place in order[:: max(1, count // _SAMPLES)]]
    samples = reading.spread(partial(_shrunk, side=max(LARGE)), sampled)
    plan = sizes(count, budget, [found for found in samples if isinstance(found, np.ndarray)])
    sheets = [Sheets(side, limit) for side, limit in _wanted(plan, count)]
    failed: list[Failure] = []
    side = max(plan.small, plan.large)
    wanted = [data.pictures[place] for place in order] if sheets else []
    found = reading.spread(partial(_shrunk, side=side), wanted)
    for done, (place, rgb) in enumerate(zip(order, found, strict=False), start=1):
        say("reading pictures", done, count)
        if not isinstance(rgb, np.ndarray):
            failed.append(_failure(data.pictures[place], rgb))
            continue
        for sheet in sheets:
            if sheet.side == plan.small or data.importance[place] < plan.large_count:
                sheet.add(int(place), rgb)
    return sheets, tuple(sorted(failed, key=lambda failure: failure.path))


def _wanted(plan: Sizes, count: int) -> Iterator[tuple[int, int]]:
    """Side and number of cells of each kind of sheet, small ones first."""
    if plan.small:
        yield plan.small, count
    if plan.large:
        yield plan.large, plan.large_count


def _shrunk(reader: Reader, picture: Picture, *, side: int) -> Pixels | Failure:
    """The picture made so small that its longer side is about `side`, if it was larger."""
    import cv2

    try:
        rgb = reader.decoded(picture, side).rgb
    except PictureError as error:
        return Failure(printable(picture.path), error.reason)
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    shape = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return np.asarray(cv2.resize(rgb, shape, interpolation=cv2.INTER_AREA), np.uint8)


def _failure(picture: Picture, outcome: Failure | Crashed) -> Failure:
    return outcome if isinstance(outcome, Failure) else Failure(printable(picture.path), "decoder crashed")


def _large_ones(data: MapData, reading: Reading, say: Stages) -> dict[int, Pixels]:
    """The pictures that a figure shows, by their position."""
    places = chosen(data)
    pictures = {}
    shown = [data.pictures[place] for place in places]
    found = reading.spread(partial(_shrunk, side=2 * THUMBNAIL), shown)
    for done, (place, rgb) in enumerate(zip(places, found, strict=True), start=1):
        say("reading pictures", done, len(places))
        if isinstance(rgb, np.ndarray):
            pictures[place] = rgb
    return pictures
