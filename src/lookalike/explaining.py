"""Which parts of two pictures make them alike: a similarity split exactly over places.

The network gives a vector f for each place of a picture, and the picture's vector v is their mean, made as
long as 1: v = m / |m| with m the mean of the f. So the cosine with the vector w of another picture is a sum
over places (B. Zhou et al., "Learning Deep Features for Discriminative Localization", 2016, do this for
classes; A. Stylianou et al., "Visualizing Deep Similarity Networks", 2019, for cosines):

    v · w  =  sum over places p of  (f_p · w) / (n |m|)

A stored vector is that of the network rounded to sixteen bits, so r = v - m / |m| is not quite 0. Each of
the n places takes r / n, so that the shares sum to the number that people see, and not to one near it. An
adapter's linear map is applied to each place, its centre included: a place then counts by how it differs from
the mean of the pictures the adapter was fitted on.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike import models
from lookalike.embedder import REFERENCE_COSINE, Embedder, frame
from lookalike.errors import ModelError
from lookalike.files import printable
from lookalike.images import Limits
from lookalike.models import Preprocessing
from lookalike.query import Region, coefficients, combine
from lookalike.results import Explanation, Heat
from lookalike.sandbox import Decoder
from lookalike.vectors import Vectors, cosines

if TYPE_CHECKING:
    from lookalike.images import Source

MOST_PAIRS = 256 * 256
"""Pairs of places that an explanation lists: grids of 16 x 16 each."""

Places = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A picture as the network sees it.

    Attributes:
        name: what the explanation calls it.
        vector: (d,) float32 unit vector.
        places: (h, w, d): what each place adds to the vector; their sum is the vector.
        rounded: (d,) how much of the vector is from rounding.
        box: see `Heat`.
        width: of the picture, in pixels.
        height: likewise.
    """

    name: str
    vector: Vectors
    places: Places
    rounded: npt.NDArray[np.float64]
    box: tuple[float, float, float, float]
    width: int
    height: int


def explain(
    first: Source,
    second: Source,
    *,
    region: Region | str | None = None,
    embedder: Embedder | None = None,
    model: str = models.DEFAULT_MODEL,
    limits: Limits | None = None,
) -> Explanation:
    """Which parts of two pictures make them as alike as `compare` says.

    Args:
        first: a path, bytes, a NumPy array or a Pillow image.
        second: likewise.
        region: the part of `first` that matters, as `X,Y,WIDTH,HEIGHT` in pixels or, when all four are at
            most 1, in shares of the picture.
        embedder: a loaded network; None loads `model`.
        model: name or path of a model.
        limits: what a picture may cost; None for the defaults.

    Raises:
        PictureError: one of them is not a usable picture.
        ModelError: the model has no feature map.
    """
    embedder = embedder or Embedder.load(model)
    chosen = Region.parse(region) if isinstance(region, str) else region
    with Decoder(limits or Limits()) as decoder:
        return split(
            [seen(embedder, decoder, first, name_of(first), chosen)],
            [],
            seen(embedder, decoder, second, name_of(second)),
        )


def name_of(picture: Source) -> str:
    """What an answer calls a picture that is no indexed one."""
    if isinstance(picture, (str, os.PathLike)):
        return printable(os.fspath(picture))
    return "<bytes>" if isinstance(picture, bytes) else "<array>"


def seen(
    embedder: Embedder,
    decoder: Decoder,
    picture: Source,
    name: str,
    region: Region | None = None,
    vector: Vectors | None = None,
) -> Seen:
    """A picture as the network sees it.

    Args:
        embedder: the network.
        decoder: reads the picture.
        picture: a path, bytes, a NumPy array or a Pillow image.
        name: what the explanation calls it.
        region: the part of it that is looked at; None for all.
        vector: (d,) the vector that is explained; None for what the network gives now.

    Raises:
        PictureError: it is not a usable picture.
        ModelError: the model has no feature map, or one that is not that of its vectors.
    """
    decoded = decoder.decode(picture, embedder.min_side if region is None else 1 << 20)
    rgb = decoded.rgb if region is None else region.cut(decoded)
    vector = embedder.embed_rgb(rgb) if vector is None else vector
    features = embedder.map_rgb(rgb).astype(np.float64)
    mean = features.mean(axis=(1, 2))
    length = float(np.linalg.norm(mean)) or 1.0
    if mean @ vector < REFERENCE_COSINE * length:
        raise ModelError(
            f"the feature map that model {embedder.card.name!r} names for its output {embedder.output!r} is "
            f"not the one whose mean is the vector of {name}: its card is wrong, or the picture has changed"
        )
    rounded = vector - mean / length
    count = features.shape[1] * features.shape[2]
    places = (features.transpose(1, 2, 0) / length + rounded) / count
    box = _box(decoded.width, decoded.height, region, embedder.card.preprocessing)
    return Seen(name, vector, places, rounded, box, decoded.width, decoded.height)


def _box(
    width: int, height: int, region: Region | None, how: Preprocessing
) -> tuple[float, float, float, float]:
    """What of a picture of this size the network sees; see `Heat`."""
    left, top, right, bottom = (0.0, 0.0, 1.0, 1.0) if region is None else region.shares(width, height)
    x, y, across, down = frame(round((right - left) * width), round((bottom - top) * height), how)
    return left * width + x, top * height + y, across, down


def split(positive: Sequence[Seen], negative: Sequence[Seen], found: Seen) -> Explanation:
    """The similarity of a query, made of pictures for and against, to a picture, over the places of all.

    Args:
        positive: pictures for, at least one.
        negative: pictures against.
        found: what they are compared with.
    """
    asked = [*positive, *negative]
    query = combine(*(_stacked(some, len(found.vector)) for some in (positive, negative)))
    weights = coefficients(len(positive), len(negative))
    mean = sum(weight * one.vector.astype(np.float64) for weight, one in zip(weights, asked, strict=True))
    length = float(np.linalg.norm(mean)) if len(asked) > 1 else 1.0
    # What rounding the query has changed is nobody's: each picture takes an equal part of it, as places do.
    rest = (query - mean / length) / len(asked)
    parts = [
        weight / length * one.places + rest / (one.places.shape[0] * one.places.shape[1])
        for weight, one in zip(weights, asked, strict=True)
    ]
    roundings = [weight / length * one.rounded + rest for weight, one in zip(weights, asked, strict=True)]
    other = found.vector.astype(np.float64)
    return Explanation(
        similarity=float(cosines(query, found.vector[None])[0]),
        queries=tuple(
            _heat(one, places @ other, float(rounding @ other))
            for one, places, rounding in zip(asked, parts, roundings, strict=True)
        ),
        found=_heat(found, found.places @ query.astype(np.float64), float(found.rounded @ query)),
        pairs=_pairs(parts[0], found.places) if len(parts) == 1 else None,
    )


def _stacked(some: Sequence[Seen], length: int) -> Vectors:
    return np.stack([one.vector for one in some]) if some else np.zeros((0, length), np.float32)


def _pairs(query: Places, found: Places) -> tuple[tuple[float, ...], ...] | None:
    one, other = (places.reshape(-1, places.shape[2]) for places in (query, found))
    return None if len(one) * len(other) > MOST_PAIRS else _grid(one @ other.T)


def _heat(one: Seen, shares: npt.NDArray[np.float64], rounding: float) -> Heat:
    return Heat(one.name, _grid(shares), one.box, one.width, one.height, rounding)


def _grid(values: npt.NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.tolist())
