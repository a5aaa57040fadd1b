"""How much similarities move when a picture is saved again, resized or mirrored, and that they are the
same on every run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike import files
from lookalike.errors import PictureError, UsageError
from lookalike.gallery.base import Gallery, Picture, Space, Vectors
from lookalike.images import Limits
from lookalike.progress import Progress
from lookalike.results import Change, Consistency
from lookalike.sandbox import Decoder
from lookalike.vectors import cosines

if TYPE_CHECKING:
    from lookalike.embedder import Embedder

Rgb = npt.NDArray[np.uint8]

PICTURES = 48
"""Pictures that are looked at: the mean change is then known to a seventh of its spread."""

HITS = 10
"""Hits of each whose scores are compared."""


def _saved(quality: int) -> Callable[[Rgb], Rgb]:
    def apply(rgb: Rgb) -> Rgb:
        import cv2

        done, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert done
        return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])

    return apply


def _resized(share: float) -> Callable[[Rgb], Rgb]:
    def apply(rgb: Rgb) -> Rgb:
        import cv2

        size = max(1, round(rgb.shape[1] * share)), max(1, round(rgb.shape[0] * share))
        return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)

    return apply


def _mirrored(rgb: Rgb) -> Rgb:
    return np.ascontiguousarray(rgb[:, ::-1])


CHANGES: Mapping[str, Callable[[Rgb], Rgb]] = MappingProxyType(
    {
        "saved as JPEG 90": _saved(90),
        "saved as JPEG 60": _saved(60),
        "three quarters the size": _resized(0.75),
        "half the size": _resized(0.5),
        "mirrored": _mirrored,
    }
)
"""What is done to each picture, by name."""


def consistency(
    gallery: Gallery, space: Space, embedder: Embedder, progress: Progress | None = None
) -> Consistency:
    """Measure it on some of a gallery's pictures, always the same ones.

    Args:
        gallery: whose pictures.
        space: which vectors.
        embedder: the network they were made with.
        progress: called with pictures done, and of how many.

    Raises:
        UsageError: no picture can be read any more.
    """
    repeated, unreadable = 0, 0
    similarities: dict[str, list[float]] = {name: [] for name in CHANGES}
    moved: dict[str, list[float]] = {name: [] for name in CHANGES}
    chosen = _some(gallery, space)
    with Decoder() as decoder:
        for number, picture in enumerate(chosen, start=1):
            rgb = _decoded(decoder, picture, embedder.min_side)
            if rgb is None:
                unreadable += 1
                continue
            stored = gallery.vectors(space, [picture.id])[0]
            repeated += np.array_equal(embedder.embed_rgb(rgb), stored)
            hits = _hits(gallery, space, picture.id, stored)
            for name, apply in CHANGES.items():
                vector = embedder.embed_rgb(apply(rgb))
                similarities[name].append(float(cosines(vector, stored[None])[0]))
                moved[name].extend(np.abs(cosines(vector, hits) - cosines(stored, hits)).tolist())
            if progress:
                progress(number, len(chosen))
    read = len(chosen) - unreadable
    if not read:
        raise UsageError("no picture of the collection can be read as it was indexed: index it again")
    changes = tuple(_change(name, similarities[name], moved[name]) for name in CHANGES)
    return Consistency(space.model, space.output, read, repeated == read, changes)


def _change(name: str, similarities: list[float], moved: list[float]) -> Change:
    return Change(
        name,
        float(np.mean(similarities)),
        float(min(similarities)),
        float(np.mean(moved)) if moved else 0.0,
        float(max(moved, default=0.0)),
    )


def _some(gallery: Gallery, space: Space) -> list[Picture]:
    ids, _ = gallery.versions(space)
    drawn = np.sort(np.random.default_rng(0).permutation(ids)[:PICTURES]).tolist()
    return [picture for picture in gallery.get(drawn) if not picture.missing]


def _decoded(decoder: Decoder, picture: Picture, side: int) -> Rgb | None:
    """The picture as it was indexed; None when it is another one now, or none."""
    try:
        data = files.read(picture.path, max_bytes=Limits().max_bytes)
        if files.content_hash(data) != picture.content:
            return None
        return np.asarray(decoder.decode(data, side).rgb, np.uint8)
    except PictureError:
        return None


def _hits(gallery: Gallery, space: Space, id_: int, vector: Vectors) -> Vectors:
    found = gallery.search(space, vector[None], HITS + 1, exact=True)[0].ids
    return gallery.vectors(space, [number for number in found.tolist() if number != id_][:HITS])
