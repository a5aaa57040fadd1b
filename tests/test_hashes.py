from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from lookalike.duplicates.hashes import hamming, perceptual_hash


def drawn(seed: int, width: int = 400, height: int = 300) -> Image.Image:
    """A picture of overlapping shaded blobs, different for each seed."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    x, y = x / width, y / height
    picture = np.full((height, width, 3), random.uniform(60, 220, 3))
    for _ in range(12):
        (cx, cy), radius = random.uniform(0, 1, 2), random.uniform(0.08, 0.3)
        distance = np.hypot((x - cx) * width / height, y - cy)
        inside = distance < radius
        shade = (1 - 0.5 * distance[inside] / radius)[:, None]
        picture[inside] = random.uniform(20, 255, 3) * shade
    return Image.fromarray(picture.astype(np.uint8))


def hashed(image: Image.Image) -> int:
    return perceptual_hash(np.array(image.convert("RGB")))


def slow_hash(rgb: np.ndarray) -> tuple[int, np.ndarray]:
    """The same by its definition, in float64 and without shrinking; also the distances from
    the median."""
    grey = rgb.astype(np.float64) @ [0.299, 0.587, 0.114]
    height, width = grey.shape
    waves = np.zeros((8, 8))
    for v in range(8):
        for u in range(8):
            down = np.cos((np.arange(height) + 0.5) * np.pi * v / height) * (2**0.5 if v else 1)
            across = np.cos((np.arange(width) + 0.5) * np.pi * u / width) * (2**0.5 if u else 1)
            waves[v, u] = (grey * np.outer(down, across)).mean()
    margin = waves - np.median(waves)
    bits = "".join("01"[int(value > 0)] for value in margin.ravel())
    number = int(bits, 2)
    return (number - 2**64 if number >= 2**63 else number), margin


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [(400, 300), (97, 131), (1100, 700)])
def test_the_hash_against_its_definition(seed: int, size: tuple[int, int]) -> None:
    rgb = np.array(drawn(seed, *size))
    expected, margin = slow_hash(rgb)
    unclear = int((abs(margin) < 0.5).sum())  # close to the median, where rounding decides
    assert hamming(perceptual_hash(rgb), expected) <= unclear
    assert unclear < 24


EDITS = {
    "half size": lambda image: image.resize((200, 150), Image.Resampling.LANCZOS),
    "odd size": lambda image: image.resize((291, 217), Image.Resampling.BICUBIC),
    "quarter size": lambda image: image.resize((100, 75), Image.Resampling.BOX),
    "double size": lambda image: image.resize((800, 600), Image.Resampling.BICUBIC),
    "grey": lambda image: image.convert("L"),
    "blur": lambda image: image.filter(ImageFilter.GaussianBlur(3)),
    "darker": lambda image: image.point(lambda value: value * 0.8),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edits_that_keep_the_hash(edit: str) -> None:
    distances = [hamming(hashed(drawn(seed)), hashed(EDITS[edit](drawn(seed)))) for seed in range(30)]
    assert max(distances) <= 6
    assert np.mean(distances) < 1.5


def test_encoding_again_keeps_the_hash(tmp_path) -> None:
    distances = []
    for seed in range(30):
        drawn(seed).save(tmp_path / "a.jpg", quality=30)
        with Image.open(tmp_path / "a.jpg") as again:
            distances.append(hamming(hashed(drawn(seed)), hashed(again)))
    assert max(distances) <= 6
    assert np.mean(distances) < 1.5


def test_other_pictures_are_far() -> None:
    hashes = [hashed(drawn(seed)) for seed in range(40)]
    distances = [hamming(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(distances) > 10
    assert 24 < np.mean(distances) < 40


@given(st.integers(1, 600), st.integers(1, 600), st.integers(0, 255))
def test_any_size_has_a_hash_and_plain_pictures_are_alike(width: int, height: int, grey: int) -> None:
    value = perceptual_hash(np.full((height, width, 3), grey, np.uint8))
    assert -(2**63) <= value < 2**63
    assert value == (-(2**63) if grey else 0)  # only the mean counts


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_hamming_against_the_obvious(a: int, b: int) -> None:
    def bits(number: int) -> str:
        return format(number % 2**64, "064b")

    assert hamming(a, b) == sum(x != y for x, y in zip(bits(a), bits(b), strict=True))
