"""A collection laid out in the plane."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.results.base import Failure


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A picture in the plane.

    Attributes:
        id: its number in the collection.
        path: absolute path of the file.
        x: to the right; only which points are near each other means anything.
        y: upwards.
    """

    id: int
    path: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class PictureMap:
    """A layout of the pictures in the plane, near to each other what looks alike.

    Attributes:
        points: the pictures shown, by ascending id; missing ones are not.
        images: pictures that were laid out, those that were not shown included.
        placed: of these, pictures that came later and were put among the others, which did not move.
        nearest: neighbours looked at by the two figures below.
        trustworthiness: in [0, 1]: 1 when all that is near in the map is near in truth, about 0.5 for
            random places; measured on a sample. None with fewer than 5 pictures.
        neighbours_kept: share of the `nearest` nearest points that are among the `nearest` most similar
            pictures, or as similar as the last of them, in [0, 1]; None likewise.
        file: where it was drawn; None when it was not.
        bytes: size of that file.
        thumbnails: pictures that have a thumbnail in it.
        failed: pictures that could not be read for a thumbnail, each with the reason.
    """

    points: tuple[MapPoint, ...]
    images: int
    placed: int
    nearest: int = 0
    trustworthiness: float | None = None
    neighbours_kept: float | None = None
    file: str | None = None
    bytes: int = 0
    thumbnails: int = 0
    failed: tuple[Failure, ...] = ()
