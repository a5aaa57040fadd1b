"""Pictures to vectors."""

from __future__ import annotations

import base64
import math
import os
import threading
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike import models, runtimes
from lookalike.errors import ModelError
from lookalike.models import Card, Preprocessing
from lookalike.models.linear_map import LinearMap
from lookalike.vectors import Vectors, canonical, cosines, from_half

if TYPE_CHECKING:
    from lookalike.images import Source

Rgb = npt.NDArray[np.uint8]

# A reference vector computed here must agree this closely with the one in the card. Int8
# kernels that saturate (processors without VNNI) fall below 0.99; different but sound kernels
# stay above 0.9995 (measured: ONNX Runtime fast and precise, OpenVINO).
REFERENCE_COSINE = 0.999


class Embedder:
    """A network ready to turn pictures into unit vectors.

    The same picture gives the same vector, bit for bit, alone or among others, with one thread
    or many: each picture goes through the network on its own, which on a processor is also the
    fastest way (measured: 475 pictures/s one by one, 375 in sixteens, one core).

    Args:
        card: the model.
        output: which of its outputs; None means the card's first.
        runtime: `onnxruntime` or `openvino`.
        threads: threads used inside one picture; for many pictures, many threads that call
            `embed` side by side are faster than many threads in one.

    Raises:
        ModelError: the model's file is missing, damaged, or computes something other than its
            card's reference on this machine.
        MissingExtra: the runtime is not installed.
    """

    def __init__(
        self, card: Card, output: str | None = None, runtime: str = "onnxruntime", threads: int = 1
    ) -> None:
        self.card = card
        self.output, self._output = card.output(output)
        self.runtime = runtime
        self.identity = card.identity(self.output, runtime)
        self.base_identity = card.base_identity(self.output, runtime)
        adapter = self._output.adapter
        self._map = LinearMap.read(models.adapter_file(card, adapter)) if adapter else None
        file, tensor = models.onnx_file(card), card.preprocessing.tensor
        self._load = partial(runtimes.load, runtime, file, tensor, threads)
        self._network = self._load()
        self._lock = threading.Lock()
        self._map_network: runtimes.Runtime | None = None
        if not self._agrees_with_reference():
            self._load = partial(self._load, precise=True)
            self._network = self._load()
            if not self._agrees_with_reference():
                raise ModelError(
                    f"model {card.name!r} computes other vectors here than its card {card.path} records as "
                    f"`reference`. If you changed the card, remove that line; if not, {runtime} computes "
                    f"wrongly on this processor: try another runtime"
                )

    @classmethod
    def load(
        cls,
        name: str | os.PathLike[str] = models.DEFAULT_MODEL,
        output: str | None = None,
        runtime: str = "onnxruntime",
        threads: int = 1,
    ) -> Embedder:
        """The embedder of a model by name, or by the path of its card or ONNX file."""
        return cls(models.find(name), output, runtime, threads)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._output.dimension

    @property
    def alike(self) -> float:
        """Similarity above which two pictures are called alike; see `models.Output`."""
        return self._output.alike

    @property
    def has_map(self) -> bool:
        """Whether `map_rgb` can give a feature map, as far as the card says."""
        return bool(self._map_name)

    @property
    def _map_name(self) -> str:
        output = self._output
        return output.map or (output.tensor if output.pooling == "mean" else "")

    @property
    def min_side(self) -> int:
        """A picture's shorter side needs no more pixels than this."""
        p = self.card.preprocessing
        return p.short_side if p.fit == "crop" else p.size

    def embed(self, pictures: Iterable[Source]) -> Vectors:
        """The vectors of pictures: paths, bytes, Pillow images or NumPy arrays.

        Returns:
            (n, dimension) float32 unit rows; (0, dimension) for no pictures.

        Raises:
            PictureError: one of them is not a usable picture.
        """
        from lookalike.sandbox import Decoder

        with Decoder() as decoder:
            rows = [self.embed_rgb(decoder.decode(picture, self.min_side).rgb) for picture in pictures]
        return np.stack(rows) if rows else np.zeros((0, self.dimension), np.float32)

    def embed_rgb(self, rgb: Rgb) -> Vectors:
        """The unit vector of one decoded picture.

        Args:
            rgb: (h, w, 3) uint8, at least one pixel.

        Returns:
            (dimension,) float32, canonical (see `vectors`).
        """
        vector: Vectors = self.embed_squares([self.square(rgb)])[0]
        return vector

    def square(self, rgb: Rgb) -> Rgb:
        """A decoded picture as the network takes it, (size, size, 3) uint8; see `prepare`."""
        return prepare(rgb, self.card.preprocessing)

    def embed_squares(self, squares: Sequence[Rgb]) -> Vectors:
        """The unit vectors of pictures made ready with `square`.

        One after the other through the network, but without anything in between, which keeps its
        weights in the processor's cache.

        Returns:
            (n, dimension) float32 unit rows.
        """
        return self.mapped(self._network_vectors(squares))

    def mapped(self, vectors: Vectors) -> Vectors:
        """The vectors of pictures from those that the network without the adapter gives, bit for bit
        what embedding the pictures gives; the same vectors for a model without an adapter.

        Args:
            vectors: (n, d) float32 canonical unit rows of the space `base_identity`.

        Returns:
            (n, dimension) float32 unit rows.
        """
        return vectors if self._map is None else self._map.apply(vectors)

    def _network_vectors(self, squares: Sequence[Rgb]) -> Vectors:
        rows = [self._run(square) for square in squares]
        length = self._output.network_dimension
        return canonical(np.stack(rows)) if rows else np.zeros((0, length), np.float32)

    def map_rgb(self, rgb: Rgb) -> Vectors:
        """The feature map of one decoded picture, whose mean over positions has the direction
        of its vector.

        Returns:
            (dimension, h, w) float32.

        Raises:
            ModelError: this output has no map, or the network gives something else.
        """
        name = self._map_name
        if not name:
            raise ModelError(
                f"output {self.output!r} of model {self.card.name!r} has no feature map: its card would have "
                f"to name one as `map`"
            )
        values = self._with_map(name).run(self._input(self.square(rgb)), [name])[0]
        features = over_positions(values)
        length = self._output.network_dimension
        if features is None or len(features) != length:
            raise ModelError(
                f"map {name!r} of model {self.card.name!r} has shape {values.shape}, "
                f"not (1, {length}, height, width)"
            )
        return features if self._map is None else self._map.features(features)

    def _with_map(self, name: str) -> runtimes.Runtime:
        """The network that gives this tensor: one of its own where it lies inside the graph, so that the one
        that makes vectors stays as it is."""
        if name in self._network.outputs:
            return self._network
        with self._lock:
            if self._map_network is None:
                self._map_network = self._load(inner=name)
            return self._map_network

    def _run(self, square: Rgb) -> npt.NDArray[np.float32]:
        output = self._output
        values = self._network.run(self._input(square), [output.tensor])[0]
        vector = pool(values, output.pooling)
        if vector.shape != (output.network_dimension,):
            raise ModelError(
                f"output {output.tensor!r} of model {self.card.name!r} has shape {values.shape}, which "
                f"pooling {output.pooling!r} does not make a vector of length {output.network_dimension}"
            )
        if not np.isfinite(vector).all():
            raise ModelError(
                f"output {output.tensor!r} of model {self.card.name!r} computes numbers that are "
                f"infinite or none for a picture"
            )
        return vector

    def _input(self, square: Rgb) -> npt.NDArray[np.generic]:
        return to_input(square, self.card.preprocessing)

    def _agrees_with_reference(self) -> bool:
        if not self._output.reference:
            return True
        half = np.frombuffer(base64.b64decode(self._output.reference), np.float16)
        computed = self._network_vectors([self.square(reference_picture())])[0]
        return bool(cosines(computed, from_half(half[None]))[0] >= REFERENCE_COSINE)


