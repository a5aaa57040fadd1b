"""A gallery of drawn pictures, with vectors that cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from lookalike import files, images
from lookalike.duplicates.hashes import perceptual_hash
from lookalike.duplicates.reading import Reading
from lookalike.gallery.base import Gallery, Picture, Space, Vectors
from lookalike.gallery.memory import MemoryGallery
from lookalike.vectors import canonical

SPACE = Space("d" * 64, "tiny", "embedding", "onnxruntime", 192)


class TinyEmbedder:
    """Eight by eight colours, in the place of a network."""

    min_side = 64

    def embed_rgb(self, rgb: np.ndarray) -> Vectors:
        import cv2

        small = cv2.resize(np.asarray(rgb, np.float32), (8, 8), interpolation=cv2.INTER_AREA)
        return canonical((small - small.mean() + 1e-3 * np.arange(192).reshape(8, 8, 3)).reshape(1, -1))[0]


class Shelf:
    """A folder of pictures and a gallery of them.

    Attributes:
        folder: where the files are.
        gallery: the gallery.
        space: of its vectors.
        embedder: makes them.
    """

    def __init__(self, folder: Path, gallery: Gallery | None = None) -> None:
        self.folder = folder
        self.gallery = gallery or MemoryGallery()
        self.space = SPACE
        self.embedder = TinyEmbedder()
        folder.mkdir(parents=True, exist_ok=True)

    def file(self, name: str, picture: np.ndarray | bytes, **options: object) -> Path:
        """Write a picture, in the format its name says, without indexing it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture if isinstance(picture, bytes) else encoded(picture, path.suffix, **options))
        return path

    def put(self, name: str, picture: np.ndarray | bytes, **options: object) -> int:
        """Write a picture and index it; gives its id."""
        path = self.file(name, picture, **options)
        data = path.read_bytes()
        decoded = images.decode(data, min_side=64, limits=images.Limits())
        size = decoded.width, decoded.height
        row = Picture(
            files.identify(path),
            files.content_hash(data),
            *size,
            decoded.format,
            perceptual_hash(decoded.rgb),
        )
        with self.gallery.writing() as writing:
            return writing.put(SPACE, [row], self.embedder.embed_rgb(decoded.rgb)[None])[0]

    def remove(self, id_: int) -> None:
        """Take a picture out of the gallery."""
        with self.gallery.writing() as writing:
            writing.remove([id_])


def encoded(picture: np.ndarray, suffix: str = ".jpg", **options: object) -> bytes:
    """A picture as the bytes of a file."""
    file = BytesIO()
    kind = {".jpg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".webp": "WEBP"}[suffix]
    Image.fromarray(picture).save(file, kind, **({"quality": 95} if kind == "JPEG" else {}) | options)
    return file.getvalue()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


@pytest.fixture(scope="session")
def new_shelf() -> type[Shelf]:
    return Shelf


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    return encoded


@pytest.fixture
def reading() -> Iterator[Reading]:
    with Reading(1) as reading:
        yield reading


@pytest.fixture(scope="session")
def page() -> Any:
    """Draws a printed page that says a sum in the middle."""
    return drawn_page


def drawn_page(total: str, size: int = 22) -> np.ndarray:
    """A printed page that says a sum in the middle."""
    sheet = Image.new("RGB", (900, 1200), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=size)
    dice = np.random.default_rng(0)
    for y in range(60, 1140, 2 * size):
        words = ["".join(chr(97 + c) for c in dice.integers(0, 26, dice.integers(2, 9))) for _ in range(10)]
        draw.text((60, y), " ".join(words), fill=(20, 20, 30), font=font)
    draw.rectangle((520, 480, 820, 540), fill="white")
    draw.text((540, 494), f"Total: {total}", fill=(20, 20, 30), font=font)
    return np.asarray(sheet)
