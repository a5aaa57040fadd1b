"""How far places of one picture have moved against those of another one."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from lookalike import images
from lookalike.duplicates.drift import UNKNOWN, drift
from lookalike.duplicates.edits import EDITS
from lookalike.duplicates.features import grey_at
from lookalike.duplicates.laying import Laid, lay

SIZE = (192, 256)
STILL = 1.8
"""Between two photos and two copies: what the tests here must tell apart, with room on both sides."""


@pytest.fixture(scope="module")
def grey(photo: Any) -> Any:
    return lambda number: grey_at(photo(number, SIZE), 256)


def laid(first: np.ndarray, second: np.ndarray) -> Laid:
    return Laid(first, second, np.ones(first.shape, bool), np.eye(2, 3), 1)


def everywhere(picture: np.ndarray) -> np.ndarray:
    return np.ones([(side + 1) // 2 for side in picture.shape], bool)


def moved(picture: np.ndarray, right: Any, down: Any = 0.0) -> np.ndarray:
    """Each pixel moved by so much."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    way, edge = cv2.INTER_CUBIC, cv2.BORDER_REPLICATE
    return np.asarray(
        cv2.remap(picture, np.float32(x - right), np.float32(y - down), way, borderMode=edge), np.uint8
    )


def seen(first: np.ndarray, second: np.ndarray) -> float:
    return drift(laid(first, second), everywhere(first))


def test_a_picture_does_not_move_against_itself(grey: Any) -> None:
    assert seen(grey(1), grey(1)) < 0.2


@pytest.mark.parametrize("name", ["jpeg-30", "noise", "blurred", "sharpened", "light", "sepia", "duotone"])
def test_a_copy_does_not_move_whatever_was_done_to_its_tones(photo: Any, grey: Any, name: str) -> None:
    edited = EDITS[name](photo(1, SIZE), [], np.random.default_rng(0))
    assert seen(grey(1), grey_at(edited, 256)) < STILL


def test_a_movement_of_all_is_none(grey: Any) -> None:
    """The transform is exact but for a part of a pixel."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    picture = grey(2)
    assert seen(picture, moved(picture, 0.4, -0.3)) < STILL
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    assert seen(picture, moved(picture, 0.3 + 0.002 * x, 0.002 * y - 0.2)) < STILL


@pytest.mark.parametrize("pixels", [0.3, 0.6, 1.0])
def test_a_part_that_moved_by_some_tenths_of_a_pixel_is_seen(grey: Any, pixels: float) -> None:
    picture = grey(3)
    nearer = np.zeros(picture.shape, np.float32)
    nearer[60:140, 80:190] = pixels
    assert seen(picture, moved(picture, cv2.GaussianBlur(nearer, (0, 0), 4))) > STILL


def test_the_farther_it_moved_the_greater(grey: Any) -> None:
    picture = grey(4)
    wave = np.sin(np.arange(picture.shape[1]) / 20)[None].repeat(len(picture), 0)
    found = [seen(picture, moved(picture, size * wave)) for size in (0.0, 0.15, 0.3, 0.6)]
    assert found == sorted(found)


def test_noise_is_no_movement_but_hides_some(grey: Any) -> None:
    picture, dice = grey(5), np.random.default_rng(1)
    wave = 0.4 * np.sin(np.arange(picture.shape[1]) / 20)[None].repeat(len(picture), 0)
    noise = dice.normal(0, 15, picture.shape)
    still, bent = (np.clip(each + noise, 0, 255).astype(np.uint8) for each in (picture, moved(picture, wave)))
    assert seen(picture, still) < STILL < seen(picture, bent) < seen(picture, moved(picture, wave))


def test_a_smooth_thing_shows_it_at_its_outline() -> None:
    """As the frames of a turntable: small, with hardly any points that could be followed."""
    sheet = np.full((400, 400), 255, np.uint8)
    cv2.ellipse(sheet, (200, 200), (150, 110), 20, 0, 360, 90, -1)
    egg = cv2.resize(cv2.GaussianBlur(sheet, (0, 0), 3), (100, 100), interpolation=cv2.INTER_AREA)
    data = images.encode_jpeg(np.asarray(egg)[..., None].repeat(3, 2), 80)
    copy = images.decode(data, min_side=100, limits=images.Limits()).rgb[..., 0]
    left = 1 / (1 + np.exp((np.arange(100) - 35) / 4))[None].repeat(100, 0)  # turned away at this side
    assert seen(egg, np.ascontiguousarray(copy)) < STILL < seen(egg, moved(egg, left))


def test_where_nothing_agrees_or_is_shown_nothing_is_known(grey: Any) -> None:
    picture = grey(6)
    assert drift(laid(picture, picture), np.zeros_like(everywhere(picture))) == UNKNOWN
    hidden = Laid(picture, picture, np.zeros(picture.shape, bool), np.eye(2, 3), 1)
    assert drift(hidden, everywhere(picture)) == UNKNOWN
    tiny = picture[:3, :3].copy()
    assert drift(laid(tiny, tiny), everywhere(tiny)) == UNKNOWN


def test_few_places_say_little(grey: Any) -> None:
    picture = grey(1)
    one = np.zeros_like(everywhere(picture))
    one[46, 62] = True  # the place at (92, 124)
    assert UNKNOWN / 2 < drift(laid(picture, picture), one) < UNKNOWN


def test_large_letters_on_a_smooth_photo_are_no_reason_to_look_at_it_smaller(photo: Any) -> None:
    sharp = photo(2, (300, 400))
    smooth, blurred = (np.asarray(cv2.GaussianBlur(sharp, (0, 0), by)) for by in (3, 4))
    written = EDITS["meme"](smooth, [], np.random.default_rng(0))

    def shrunk(first: np.ndarray, second: np.ndarray) -> int:
        over = lay(grey_at(first, 320), grey_at(second, 320), np.eye(2, 3))
        assert over is not None
        return over.shrunk

    assert shrunk(smooth, written) == shrunk(smooth, smooth) == 1
    assert shrunk(sharp, blurred) > 1
