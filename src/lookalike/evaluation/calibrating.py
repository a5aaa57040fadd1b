"""Calibrate a space: hits from labels or pairs when there are some, else from edited pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike.duplicates.edits import EDITS
from lookalike.errors import PictureError, UsageError
from lookalike.evaluation import calibration
from lookalike.evaluation.calibration import Floats, Truths
from lookalike.evaluation.judging import Asked, Hits, graded
from lookalike.filters import Filter
from lookalike.gallery.base import Gallery, Picture, Space
from lookalike.progress import Progress
from lookalike.results import Calibration, CalibrationReport
from lookalike.sandbox import Decoder

if TYPE_CHECKING:
    from lookalike.embedder import Embedder
    from lookalike.images import Pixels

PICTURES, EACH = 60, 4
"""Pictures that are edited where there are no labels, and edits of each."""

FOUND = 20
"""Hits of each query that count: what people look at."""

FEWEST = 20
"""Right hits, and wrong ones, without which nothing is calibrated."""

_SIDE = 500  # pixels asked of the shorter side of a picture that is edited


def calibrate(
    gallery: Gallery,
    space: Space,
    hits: Hits,
    source: str,
    *,
    precision: float | None = None,
    recall: float | None = None,
) -> CalibrationReport:
    """Fit the calibration of a space and keep it with the gallery.

    Args:
        gallery: which keeps it.
        space: whose similarities these are.
        hits: of some queries, right or wrong.
        source: what they are, in words.
        precision: also tell the threshold from which on so large a share of the hits is right.
        recall: also tell the threshold above which so large a share of the right hits is.

    Raises:
        UsageError: too few hits are right or wrong, or a share is not in (0, 1].
        CollectionBusy: another process is writing.
    """
    for name, share in (("precision", precision), ("recall", recall)):
        if share is not None and not 0 < share <= 1:
            raise UsageError(f"{name} must be more than 0 and at most 1, got {share}")
    similarities, right = hits.similarities, hits.right
    positives = int(right.sum())
    if min(positives, len(right) - positives) < FEWEST:
        raise UsageError(
            f"too little to calibrate from: {positives:,} right and {len(right) - positives:,} wrong hits by "
            f"{source}, and {FEWEST} of each are needed"
        )
    fitted = calibration.fit(similarities, right, source)
    with gallery.writing() as writing:
        writing.set_note(calibration.key(space.identity), fitted.dumps())
    return _report(space, fitted, hits, precision, recall)


def _report(
    space: Space, fitted: Calibration, hits: Hits, precision: float | None, recall: float | None
) -> CalibrationReport:
    similarities, right = hits.similarities, hits.right
    bins = calibration.reliability(calibration.crossed(similarities, right, hits.queries), right)
    wanted = calibration.PRECISIONS if precision is None else (precision,)
    return CalibrationReport(
        model=space.model,
        output=space.output,
        source=fitted.source,
        hits=fitted.hits,
        right=fitted.right,
        calibration_error=calibration.expected_error(bins),
        reliability=bins,
        thresholds=calibration.thresholds(similarities, right, wanted),
        recall_threshold=None
        if recall is None
        else calibration.threshold_of_recall(similarities, right, recall),
    )


def kept(gallery: Gallery, space: Space) -> Calibration | None:
    """The calibration of a space that a gallery keeps; None until there is one."""
    return Calibration.loads(gallery.note(calibration.key(space.identity)))


def from_truth(gallery: Gallery, space: Space, asked: Asked) -> Hits:
    """The hits of pictures of which it is known what belongs to them."""
    return graded(gallery, space, asked, FOUND)


# --- from edits ------------------------------------------------------------------------------


def from_edits(
    gallery: Gallery,
    space: Space,
    embedder: Embedder,
    where: Filter | None = None,
    progress: Progress | None = None,
) -> Hits:
    """The hits of edited pictures: right is the picture that was edited, or one with the same bytes.

    Args:
        gallery: whose pictures.
        space: which vectors.
        embedder: the network they were made with.
        where: only these pictures are edited; None for all.
        progress: called with pictures edited, and of how many.

    Raises:
        UsageError: there are no pictures that can be read.
    """
    chosen = _some(gallery, space, where)
    queries: list[int] = []
    similarities: list[Floats] = []
    right: list[Truths] = []
    with Decoder() as decoder:
        for number, picture in enumerate(chosen):
            for edited in _edited(decoder, picture, number):
                found = gallery.search(space, embedder.embed_rgb(edited)[None], FOUND, exact=True)[0]
                contents = [row.content for row in gallery.get(found.ids.tolist())]
                queries.append(number)
                similarities.append(found.similarities.astype(np.float64))
                right.append(np.array([content == picture.content for content in contents]))
            if progress:
                progress(number + 1, len(chosen))
    if not similarities:
        among = " that --where takes" if where else ""
        raise UsageError(f"no picture{among} can be read: there is nothing to calibrate from")
    sizes = [len(part) for part in similarities]
    return Hits(np.repeat(queries, sizes), np.concatenate(similarities), np.concatenate(right))


def _some(gallery: Gallery, space: Space, where: Filter | None) -> list[Picture]:
    ids, _ = gallery.versions(space)
    if where is not None:
        ids = np.intersect1d(ids, np.fromiter((one.id for one in gallery.pictures(where)), np.int64))
    draw = np.random.default_rng(0)
    drawn: Sequence[int] = np.sort(draw.permutation(ids)[:PICTURES]).tolist()
    return [picture for picture in gallery.get(drawn) if not picture.missing]


def _edited(decoder: Decoder, picture: Picture, number: int) -> Iterator[Pixels]:
    names = list(EDITS)
    try:
        rgb: npt.NDArray[np.uint8] = decoder.decode(picture.path, _SIDE).rgb
    except PictureError:
        return
    for step in range(EACH):
        at = number * EACH + step
        edited = EDITS[names[at % len(names)]].apply(rgb, [], np.random.default_rng(at))
        yield np.ascontiguousarray(edited.pixels)
