"""Fitting a collection's calibration: once, the same each time, and not led astray by its copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lookalike.duplicates import calibrating
from lookalike.duplicates.calibrating import EACH, FEWEST, KEY, PICTURES, calibrate, calibration_of
from lookalike.duplicates.calibration import NAMES, SHIPPED, Calibration
from lookalike.duplicates.edits import EDITS, Edit, Edited
from lookalike.duplicates.reading import Reading
from lookalike.duplicates.sketches import Sketches
from lookalike.neighbours import graph

Photo = Callable[..., np.ndarray]


@pytest.fixture
def few_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six pictures are edited, which is enough to see what is done with them."""
    monkeypatch.setattr(calibrating, "PICTURES", 6)


def filled(shelf: Any, photo: Photo, count: int = FEWEST, first: int = 0) -> list[int]:
    return [shelf.put(f"{number}.jpg", photo(number)) for number in range(first, first + count)]


def from_beside(picture: np.ndarray) -> np.ndarray:
    """Another photo of the same: what is near has moved more than what is far."""
    import cv2

    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    away = 9 * np.sin(x / 23) * np.cos(y / 19)
    return cv2.remap(picture, x + away, y + away / 2, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def calibrated(shelf: Any, threads: int = 1, **options: Any) -> Calibration:
    """What `calibration_of` gives, all sketches being there."""
    with Reading(threads) as reading:
        known = Sketches(shelf.gallery, reading)
        known.prepare([row.id for row in shelf.gallery.pictures()])
        return calibration_of(shelf.gallery, shelf.space, known, **options)


def test_it_is_fitted_on_edits_and_on_nearest_others(shelf: Any, photo: Photo, few_edits: None) -> None:
    for number in range(FEWEST // 2):
        shelf.put(f"{number}.jpg", photo(number))
        shelf.put(f"{number} from beside.jpg", from_beside(photo(number)))
    told: list[tuple[int, int]] = []
    fitted = calibrated(shelf, progress=lambda done, all_: told.append((done, all_)))
    assert told == [(done, 6) for done in range(1, 7)]
    assert fitted.found is not None
    assert 0.8 < fitted.found <= 1
    assert fitted.positives == round(fitted.found * 6 * EACH)
    assert 3 <= fitted.negatives <= 6 * 3
    assert fitted.images == FEWEST
    assert min(fitted.weights[:-1]) >= 0


def test_all_edits_have_their_turn() -> None:
    assert PICTURES * EACH % len(EDITS) == 0
    seen = {(picture * EACH + step) % len(EDITS) for picture in range(PICTURES) for step in range(EACH)}
    assert seen == set(range(len(EDITS)))


def test_it_is_the_same_each_time_and_for_any_threads(shelf: Any, photo: Photo, few_edits: None) -> None:
    filled(shelf, photo)
    fitted = []
    for threads in (1, 3):
        with Reading(threads) as reading:
            known = Sketches(shelf.gallery, reading)
            known.prepare([row.id for row in shelf.gallery.pictures()])
            fitted.append(calibrate(graph(shelf.gallery, shelf.space), known, FEWEST))
    assert fitted[0] == fitted[1]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of pictures for which a calibration was fitted."""
    calls: list[int] = []

    def fake(known: object, sketches: object, images: int, progress: object = None) -> Calibration:
        calls.append(images)
        return Calibration(tuple(float(images + i) for i in range(len(NAMES) + 1)), images=images)

    monkeypatch.setattr(calibrating, "calibrate", fake)
    return calls


def of(shelf: Any) -> Calibration:
    with Reading(1) as reading:
        return calibration_of(shelf.gallery, shelf.space, Sketches(shelf.gallery, reading))


def test_a_few_pictures_use_the_shipped_one(shelf: Any, photo: Photo, counted: list[int]) -> None:
    assert of(shelf) == SHIPPED
    filled(shelf, photo, FEWEST - 1)
    assert of(shelf) == SHIPPED
    assert counted == []
    assert shelf.gallery.note(KEY) is None
    shelf.put("one more.jpg", photo(99))
    assert of(shelf).images == FEWEST
    assert counted == [FEWEST]


def test_it_is_fitted_once_and_again_when_the_collection_has_doubled(
    shelf: Any, photo: Photo, counted: list[int]
) -> None:
    ids = filled(shelf, photo, 14)
    first = of(shelf)
    assert [of(shelf) for _ in range(2)] == [first, first]
    ids += filled(shelf, photo, 13, first=14)
    assert of(shelf) == first
    ids += filled(shelf, photo, 1, first=27)
    second = of(shelf)
    assert second.images == 28
    assert of(shelf) == second
    assert counted == [14, 28]
    for id_ in ids[:14]:
        shelf.remove(id_)
    assert of(shelf).images == 14
    assert counted == [14, 28, 14]
    shelf.remove(ids[14])
    shelf.remove(ids[15])
    shelf.remove(ids[16])
    assert of(shelf).images == 14  # few as they are by now, they still have their own
    assert counted == [14, 28, 14]


def test_a_note_that_cannot_be_read_is_made_anew(shelf: Any, photo: Photo, counted: list[int]) -> None:
    filled(shelf, photo)
    with shelf.gallery.writing() as writing:
        writing.set_note(KEY, '{"weights": [1, 2]}')
    assert of(shelf).images == FEWEST
    assert counted == [FEWEST]


def test_while_somebody_else_writes_it_serves_without_being_kept(
    shelf: Any, photo: Photo, counted: list[int]
) -> None:
    filled(shelf, photo)
    with shelf.gallery.writing():
        assert of(shelf).images == FEWEST
    assert shelf.gallery.note(KEY) is None
    of(shelf)
    assert shelf.gallery.note(KEY) is not None
    assert counted == [FEWEST, FEWEST]


def test_copies_in_the_collection_are_no_negatives(
    photo: Photo, new_shelf: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a collection may be copies of the other half: they are nearest to each other, and are not
    taken for pairs of different pictures."""
    monkeypatch.setattr(calibrating, "PICTURES", 24)
    monkeypatch.setattr(calibrating, "EACH", 1)
    shelf = new_shelf(tmp_path / "copies")
    filled(shelf, photo)
    for number in range(FEWEST):
        shelf.put(f"{number} again.jpg", photo(number), quality=60)
    fitted = calibrated(shelf)
    assert fitted.negatives <= 2 * FEWEST * 3 - 2 * FEWEST  # each has its copy among its three nearest
    probabilities = []
    from lookalike.duplicates.finding import compare

    with Reading(1) as reading:
        known = Sketches(shelf.gallery, reading)
        rows = {row.path.rsplit("/", 1)[1]: row.id for row in shelf.gallery.pictures()}
        known.prepare(list(rows.values()))
        for number in range(FEWEST):
            pair = known.sketch(rows[f"{number}.jpg"]), known.sketch(rows[f"{number} again.jpg"])
            seen = compare(*pair, fitted)
            assert seen is not None
            probabilities.append(seen.probability)
    assert min(probabilities) > 0.99


def test_pictures_that_cannot_be_read_are_passed_over(shelf: Any, photo: Photo, few_edits: None) -> None:
    filled(shelf, photo)
    for number in range(4):
        (shelf.folder / f"{number}.jpg").unlink()
    fitted = calibrated(shelf)
    assert 0 < fitted.positives <= 6 * EACH
    for number in range(4, FEWEST):
        (shelf.folder / f"{number}.jpg").unlink()
    with shelf.gallery.writing() as writing:
        writing.set_note(KEY, None)
    nothing = calibrated(shelf)
    assert (nothing.positives, nothing.negatives, nothing.found) == (0, 0, None)
    assert nothing.weights == SHIPPED.weights


def test_an_edit_that_was_found_in_the_wrong_place_is_no_positive(photo: Photo) -> None:
    edited = EDITS["crop-50"].apply(photo(1), [], np.random.default_rng(0))
    height, width = edited.pixels.shape[:2]
    true = edited.transform.copy()
    true[:, :2] *= 320 / max(width, height)
    true[:, 2] /= max(width, height)
    assert calibrating._placed(true, edited, (320, 240))
    for column, row in ((0, 0), (1, 1), (2, 0), (2, 1)):
        wrong = true.copy()
        wrong[row, column] += 0.2
        assert not calibrating._placed(wrong, edited, (320, 240))
    mirrored = EDITS["mirrored"].apply(photo(1), [], np.random.default_rng(0))
    assert not calibrating._placed(true, mirrored, (320, 240))


def test_only_edits_that_were_found_where_they_are_count(
    shelf: Any, photo: Photo, few_edits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lies(picture: np.ndarray, others: object, dice: object) -> Edited:
        return Edited(picture, np.array([[1.0, 0.0, 60.0], [0.0, 1.0, 0.0]]))

    filled(shelf, photo)
    monkeypatch.setattr(calibrating, "EDITS", {"jpeg-30": EDITS["jpeg-30"], "lies": Edit("edited", lies)})
    fitted = calibrated(shelf)
    assert fitted.found == 0.5
    assert fitted.positives == 6 * EACH // 2