def pool(values: npt.NDArray[np.float32], pooling: str) -> npt.NDArray[np.float32]:
    """The vector of one picture from a network's output with first axis 1.

    Args:
        values: (1, d), (1, t, d) or (1, d, h, w) float32.
        pooling: as in a model card.

    Returns:
        (d,) float32; the values unpooled where the shape does not fit the pooling.
    """
    picture: npt.NDArray[np.float32] = values[0]
    if pooling == "mean" and picture.ndim in (2, 3):
        positions = 0 if picture.ndim == 2 else (1, 2)
        picture = np.asarray(picture.mean(axis=positions, dtype=np.float64), np.float32)
    elif pooling == "first" and picture.ndim == 2:
        picture = picture[0]
    return picture


def over_positions(values: npt.NDArray[np.float32]) -> Vectors | None:
    """A feature map from a network's output with first axis 1, whose mean over positions is the mean over all
    that the output has.

    Tokens (1, t, d) are taken for a square of positions, row by row. One more before them, the class token
    of a transformer, belongs to no position: each gets an equal part of it.

    Args:
        values: (1, d, h, w) or (1, t, d) float32.

    Returns:
        (d, h, w) float32; None for another shape, or tokens that make no square.
    """
    if values.ndim == 4:
        whole: Vectors = values[0]
        return whole
    if values.ndim != 3:
        return None
    count, side = values.shape[1], math.isqrt(values.shape[1])
    if count - side * side > 1:
        return None
    tokens, nowhere = values[0, count - side * side :], values[0, : count - side * side]
    spread = (tokens * np.float32(len(tokens)) + nowhere.sum(axis=0)) / np.float32(count)
    return np.ascontiguousarray(spread.T).reshape(-1, side, side)


