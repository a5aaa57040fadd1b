"""What all pixels tell: enlarged and blurred copies, and pages that differ in one number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lookalike.duplicates.closely import differs
from lookalike.duplicates.edits import EDITS
from lookalike.duplicates.full_size import FullSize
from lookalike.duplicates.groups import UNREAD, Member, Star
from lookalike.duplicates.pairs import Match, Pair, Side
from lookalike.duplicates.sharpness import true_pixels

SIZE = 384 * 512
SAME = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def scaled(picture: np.ndarray, by: float, way: int = cv2.INTER_CUBIC) -> np.ndarray:
    height, width = picture.shape[:2]
    size = round(width * by), round(height * by)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if by < 1 else way), np.uint8)


# --- which shows more --------------------------------------------------------------------------


@pytest.fixture
def sharp(photo: Any) -> Any:
    """Drawn photos that are sharp to the pixel, 384 x 512."""
    return lambda number: scaled(photo(number, (768, 1024)), 0.5)


@pytest.mark.parametrize("way", [cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4])
@pytest.mark.parametrize("by", [1.5, 2.0])
def test_an_enlarged_picture_is_worth_what_it_shows(sharp: Any, by: float, way: int) -> None:
    larger = scaled(sharp(1), by, way)
    assert true_pixels(sharp(1), larger) == (SIZE, SIZE)
    assert true_pixels(larger, sharp(1)) == (SIZE, SIZE)


def test_a_picture_made_smaller_is_worth_less(sharp: Any) -> None:
    assert true_pixels(sharp(2), scaled(sharp(2), 0.5)) == (SIZE, SIZE // 4)


@pytest.mark.parametrize("by", [1.5, 2.5, 5.0])
def test_a_blurred_picture_is_worth_less_than_the_sharp_one(sharp: Any, by: float) -> None:
    blurred = np.asarray(cv2.GaussianBlur(sharp(3), (0, 0), by), np.uint8)
    kept, other = true_pixels(sharp(3), blurred)
    assert kept == SIZE
    assert other < kept
    assert true_pixels(blurred, sharp(3)) == (other, kept)


@pytest.mark.parametrize("name", ["noise", "sharpened", "jpeg-30", "light", "grey", "mirrored"])
def test_other_edits_make_nothing_worth_less(sharp: Any, name: str) -> None:
    edited = EDITS[name](sharp(4), [], np.random.default_rng(0))
    assert true_pixels(sharp(4), edited) == (SIZE, SIZE)


# --- whether a small place differs ---------------------------------------------------------------


@pytest.mark.parametrize("other", ["1433.20", "1438.70", "1238.20", "438.20"])
def test_one_number_makes_a_difference(page: Any, other: str) -> None:
    assert differs(page("1438.20"), page(other), SAME)


@pytest.mark.parametrize(
    "name", ["jpeg-30", "grey", "light", "noise", "sharpened", "quarter", "mirrored", "turned-3", "turned-90"]
)
def test_edits_of_a_page_make_none(page: Any, name: str) -> None:
    sheet = page("1438.20")
    edited = EDITS[name].apply(sheet, [], np.random.default_rng(0))
    (a, b, x), (c, d, y) = edited.transform.tolist()
    assert not differs(sheet, edited.pixels, ((a, b, x), (c, d, y)))


@pytest.mark.parametrize("name", ["jpeg-30", "light", "noise", "mirrored", "turned-3"])
def test_a_number_is_found_through_edits(page: Any, name: str) -> None:
    edited = EDITS[name].apply(page("1433.20"), [], np.random.default_rng(0))
    (a, b, x), (c, d, y) = edited.transform.tolist()
    assert differs(page("1438.20"), edited.pixels, ((a, b, x), (c, d, y)))


def test_nothing_to_compare_makes_no_difference() -> None:
    white = np.full((200, 200, 3), 255, np.uint8)
    assert not differs(white, white, SAME)
    assert not differs(white, white, ((1.0, 0.0, 500.0), (0.0, 1.0, 500.0)))


def _spoilt(path: Path) -> None:
    path.write_bytes(b"no picture")


@pytest.mark.parametrize("spoil", [Path.unlink, _spoilt])
def test_a_file_that_vanishes_or_changes_meanwhile_is_not_said_to_differ(
    shelf: Any, photo: Any, reading: Any, spoil: Any
) -> None:
    kept, read, lost = (shelf.put(f"{number}.png", photo(1)) for number in range(3))
    side = Side(1.0, 0.0, (0.0, 0.0, 1.0, 1.0))
    match = Match(9, SAME, 1.0, side, side)
    star = Star(kept, tuple(Member(Pair(kept, id_, "near", 1.0, 1.0, match)) for id_ in (read, lost)))
    spoil(shelf.folder / "2.png")
    looking = FullSize(reading, lambda id_: shelf.gallery.get([id_])[0], lambda done, all_: None)
    (seen,) = looking.without_different([star])
    assert [member.doubt for member in seen.members] == [None, UNREAD]
