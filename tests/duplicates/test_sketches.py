"""Sketches: read once, kept, and only ever those of the bytes that were indexed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike import files, images
from lookalike.duplicates import feature_store, sketches
from lookalike.duplicates.candidates import Patches
from lookalike.duplicates.features import Features, describe
from lookalike.duplicates.looks import sketch
from lookalike.duplicates.reading import Reader, Reading
from lookalike.duplicates.sketches import Sketches
from lookalike.errors import NotInCollection, PictureError
from lookalike.gallery.base import Picture
from lookalike.images import Decoded


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The heights of the pictures whose features were looked for, one for each call."""
    calls: list[int] = []

    def counted(rgb: np.ndarray) -> Features:
        calls.append(rgb.shape[0])
        return describe(rgb)

    monkeypatch.setattr(sketches, "describe", counted)
    return calls


def some(shelf: Any, photo: Callable[..., np.ndarray], count: int = 5) -> list[int]:
    return [shelf.put(f"{number}.jpg", photo(number)) for number in range(count)]


def pixels(shelf: Any, name: str) -> np.ndarray:
    """What a file shows, read without any of what is tested here."""
    data = (shelf.folder / name).read_bytes()
    return images.decode(data, min_side=1000, limits=images.Limits()).rgb


# --- reading ---------------------------------------------------------------------------------


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Reader() as reader:
        yield reader


def test_a_picture_is_read_as_it_was_indexed(shelf: Any, photo: Any, reader: Reader) -> None:
    row = shelf.gallery.get([shelf.put("a.png", photo(1))])[0]
    assert np.array_equal(reader.decoded(row, 100).rgb, photo(1))
    assert np.array_equal(reader.pixels(row), photo(1))
    assert reader.as_indexed(row) == Path(row.path).read_bytes() == reader.data(row.path)


def test_what_is_another_file_now_is_not_read(shelf: Any, photo: Any, encode: Any, reader: Reader) -> None:
    row = shelf.gallery.get([shelf.put("a.png", photo(1))])[0]
    shelf.file("a.png", photo(2))
    for read in (
        lambda: reader.decoded(row, 100),
        lambda: reader.pixels(row),
        lambda: reader.as_indexed(row),
    ):
        with pytest.raises(PictureError, match="has changed since it was indexed") as error:
            read()
        assert error.value.name == row.path
    Path(row.path).unlink()
    with pytest.raises(PictureError, match=r"a\.png: cannot be read"):
        reader.decoded(row, 100)


def test_what_cannot_be_decoded_is_named(shelf: Any, photo: Any, reader: Reader) -> None:
    row = shelf.gallery.get([shelf.put("a.png", photo(1))])[0]
    broken = replace(row, file=replace(row.file, path=str(shelf.file("b.png", b"nothing of the kind"))))
    broken = replace(broken, content=files.content_hash(b"nothing of the kind"))
    for read in (lambda: reader.decoded(broken, 100), lambda: reader.pixels(broken)):
        with pytest.raises(PictureError, match="not a picture") as error:
            read()
        assert error.value.name == broken.path


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_order(threads: int) -> None:
    with Reading(threads) as reading:
        assert list(reading.each(lambda number: number * 2, range(500))) == list(range(0, 1000, 2))
        assert list(reading.each(str, [])) == []


def test_only_some_are_worked_on_ahead() -> None:
    taken: list[int] = []

    def endless() -> Any:
        while True:
            taken.append(0)
            yield 0

    with Reading(2) as reading:
        results = reading.each(lambda number: number, endless())
        next(results)
        assert len(taken) <= 100


def test_errors_come_out_and_nothing_is_left_behind(shelf: Any, photo: Any) -> None:
    before = set(threading.enumerate())
    row = shelf.gallery.get([shelf.put("a.png", photo(1))])[0]

    def work(number: int) -> int:
        reading.reader.pixels(row)
        if number == 3:
            raise KeyError(number)
        return number

    reading = Reading(2)
    results = reading.each(work, range(100))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    helpers = [one._sandbox._helper for one in reading._open]  # type: ignore[union-attr]
    with pytest.raises(KeyError), reading:
        next(results)
    assert set(threading.enumerate()) == before
    assert helpers
    assert all(helper._process.poll() is not None for helper in helpers)


# --- features --------------------------------------------------------------------------------


def same_features(a: Features, b: Features) -> None:
    """Equal but for being kept in sixteen bits."""
    for name in ("points", "scales", "angles"):
        assert np.array_equal(getattr(a, name).astype(np.float16), getattr(b, name).astype(np.float16))
    assert np.array_equal(a.descriptors, b.descriptors)
    assert np.array_equal(a.mirrored, b.mirrored)


