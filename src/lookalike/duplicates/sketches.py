"""What comparing needs of each picture of a collection: its features, kept with it, and its look.

Features take some milliseconds to find, so they are found once, side by side, and kept
(`feature_store`). A look is read again when it is needed, which few are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, tee

from lookalike import files
from lookalike.duplicates.candidates import Patches
from lookalike.duplicates.feature_store import FeatureStore, Found
from lookalike.duplicates.features import Features, describe
from lookalike.duplicates.looks import Sketch
from lookalike.duplicates.reading import Reader, Reading
from lookalike.errors import PictureError
from lookalike.gallery.base import Gallery, Picture
from lookalike.progress import Progress
from lookalike.results import Failure

MIN_SIDE = 270
"""Pixels asked of the shorter side when a picture is read for its features: `features.SIDE` for
the longer side of a picture of 3 : 2."""

KEPT = 512
"""Pictures whose features are kept at once, as they are found: an interruption costs no more than these."""

TOLD = 8
"""Pictures, or pairs of them, after which it is told how far it is: a second's work, about."""

_PAGE = 512  # rows that are read from the gallery at once

CRASH = "a process that read it ended: it may be damaged, or memory may be short"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a picture: its row and its features. It can be sent to another process."""

    picture: Picture
    features: Features

    def sketch(self, reader: Reader) -> Sketch:
        """Its sketch; its look is read when it is asked for, which may raise PictureError."""
        row = self.picture
        return Sketch(
            self.features, partial(reader.look, row), (row.width, row.height), row.phash, row.format == "JPEG"
        )


class Sketches:
    """The sketches of a collection's pictures, and of others that are compared with them.

    Args:
        gallery: where the pictures and their features are.
        reading: reads them.
        others: pictures that are not in the gallery, by their negative ids.
    """

    def __init__(
        self, gallery: Gallery, reading: Reading, others: Mapping[int, Picture] | None = None
    ) -> None:
        self._gallery = gallery
        self.reading = reading
        self._others = dict(others or {})
        self._store = FeatureStore(gallery)

    def picture(self, id_: int) -> Picture:
        """The row of a picture.

        Raises:
            NotInCollection: it has been removed meanwhile.
        """
        return self._others[id_] if id_ in self._others else self._gallery.get([id_])[0]

    def prepare(self, ids: Sequence[int], progress: Progress | None = None) -> list[Failure]:
        """Find the features of these pictures, those that are not known yet, and keep them.

        Returns:
            The pictures that cannot be read, each with the reason; they have no sketch.
        """
        self._store.load()
        contents = self._contents(ids)
        missing = [id_ for id_ in ids if id_ in contents and not self._store.knows(id_, contents[id_])]
        # Those of the collection first: what is found of them is kept, of others it is not.
        missing.sort(key=lambda id_: id_ in self._others)
        failed: list[Failure] = []
        part: list[Found] = []
        rows, same = tee(self.rows(missing))
        described = zip(rows, self.reading.spread(_described, same), strict=True)
        for done, (row, found) in enumerate(described, start=1):
            if part and (len(part) == KEPT or (row.id in self._others) != (part[0].id in self._others)):
                self._store.add(part)
                part = []
            if isinstance(found, Features):
                part.append(Found(row.id, contents[row.id], found))
            else:
                failed.append(found if isinstance(found, Failure) else crash(row))
            if progress and done % TOLD == 0:
                progress(len(ids) - len(missing) + done, len(ids))
        if part:
            self._store.add(part)
        self._store.tidy()
        return failed

    def patches(self, ids: Sequence[int]) -> list[Patches]:
        """The features of pictures, which `prepare` has found, with the places in `ids`."""
        return self._store.patches(ids)

    def has(self, id_: int) -> bool:
        """Whether `prepare` has found its features."""
        return self._store.has(id_)

    def sketch(self, id_: int) -> Sketch:
        """The sketch of a picture, which is read by this thread's reader when its look is asked for.

        Raises:
            NotInCollection: it has been removed meanwhile.
        """
        return Kept(self.picture(id_), self._store.features(id_)).sketch(self.reading.reader)

    def kept(self, ids: Iterable[int]) -> dict[int, Kept]:
        """What there is of pictures without reading them; those that have been removed are left out."""
        return {row.id: Kept(row, self._store.features(row.id)) for row in self.rows(ids)}

    def rows(self, ids: Iterable[int]) -> Iterator[Picture]:
        """The rows of pictures without their metadata, which may be long, and without those that have been
        removed; some are read at once."""
        rest = iter(ids)
        while page := list(islice(rest, _PAGE)):
            rows = {id_: self._others[id_] for id_ in page if id_ in self._others}
            there = self._gallery.still_there([id_ for id_ in page if id_ not in rows])
            rows |= {row.id: row for row in there}
            yield from (replace(rows[id_], id=id_, metadata={}) for id_ in page if id_ in rows)

    def _contents(self, ids: Sequence[int]) -> dict[int, int]:
        """Eight bytes of each content hash: they tell whether features are of these bytes."""
        return {row.id: _content(row) for row in self.rows(sorted(set(ids)))}


def _described(reader: Reader, picture: Picture) -> Features | Failure:
    try:
        return describe(reader.decoded(picture, MIN_SIDE).rgb)
    except PictureError as error:
        return Failure(files.printable(picture.path), error.reason)


def crash(picture: Picture) -> Failure:
    """What is told of a picture that ended the process that read it."""
    return Failure(files.printable(picture.path), CRASH)


def _content(picture: Picture) -> int:
    return int(picture.content[:16], 16)