def prepare(rgb: Rgb, how: Preprocessing) -> Rgb:
    """Resize and cut a picture to a network's square.

    The part that is used is cut out first and resized once. Reductions of more than two are
    made in two steps, an average over whole blocks and then the card's interpolation, so that
    fine patterns do not alias.

    Args:
        rgb: (h, w, 3) uint8.
        how: the model's preprocessing.

    Returns:
        (size, size, 3) uint8, C-contiguous.
    """
    if how.fit == "crop":
        return _resized(_centre(rgb, how), how.size, how.size, how.interpolation)
    if how.fit == "squash":
        return _resized(rgb, how.size, how.size, how.interpolation)
    return _padded(rgb, how)


def _centre(rgb: Rgb, how: Preprocessing) -> Rgb:
    height, width = rgb.shape[:2]
    side = max(1, round(min(height, width) * how.size / how.short_side))
    top, left = (height - side) // 2, (width - side) // 2
    return rgb[top : top + side, left : left + side]


def frame(width: int, height: int, how: Preprocessing) -> tuple[float, float, float, float]:
    """What the network's square shows of a picture of this size: left, top, width and height in its pixels.

    >>> frame(400, 300, Preprocessing("x", size=224, short_side=240))
    (60.0, 10.0, 280.0, 280.0)
    >>> frame(400, 300, Preprocessing("x", size=224, short_side=224, fit="pad"))
    (0.0, -50.0, 400.0, 400.0)
    """
    if how.fit == "squash":
        return 0.0, 0.0, float(width), float(height)
    side = min(width, height) * how.size / how.short_side if how.fit == "crop" else float(max(width, height))
    return (width - side) / 2, (height - side) / 2, side, side


def _padded(rgb: Rgb, how: Preprocessing) -> Rgb:
    height, width = rgb.shape[:2]
    scale = how.size / max(height, width)
    inner_w, inner_h = max(1, round(width * scale)), max(1, round(height * scale))
    square = np.full((how.size, how.size, 3), 255, np.uint8)
    top, left = (how.size - inner_h) // 2, (how.size - inner_w) // 2
    square[top : top + inner_h, left : left + inner_w] = _resized(rgb, inner_w, inner_h, how.interpolation)
    return square


def _resized(rgb: Rgb, width: int, height: int, interpolation: str) -> Rgb:
    import cv2

    if (rgb.shape[1], rgb.shape[0]) == (width, height):
        return np.ascontiguousarray(rgb)
    across, down = max(1, rgb.shape[1] // width), max(1, rgb.shape[0] // height)
    if max(across, down) >= 2:
        block_w, block_h = rgb.shape[1] // across, rgb.shape[0] // down
        blocks = rgb[: block_h * down, : block_w * across]
        rgb = np.asarray(cv2.resize(blocks, (block_w, block_h), interpolation=cv2.INTER_AREA), np.uint8)
    flag = {"linear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA, "cubic": cv2.INTER_CUBIC}[interpolation]
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=flag), np.uint8)


def to_input(square: Rgb, how: Preprocessing) -> npt.NDArray[np.generic]:
    """One prepared picture as the network's input: (1, s, s, 3) uint8 or (1, 3, s, s) float32."""
    if how.layout == "nhwc-uint8":
        return square[None]
    mean, std = np.array(how.mean, np.float32), np.array(how.std, np.float32)
    scaled = (square.astype(np.float32) / 255 - mean) / std
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def reference_picture() -> Rgb:
    """A drawn picture whose vector every card records: soft waves, a disc and noise.

    Made of whole-number arithmetic alone, so that it is the same on every machine.

    Returns:
        (240, 320, 3) uint8.
    """
    y, x = np.mgrid[0:240, 0:320].astype(np.int64)
    noise = (x * 1103515245 + y * 12345 + x * y * 2654435761) >> 7 & 31
    disc = ((x - 190) ** 2 + (y - 110) ** 2 < 70**2) * 90
    red = (x * x // 61 + y * 3) % 160 + noise
    green = (y * y // 47 + x * 2) % 140 + disc
    blue = (x * y // 97) % 128 + disc // 2 + noise
    return np.stack([red, green, blue], axis=2).clip(0, 255).astype(np.uint8)