def test_a_sketch_is_that_of_the_picture_alone(shelf: Any, photo: Any, reading: Reading) -> None:
    ids = some(shelf, photo)
    known = Sketches(shelf.gallery, reading)
    assert known.prepare(ids) == []
    for number, id_ in enumerate(ids):
        alone = sketch(Decoded(pixels(shelf, f"{number}.jpg"), 320, 240, "array"))
        found = known.sketch(id_)
        same_features(found.features, alone.features)
        assert np.array_equal(found.look.grey, alone.look.grey)
        assert found.size == alone.size == (320, 240)


def test_features_are_kept_and_found_again(
    shelf: Any, photo: Any, reading: Reading, described: list[int]
) -> None:
    ids = some(shelf, photo)
    first = Sketches(shelf.gallery, reading)
    first.prepare(ids[:3])
    first.prepare(ids)
    assert len(described) == 5
    again = Sketches(shelf.gallery, reading)
    assert not again.has(ids[0])
    assert again.prepare(ids) == []
    assert len(described) == 5
    for id_ in ids:
        same_features(again.sketch(id_).features, first.sketch(id_).features)


def test_only_what_has_changed_or_come_is_described_again(
    shelf: Any, photo: Any, reading: Reading, described: list[int]
) -> None:
    ids = some(shelf, photo)
    Sketches(shelf.gallery, reading).prepare(ids)
    described.clear()
    assert shelf.put("2.jpg", photo(7, (200, 290))) == ids[2]
    shelf.remove(ids[4])
    ids[4] = shelf.put("new.jpg", photo(8, (200, 310)))
    for _ in range(2):
        known = Sketches(shelf.gallery, reading)
        assert known.prepare(ids) == []
        assert Counter(described) == {290: 1, 310: 1}
    same_features(known.sketch(ids[2]).features, describe(pixels(shelf, "2.jpg")))


@pytest.mark.parametrize("block", [1, 2, 3, 5])
def test_blocks_of_any_size_make_no_difference(
    shelf: Any,
    photo: Any,
    reading: Reading,
    described: list[int],
    monkeypatch: pytest.MonkeyPatch,
    block: int,
) -> None:
    monkeypatch.setattr(sketches, "KEPT", block)
    ids = some(shelf, photo)
    Sketches(shelf.gallery, reading).prepare(ids)
    known = Sketches(shelf.gallery, reading)
    known.prepare(ids)
    assert len(described) == 5
    for number, id_ in enumerate(ids):
        same_features(known.sketch(id_).features, describe(pixels(shelf, f"{number}.jpg")))


def slow_patches(known: Sketches, ids: Sequence[int]) -> set[tuple[Any, ...]]:
    """The obvious way: the features of each, one after the other."""
    found = set()
    for place, id_ in enumerate(ids):
        if known.has(id_):
            f = known.sketch(id_).features
            for row in range(len(f)):
                scale, angle = np.float16(f.scales[row]), np.float16(f.angles[row])
                found.add((place, scale, angle, f.descriptors[row].tobytes(), f.mirrored[row].tobytes()))
    return found


def listed(blocks: Sequence[Patches]) -> Iterator[tuple[Any, ...]]:
    """The patches that are not left out."""
    for block in blocks:
        places = np.repeat(block.places, np.diff(block.starts)).tolist()
        for row, place in enumerate(places):
            if place >= 0:
                plain, mirrored = block.descriptors[row].tobytes(), block.mirrored[row].tobytes()
                yield place, block.scales[row], block.angles[row], plain, mirrored


def test_patches_have_the_places_of_what_was_asked_for(
    shelf: Any, photo: Any, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketches, "KEPT", 2)
    ids = some(shelf, photo, 6)
    (shelf.folder / "4.jpg").unlink()
    known = Sketches(shelf.gallery, reading)
    assert [failure.path for failure in known.prepare(ids)] == [str(shelf.folder / "4.jpg")]
    for asked in (ids, ids[::-1], [ids[i] for i in (5, 0, 3)], [ids[4]], []):
        assert set(listed(known.patches(asked))) == slow_patches(known, asked)


def test_pictures_that_cannot_be_read_are_listed_each_time(shelf: Any, photo: Any, reading: Reading) -> None:
    ids = some(shelf, photo, 4)
    shelf.file("1.jpg", photo(9))
    (shelf.folder / "2.jpg").unlink()
    for _ in range(2):
        known = Sketches(shelf.gallery, reading)
        failed = known.prepare(ids)
        assert [Path(failure.path).name for failure in failed] == ["1.jpg", "2.jpg"]
        assert "has changed" in failed[0].reason
        assert "cannot be read" in failed[1].reason
        assert [known.has(id_) for id_ in ids] == [True, False, False, True]


def test_a_grey_picture_is_not_kept_from_before_a_change(shelf: Any, photo: Any, reading: Reading) -> None:
    ids = some(shelf, photo, 2)
    Sketches(shelf.gallery, reading).prepare(ids)
    shelf.file("1.jpg", photo(9))
    known = Sketches(shelf.gallery, reading)
    assert known.prepare(ids) == []  # nothing had to be read
    assert known.sketch(ids[0]).look.grey.shape == (240, 320)
    with pytest.raises(PictureError, match="has changed"):
        _ = known.sketch(ids[1]).look
    shelf.remove(ids[0])
    with pytest.raises(NotInCollection):
        known.sketch(ids[0])


