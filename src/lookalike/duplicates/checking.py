"""Is this one picture a copy of any in a gallery? Quick enough to be asked for each upload.

`search.Search` compares everything with everything and needs the features of all pictures; here the
likeliest few alone are compared, the nearest by their vectors, which are described when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lookalike import files
from lookalike.duplicates import finding
from lookalike.duplicates.calibration import SHIPPED
from lookalike.duplicates.looks import Sketch, sketch
from lookalike.duplicates.pairs import Pair
from lookalike.duplicates.reading import Reader
from lookalike.duplicates.search import copy_of, facts_of
from lookalike.duplicates.sketches import MIN_SIDE
from lookalike.errors import PictureError
from lookalike.gallery.base import Gallery, Picture, Space
from lookalike.images import Decoded, Limits, Pixels
from lookalike.results import Copy, Failure
from lookalike.sandbox import Sandbox
from lookalike.vectors import Vectors

CANDIDATES = 20
"""Nearest pictures that are compared. Of copies cut, turned, bordered or written on, the original is
among the 20 nearest of 1,000 photos in all but 1 in 100; of a picture pasted small into another, in 7 of
10 (measured on 1,000 photos and 15 edits)."""


class Check:
    """One picture, to be compared with those of a gallery.

    Args:
        data: the bytes of its file.
        decode: gives the picture with at least so many pixels on its shorter side.
        limits: what decoding it at full size may cost.
    """

    def __init__(self, data: bytes, decode: Callable[[bytes, int], Decoded], limits: Limits) -> None:
        self._data, self._limits = data, limits
        self._sketch: Sketch = sketch(decode(data, MIN_SIDE))

    def against(
        self, gallery: Gallery, space: Space, vector: Vectors, precision: float, candidates: int = CANDIDATES
    ) -> tuple[tuple[Copy, ...], tuple[Failure, ...], int]:
        """The pictures of the gallery that it is a copy of, or that are copies of it.

        Args:
            gallery: the pictures.
            space: whose vectors say which ones are likely.
            vector: (d,) float32, the picture's own in this space.
            precision: the least probability, in (0, 1].
            candidates: how many of the nearest are compared.

        Returns:
            The copies, by descending probability, then by id, with the transform from this picture to
            each; candidates that could not be read, each with its reason; how many were compared.
        """
        (matches,) = gallery.search(space, vector[None], candidates)
        near = dict(zip(matches.ids.tolist(), matches.similarities.tolist(), strict=True))
        exact = gallery.with_content(files.content_hash(self._data))
        rows = {row.id: row for row in [*exact, *gallery.still_there(list(near))] if not row.missing}
        found: list[Copy] = []
        failed: list[Failure] = []
        with Reader() as reader:
            for row in rows.values():
                try:
                    pair = self._pair(row, near.get(row.id), reader)
                except PictureError as error:
                    failed.append(Failure(files.printable(row.path), error.reason))
                    continue
                if pair is not None and pair.probability >= precision:
                    found.append(copy_of(pair, facts_of(row), None))
        found.sort(key=lambda copy: (-copy.probability, copy.picture.id))
        return tuple(found), tuple(failed), len(rows)

    def _pair(self, row: Picture, similarity: float | None, reader: Reader) -> Pair | None:
        if row.content == files.content_hash(self._data):
            return Pair(0, row.id, "exact", 1.0, 1.0)
        theirs = sketch(reader.decoded(row, MIN_SIDE))
        seen = finding.compare(
            self._sketch, theirs, SHIPPED, lambda: np.array_equal(self._pixels(), reader.pixels(row))
        )
        if seen is None:
            return None
        return Pair(0, row.id, seen.kind, seen.probability, similarity, seen.match)

    def _pixels(self) -> Pixels:
        with Sandbox(self._limits) as sandbox:
            return sandbox.decode(self._data, min_side=1 << 20).rgb
