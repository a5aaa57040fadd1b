"""Measure pictures once: what their pixels say is kept with the collection, by their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike import files
from lookalike.duplicates.reading import Reader, Reading
from lookalike.errors import CollectionError, PictureError
from lookalike.gallery.base import Gallery, Picture
from lookalike.outliers.quality import SIDE, Quality, measure
from lookalike.progress import Stages
from lookalike.results import Failure

VERSION = 1
"""To be raised when `quality.measure` finds something else: pictures are then measured anew."""

_NAME = f"quality-{VERSION}"
_KEPT_EVERY = 2048  # pictures, and where more are known a quarter of these: what a killed process loses
_SHORTER = SIDE * 3 // 4  # pixels asked of the shorter side: `SIDE` for the longer one of a 4 : 3 picture


class Measures:
    """What is known of the pixels of a gallery's pictures.

    Args:
        gallery: where it is kept.
    """

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        arrays = gallery.arrays(_NAME)
        self._known: dict[int, Quality] = {} if arrays is None else dict(_read(arrays))
        self._kept = len(self._known)
        self._due = self._kept + _KEPT_EVERY

    def __getitem__(self, picture: Picture) -> Quality | None:
        """What is known of a picture; None when it could not be read."""
        return self._known.get(_key(picture))

    def measure(self, pictures: Sequence[Picture], reading: Reading, tell: Stages) -> list[Failure]:
        """Measure those of these pictures that are not known yet, and keep what was found.

        Returns:
            Those that cannot be read, each with the reason.
        """
        first = {_key(picture): picture for picture in reversed(pictures)}
        missing = [picture for key, picture in first.items() if key not in self._known]
        missing.sort(key=lambda picture: picture.id)
        failed: list[Failure] = []
        try:
            answers = zip(missing, reading.spread(_measured, missing), strict=True)
            for done, (picture, found) in enumerate(answers, start=1):
                if isinstance(found, Quality):
                    self._put(picture, found)
                elif isinstance(found, Failure):
                    failed.append(found)
                else:
                    failed.append(Failure(files.printable(picture.path), "reading it ended a helper process"))
                tell("measuring", done, len(missing))
        finally:
            self._keep()
        return failed

    def _put(self, picture: Picture, quality: Quality) -> None:
        self._known[_key(picture)] = quality
        if len(self._known) >= self._due:
            self._keep()

    def _keep(self) -> None:
        """Keep what is known, if the collection can be written to; else it serves without."""
        number = len(self._known)
        if number == self._kept:
            return
        self._due = number + max(_KEPT_EVERY, number // 4)  # also after a failure, which may last
        with suppress(CollectionError), self._gallery.writing() as writing:
            writing.keep_arrays(_NAME, self._arrays())
            self._kept = number

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        keys = np.array(sorted(self._known), np.uint64)
        values = np.array([_numbers(self._known[int(key)]) for key in keys], np.float32)
        return {"contents": keys, "values": values.reshape(-1, 4)}


def _measured(reader: Reader, picture: Picture) -> Quality | Failure:
    try:
        return measure(reader.decoded(picture, _SHORTER).rgb)
    except PictureError as error:
        return Failure(files.printable(picture.path), error.reason)


def _read(arrays: Mapping[str, npt.NDArray[Any]]) -> Iterator[tuple[int, Quality]]:
    for key, row in zip(arrays["contents"].tolist(), arrays["values"].tolist(), strict=True):
        yield key, Quality(*row)


def _numbers(quality: Quality) -> tuple[float, float, float, float]:
    return quality.contrast, quality.lightest, quality.darkest, quality.blur


def _key(picture: Picture) -> int:
    """Eight bytes of the content hash."""
    return int(picture.content[:16], 16)