def test_nothing_is_kept_while_somebody_else_writes(
    shelf: Any, photo: Any, reading: Reading, described: list[int]
) -> None:
    ids = some(shelf, photo)
    with shelf.gallery.writing():
        known = Sketches(shelf.gallery, reading)
        assert known.prepare(ids) == []
        assert all(map(known.has, ids))
    Sketches(shelf.gallery, reading).prepare(ids)
    assert len(described) == 10
    Sketches(shelf.gallery, reading).prepare(ids)
    assert len(described) == 10


def test_features_of_another_layout_are_made_again(
    shelf: Any, photo: Any, reading: Reading, described: list[int]
) -> None:
    ids = some(shelf, photo, 3)
    Sketches(shelf.gallery, reading).prepare(ids)
    name = next(name for name in shelf.gallery._arrays if name.startswith("features"))
    with shelf.gallery.writing() as writing:
        writing.keep_arrays(name, {"ids": np.array(ids), "other": np.zeros(3)})
    known = Sketches(shelf.gallery, reading)
    assert known.prepare(ids) == []
    assert len(described) == 6
    assert known.sketch(ids[2]).size == (320, 240)


@pytest.mark.parametrize("version", range(1, feature_store.VERSION))
def test_features_of_earlier_versions_are_removed(
    shelf: Any, photo: Any, reading: Reading, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    ids = some(shelf, photo, 3)
    old = {f"features-{version}-{number}" for number in (0, 1, 2)}
    with shelf.gallery.writing() as writing:
        for name in old | {"neighbours-1", "features-of-mine"}:
            writing.keep_arrays(name, {"ids": np.array(ids)})
        if version > 3:  # before, there was no note
            writing.set_note(f"duplicates/features-{version}", "[0, 1, 2]")
    with shelf.gallery.writing():  # it can wait
        assert Sketches(shelf.gallery, reading).prepare(ids) == []
        assert old <= shelf.gallery._arrays.keys()
    for _ in range(2):
        assert Sketches(shelf.gallery, reading).prepare(ids) == []
        kept = shelf.gallery._arrays.keys()
        assert not old & kept
        assert {"neighbours-1", "features-of-mine", f"features-{feature_store.VERSION}-0"} <= kept
        assert shelf.gallery.note(f"duplicates/features-{version}") is None


def test_a_picture_without_any_feature(shelf: Any, photo: Any, reading: Reading) -> None:
    ids = [shelf.put("blank.png", np.full((50, 70, 3), 200, np.uint8)), shelf.put("a.png", photo(1))]
    for _ in range(2):
        known = Sketches(shelf.gallery, reading)
        assert known.prepare(ids) == []
        assert len(known.sketch(ids[0]).features) == 0
        assert known.sketch(ids[0]).look.grey.shape == (50, 70)
        assert {patch[0] for patch in listed(known.patches(ids))} == {1}


# --- pictures outside the gallery --------------------------------------------------------------


def outside(path: Path) -> Picture:
    data = path.read_bytes()
    decoded = images.decode(data, min_side=64, limits=images.Limits())
    size = decoded.width, decoded.height
    return Picture(files.identify(path), files.content_hash(data), *size, decoded.format, 0, id=-1)


def test_others_are_described_but_not_kept(
    shelf: Any, photo: Any, reading: Reading, described: list[int]
) -> None:
    ids = some(shelf, photo, 3)
    others = {-1: outside(shelf.file("x.jpg", photo(20))), -2: outside(shelf.file("y.jpg", photo(21)))}
    for expected in (5, 7):  # those of the gallery are kept all the same
        known = Sketches(shelf.gallery, reading, others)
        assert known.prepare([*ids, -1, -2]) == []
        assert len(described) == expected
        same_features(known.sketch(-2).features, describe(pixels(shelf, "y.jpg")))
        assert known.picture(-1).path.endswith("x.jpg")
        assert {patch[0] for patch in listed(known.patches([-1, ids[0], -2]))} == {0, 1, 2}


def test_progress_tells_of_all(shelf: Any, photo: Any, reading: Reading) -> None:
    blank = np.zeros((20, 20, 3), np.uint8)
    ids = [shelf.put("a.png", photo(1))]
    for number in range(64):
        blank[0, 0] = number
        ids.append(shelf.put(f"{number}.bmp", blank))
    Sketches(shelf.gallery, reading).prepare(ids[:1])
    told: list[tuple[int, int]] = []
    Sketches(shelf.gallery, reading).prepare(ids, lambda done, all_: told.append((done, all_)))
    assert told == [(done, 65) for done in range(9, 66, 8)]
