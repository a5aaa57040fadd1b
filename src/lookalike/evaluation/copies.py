"""How well edited copies of pictures are found, from vectors alone.

Each picture has been edited in some ways (`duplicates.edits`), and each edit is searched for among the
pictures as they were. Two figures, as in work on copy detection (Pizzi et al., "A self-supervised
descriptor for image copy detection", 2022, section 5):

- recall@1 is the share of the edits whose most similar picture is the one that was edited;
- recall@fmr is the share of the edits that are more similar to their picture than all but `FALSE_MATCHES`
  of the pairs of an edit with another picture: what a search by similarity alone would find if it may
  be wrong about one such pair in ten thousand (a *false match rate*). It also counts how well one threshold
  fits all pictures, which recall@1 does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike.duplicates.edits import EDITS
from lookalike.errors import PictureError
from lookalike.evaluation.retrieval import Outcomes
from lookalike.progress import Progress
from lookalike.sandbox import Decoder
from lookalike.vectors import Vectors

if TYPE_CHECKING:
    from lookalike.embedder import Embedder

Rgb = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

FALSE_MATCHES = 1e-4
FIGURES = ("recall@1", "recall@fmr")

_BLOCK = 1024  # edits compared at once
_SIDE = 500  # pixels asked of the shorter side of a picture that is edited


def edit(rgb: Rgb, number: int) -> Rgb:
    """One edit of a picture: those of consecutive numbers go through all of `EDITS` and begin anew.

    Args:
        rgb: (h, w, 3) uint8.
        number: from 0; the same one gives the same pixels.

    Returns:
        (h', w', 3) uint8; where other pictures should be seen beside it there is a plain colour.
    """
    name = list(EDITS)[number % len(EDITS)]
    return np.ascontiguousarray(EDITS[name](rgb, [], np.random.default_rng(number)))


def outcomes(pictures: Vectors, edits: Vectors) -> Outcomes:
    """How each edit is found.

    Args:
        pictures: (n, d) float32 unit rows.
        edits: (n * e, d) float32 unit rows: e of the first picture, then e of the second, and so on.

    Returns:
        `FIGURES` of each picture: (n,) means over its edits; none without a second picture. Equal
        similarities go against the picture.
    """
    if len(pictures) < 2:  # there is nothing to mistake a picture for
        return Outcomes(np.arange(0), np.zeros(0, np.int64), {})
    each = len(edits) // len(pictures)
    own, best_other, above = np.zeros(len(edits)), np.zeros(len(edits)), np.zeros(0)
    wrong_pairs = len(edits) * (len(pictures) - 1)
    allowed = int(FALSE_MATCHES * wrong_pairs)
    for start in range(0, len(edits), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(edits)))
        found = (edits[rows] @ pictures.T).astype(np.float64)
        here = np.arange(len(rows)), rows // each
        own[rows] = found[here]
        found[here] = -np.inf
        best_other[rows] = found.max(axis=1)
        above = np.sort(np.concatenate([above, found.ravel()]))[::-1][: allowed + 1]
    figures = {"recall@1": own > best_other, "recall@fmr": own > above[-1]}
    means = {name: hits.reshape(-1, each).mean(axis=1) for name, hits in figures.items()}
    rows = np.arange(len(pictures))
    return Outcomes(rows, (means["recall@1"] > 0).astype(np.int64), means)


def compared(
    embedders: Sequence[Embedder], files: Sequence[Path], each: int, progress: Progress | None = None
) -> list[Outcomes]:
    """How edits of the same pictures are found by several models.

    Args:
        embedders: the models.
        files: the pictures; those that cannot be read are left out.
        each: edits of each.
        progress: called with pictures edited, and of how many.

    Returns:
        As `outcomes` gives it, for each model.
    """
    pictures: list[list[Vectors]] = [[] for _ in embedders]
    edits: list[list[Vectors]] = [[] for _ in embedders]
    with Decoder() as decoder:
        for number, file in enumerate(files):
            try:
                rgb = decoder.decode(file, _SIDE).rgb
            except PictureError:
                continue
            edited = [edit(rgb, number * each + at) for at in range(each)]
            for at, embedder in enumerate(embedders):
                pictures[at].append(embedder.embed_rgb(rgb))
                edits[at] += [embedder.embed_rgb(one) for one in edited]
            if progress:
                progress(number + 1, len(files))
    return [
        outcomes(_stack(plain, embedder), _stack(changed, embedder))
        for plain, changed, embedder in zip(pictures, edits, embedders, strict=True)
    ]


def _stack(rows: Sequence[Vectors], embedder: Embedder) -> Vectors:
    return np.stack(rows) if rows else np.zeros((0, embedder.dimension), np.float32)
