"""How alike two pictures are, and whether one is a copy of the other, without a collection."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from lookalike import files, models
from lookalike.duplicates import finding
from lookalike.duplicates.calibration import SHIPPED
from lookalike.duplicates.looks import sketch
from lookalike.duplicates.sketches import MIN_SIDE
from lookalike.embedder import Embedder
from lookalike.images import Limits, Pixels
from lookalike.query import Region
from lookalike.results import Comparison
from lookalike.sandbox import Decoder, Sandbox
from lookalike.vectors import Vectors, cosines

if TYPE_CHECKING:
    from lookalike.images import Source

    Asked = Source | int
    """What can be searched for: a path, bytes, a NumPy array, a Pillow image, or a picture's id."""


def embed(embedder: Embedder, decoder: Decoder, picture: Source, region: Region | None = None) -> Vectors:
    """The unit vector of one picture or of a region of it, (d,) float32."""
    if region is None:
        return embedder.embed_rgb(decoder.decode(picture, min_side=embedder.min_side).rgb)
    # A region must have enough pixels of its own, so the whole picture is needed at full size.
    return embedder.embed_rgb(region.cut(decoder.decode(picture, min_side=1 << 20)))


def compare(
    first: Source,
    second: Source,
    *,
    embedder: Embedder | None = None,
    model: str = models.DEFAULT_MODEL,
    limits: Limits | None = None,
) -> Comparison:
    """How alike two pictures are: the same number every time, and the same as in a search.

    Args:
        first: a path, bytes, a NumPy array or a Pillow image.
        second: likewise.
        embedder: a loaded network; None loads `model`.
        model: name or path of a model.
        limits: what a picture may cost; None for the defaults.

    Raises:
        PictureError: one of them is not a usable picture.
    """
    embedder, limits = embedder or Embedder.load(model), limits or Limits()
    with Decoder(limits) as decoder:
        decoded = [decoder.decode(picture, max(embedder.min_side, MIN_SIDE)) for picture in (first, second)]
        vectors = [embed(embedder, decoder, picture) for picture in (first, second)]
    similarity = float(cosines(vectors[0], vectors[1][None])[0])
    if _same_bytes(first, second, limits):
        return Comparison(similarity, "same file", 1.0, 1.0, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    sketches = sketch(decoded[0]), sketch(decoded[1])
    seen = finding.compare(*sketches, SHIPPED, lambda: _same_pixels(first, second, limits))
    if seen is None or seen.probability < 0.5:
        verdict = "alike" if similarity >= embedder.alike else "different"
        return Comparison(similarity, verdict, seen.probability if seen else 0.0)
    verdict = {"pixels": "same pixels", "near": "near copy", "edited": "edited copy"}[seen.kind]
    overlap = round(seen.match.first.overlap, 4)
    return Comparison(similarity, verdict, seen.probability, overlap, seen.match.transform)


def _same_bytes(first: Source, second: Source, limits: Limits) -> bool:
    data = bytes_of(first, limits)
    return data is not None and data == bytes_of(second, limits)


def _same_pixels(first: Source, second: Source, limits: Limits) -> bool:
    # At full size, and without the short cuts in colour that the fast JPEG decoder takes.
    with Sandbox(limits) as sandbox:
        a, b = (_pixels(picture, sandbox) for picture in (first, second))
    return np.array_equal(a, b)


def _pixels(picture: Source, sandbox: Sandbox) -> Pixels:
    data = bytes_of(picture, sandbox.limits)
    if data is not None:
        return sandbox.decode(data, min_side=1 << 20).rgb
    return Decoder().decode(picture, min_side=1 << 20).rgb  # an array or a Pillow image: no helper


def bytes_of(picture: Asked, limits: Limits) -> bytes | None:
    """The bytes of a file or of themselves; None for what has no file, such as an array."""
    if isinstance(picture, (str, os.PathLike)):
        return files.read(picture, max_bytes=limits.max_bytes)
    return picture if isinstance(picture, bytes) else None
