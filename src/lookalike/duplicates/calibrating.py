"""Fit a collection's calibration: edit some of its pictures, and compare them with what they were.

The edits are the positives, pairs of different pictures that look most alike the negatives. A pair
that the shipped calibration takes for a copy is no negative: it may be one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from lookalike.duplicates.agreement import agree
from lookalike.duplicates.aligning import align
from lookalike.duplicates.calibration import SHIPPED, Calibration, Floats, fit, numbers
from lookalike.duplicates.edits import EDITS, Edited, moved
from lookalike.duplicates.geometry import Matrix
from lookalike.duplicates.helpers import Crashed
from lookalike.duplicates.looks import Sketch, sketch
from lookalike.duplicates.reading import Reader
from lookalike.duplicates.sketches import Kept, Sketches
from lookalike.errors import CollectionError, NotInCollection, PictureError
from lookalike.gallery.base import Gallery, Space
from lookalike.images import Decoded, Pixels
from lookalike.neighbours import Graph, graph
from lookalike.progress import Progress

KEY = "duplicates/calibration"
"""The note under which a gallery keeps it."""

PICTURES = 72
"""Pictures that are edited: each edit twelve times. More move the weights no further than their
uncertainty."""

EACH = 6
"""Edits of one picture."""

FEWEST = 12
"""With fewer pictures the shipped calibration is taken."""

_SIDE = 500  # pixels asked of the shorter side of a picture that is edited
_NEGATIVES = 3  # nearest others of each picture
_GROWN = 2.0  # with so many times more pictures, or fewer, it is made anew
_PLACED = 0.05  # share of the longer side by which a found place may be off
_OTHERS = 6  # pictures that may be seen beside the edited one


def calibration_of(
    gallery: Gallery, space: Space, sketches: Sketches, progress: Progress | None = None
) -> Calibration:
    """The collection's calibration: the one kept, if it is of about as many pictures, else a new one,
    which is kept when nobody else is writing."""
    images = gallery.count()
    text = gallery.note(KEY)
    kept = Calibration.loads(text) if text else None
    if kept is not None and kept.images / _GROWN < images < kept.images * _GROWN:
        return kept
    if images < FEWEST:
        return SHIPPED
    fitted = calibrate(graph(gallery, space), sketches, images, progress)
    try:
        with gallery.writing() as writing:
            writing.set_note(KEY, fitted.dumps())
    except CollectionError:  # somebody else writes, or nobody can: it serves without
        pass
    return fitted


def calibrate(known: Graph, sketches: Sketches, images: int, progress: Progress | None = None) -> Calibration:
    """Fit a calibration; the same one for the same pictures.

    Args:
        known: the neighbour graph, which says what looks alike.
        sketches: of the collection's pictures.
        images: how many there are.
        progress: called with pictures edited, and of how many.
    """
    draw = np.random.default_rng(0)
    chosen = draw.choice(len(known.ids), min(PICTURES, len(known.ids)), replace=False).tolist()
    ids = [int(known.ids[place]) for place in chosen]
    seen = [found for found in sketches.reading.each(partial(_read, sketches), ids) if found is not None]
    tasks = [_Task(number, one, _beside(seen, number)) for number, one in enumerate(seen)]
    tried = made = 0
    positives: list[Floats] = []
    for done, part in enumerate(sketches.reading.spread(_edited, tasks, batch=2), start=1):
        if not isinstance(part, Crashed):
            tried += EACH
            made += len(part)
            positives.extend(part)
        if progress:
            progress(done, len(tasks))
    pairs = _nearest(known, chosen)
    asked = (both for ids in pairs if (both := _both(sketches, ids)) is not None)
    different = sketches.reading.spread(_different, asked)
    negatives = [found for found in different if found is not None and not isinstance(found, Crashed)]
    weights = fit(positives, negatives)
    return Calibration(
        tuple(round(float(w), 4) for w in weights),
        len(positives),
        len(negatives),
        round(made / tried, 4) if tried else None,
        images,
    )


@dataclass(frozen=True, slots=True)
class _Task:
    number: int
    picture: Decoded
    beside: Sequence[Pixels]


def _beside(seen: Sequence[Decoded], number: int) -> list[Pixels]:
    """Pictures that may be seen beside one of them when it is edited."""
    return [seen[(number + step) % len(seen)].rgb for step in range(1, _OTHERS + 1)]


def _read(sketches: Sketches, id_: int) -> Decoded | None:
    try:
        return sketches.reading.reader.decoded(sketches.picture(id_), _SIDE)
    except (PictureError, NotInCollection):
        return None


def _edited(_: Reader, task: _Task) -> list[Floats]:
    """The evidence of those edits of a picture whose place was found."""
    original, names = sketch(_whole(task.picture)), list(EDITS)
    found = []
    for step in range(EACH):
        number = task.number * EACH + step
        edited = EDITS[names[number % len(names)]].apply(
            task.picture.rgb, task.beside, np.random.default_rng(number)
        )
        evidence = evidence_of_edit(original, edited)
        if evidence is not None:
            found.append(evidence)
    return found


def _whole(decoded: Decoded) -> Decoded:
    """The pixels there are as a picture of its own."""
    height, width = decoded.rgb.shape[:2]
    return Decoded(decoded.rgb, width, height, decoded.format)


def evidence_of_edit(original: Sketch, edited: Edited) -> Floats | None:
    """The numbers of a picture and an edit of it; None when it was not found where it is."""
    height, width = edited.pixels.shape[:2]
    copy = sketch(Decoded(np.ascontiguousarray(edited.pixels), width, height, "array"))
    alignment = align(original.features, copy.features, original.size, copy.size)
    if alignment is None:
        return None
    agreement = agree(original.look.grey, copy.look.grey, alignment.transform)
    if agreement is None or not _placed(agreement.transform, edited, original.size):
        return None
    return numbers(agreement)


def _placed(transform: Matrix, edited: Edited, size: tuple[int, int]) -> bool:
    """Whether the edited picture was found where it is."""
    longest = max(edited.pixels.shape[:2])
    corners = np.array([(0, 0), (size[0], 0), (0, size[1])], float)
    there, true = moved(transform, corners / max(size)) * longest, moved(edited.transform, corners)
    scale = float(np.sqrt(abs(np.linalg.det(edited.transform[:, :2])))) * max(size)
    return bool(np.abs(there - true).max() < _PLACED * scale)


def _nearest(known: Graph, chosen: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each chosen picture with its nearest others, as ids."""
    for place in chosen:
        for other in known.neighbours[place][:_NEGATIVES].tolist():
            if other >= 0:
                yield int(known.ids[place]), int(known.ids[other])


def _both(sketches: Sketches, ids: tuple[int, int]) -> tuple[Kept, Kept] | None:
    """What is kept of two pictures; None where there is nothing."""
    if not all(map(sketches.has, ids)):
        return None
    kept = sketches.kept(ids)
    return (kept[ids[0]], kept[ids[1]]) if len(kept) == 2 else None


def _different(reader: Reader, both: tuple[Kept, Kept]) -> Floats | None:
    """The evidence of two pictures that are no copies; None when they may be, or nothing agrees."""
    a, b = (one.sketch(reader) for one in both)
    try:
        alignment = align(a.features, b.features, a.size, b.size)
        agreement = agree(a.look.grey, b.look.grey, alignment.transform) if alignment else None
    except PictureError:
        return None
    if alignment is None or agreement is None or SHIPPED.probability(agreement) >= 0.5:
        return None
    return numbers(agreement)
