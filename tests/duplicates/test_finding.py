"""Finding copies: what two pictures are to each other, and which pairs are found at all."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.duplicates import finding
from lookalike.duplicates.calibration import SHIPPED
from lookalike.duplicates.edits import EDITS, moved
from lookalike.duplicates.finding import Compared, Finder, compare
from lookalike.duplicates.looks import Sketch, sketch
from lookalike.duplicates.pairs import Pair
from lookalike.duplicates.reading import Reading
from lookalike.duplicates.sketches import Sketches
from lookalike.gallery.base import Picture
from lookalike.images import Decoded

Photo = Callable[..., np.ndarray]


def sketched(pixels: np.ndarray) -> Sketch:
    height, width = pixels.shape[:2]
    return sketch(Decoded(np.ascontiguousarray(pixels), width, height, "array"))


@pytest.fixture(scope="module")
def edited(photo: Photo) -> Callable[[str, int], tuple[Compared, Any]]:
    """Compares a picture with an edit of it; gives what that showed, and the edit."""

    def one(name: str, number: int = 1) -> tuple[Compared, Any]:
        picture = photo(number)
        edit = EDITS[name].apply(picture, [photo(80), photo(81), photo(82)], np.random.default_rng(number))
        seen = compare(sketched(picture), sketched(edit.pixels), SHIPPED)
        assert seen is not None, name
        return seen, edit

    return one


# --- two pictures ----------------------------------------------------------------------------

WHOLE = ["jpeg-30", "quarter", "grey", "warm", "light", "blurred", "sharpened", "noise", "sepia", "square"]
MOVED = [
    "crop-80",
    "crop-50",
    "crop-25",
    "mirrored",
    "upside-down",
    "turned-90",
    "turned-180",
    "turned-270",
    "turned-10",
    "turned-25-inside",
    "border",
    "blurred-border",
    "screenshot",
    "collage",
    "pasted",
    "watermark",
    "meme",
]


@pytest.mark.parametrize("name", WHOLE + MOVED)
def test_an_edit_has_its_kind_and_its_place(edited: Any, name: str) -> None:
    seen, edit = edited(name)
    assert seen.kind == EDITS[name].kind
    assert seen.probability > 0.99
    height, width = edit.pixels.shape[:2]
    corners = np.array([(0, 0), (320, 0), (320, 240), (0, 240)], float)
    off = np.abs(moved(seen.match.transform, corners) - moved(edit.transform, corners)).max()
    assert off < max(1.5, 0.01 * max(width, height))
    assert seen.match.scale == pytest.approx(abs(np.linalg.det(edit.transform[:, :2])) ** 0.5, rel=0.02)


@pytest.mark.parametrize("name", MOVED)
def test_boxes_and_overlaps_are_those_of_the_edit(edited: Any, name: str) -> None:
    """The slow way: which pixels of the one fall inside the other, one by one."""
    seen, edit = edited(name)
    height, width = edit.pixels.shape[:2]

    def shown(transform: np.ndarray, frame: tuple[int, int], inside: tuple[int, int]) -> np.ndarray:
        y, x = np.mgrid[0 : frame[1], 0 : frame[0]] + 0.5
        there = moved(transform, np.column_stack([x.ravel(), y.ravel()]))
        return ((there > 0) & (there < inside)).all(axis=1).reshape(frame[::-1])

    back = np.linalg.inv(np.vstack([edit.transform, (0, 0, 1)]))[:2]
    for side, mask in (
        (seen.match.first, shown(edit.transform, (320, 240), (width, height))),
        (seen.match.second, shown(back, (width, height), (320, 240))),
    ):
        assert side.overlap == pytest.approx(mask.mean(), abs=0.02)
        assert 0 <= side.overlap <= 1
        assert 0 <= side.extra <= 1
        x, y, w, h = side.box
        assert min(side.box) >= 0
        if name not in ("turned-10", "turned-25-inside"):  # a turned frame's box is larger than what it shows
            ys, xs = np.nonzero(mask)
            expected = xs.min(), ys.min(), xs.max() + 1 - xs.min(), ys.max() + 1 - ys.min()
            assert side.box == pytest.approx(expected, abs=max(mask.shape) * 0.012 + 0.6)
        assert x + w <= mask.shape[1] + 0.1
        assert y + h <= mask.shape[0] + 0.1


def test_what_only_one_of_them_shows(edited: Any) -> None:
    crop = edited("crop-50")[0].match
    assert crop.first.extra == pytest.approx(0.5, abs=0.02)
    assert crop.second.extra == 0
    border = edited("border")[0].match
    assert (border.first.extra, border.second.extra) == (0, 0)  # a plain border shows nothing
    pasted = edited("pasted")[0].match
    assert pasted.first.extra == 0
    assert pasted.second.extra > 0.5


def test_the_other_way_round_is_the_inverse(photo: Photo) -> None:
    for name in ("crop-50", "turned-90", "mirrored", "pasted"):
        picture = photo(3)
        edit = EDITS[name].apply(picture, [photo(80)], np.random.default_rng(3))
        a, b = sketched(picture), sketched(edit.pixels)
        forth, back = compare(a, b, SHIPPED), compare(b, a, SHIPPED)
        assert forth
        assert back
        assert forth.kind == back.kind == "edited"
        turned = back.match.reversed()
        corners = np.array([(0, 0), (320, 0), (0, 240)], float)
        assert moved(turned.transform, corners) == pytest.approx(
            moved(forth.match.transform, corners), abs=2.5
        )
        assert turned.first.overlap == pytest.approx(forth.match.first.overlap, abs=0.02)


def test_different_pictures_are_no_copies(photo: Photo) -> None:
    all_ = [sketched(photo(number)) for number in range(10)]
    for a, b in itertools.combinations(all_, 2):
        seen = compare(a, b, SHIPPED)
        assert seen is None or seen.probability < 0.1


def test_all_pixels_are_only_compared_where_they_may_be_the_same(photo: Photo) -> None:
    asked: list[int] = []

    def never() -> bool:
        asked.append(1)
        return False

    def always() -> bool:
        return True

    picture = photo(4)
    same = sketched(picture)
    assert compare(same, sketched(picture.copy()), SHIPPED, always).kind == "pixels"  # type: ignore[union-attr]
    assert compare(same, sketched(picture.copy()), SHIPPED, never).kind == "near"  # type: ignore[union-attr]
    assert asked
    asked.clear()
    half = np.ascontiguousarray(picture[::2, ::2])
    for other in (half, picture[:, ::-1], 255 - picture, photo(5)):
        compare(same, sketched(other), SHIPPED, never)
    assert asked == []


def test_pictures_without_details() -> None:
    white = sketched(np.full((60, 80, 3), 255, np.uint8))
    grey = sketched(np.full((60, 80, 3), 128, np.uint8))
    small = sketched(np.full((30, 40, 3), 255, np.uint8))
    assert compare(white, white, SHIPPED) is None
    same = compare(white, white, SHIPPED, lambda: True)
    assert same is not None
    assert (same.kind, same.probability) == ("pixels", 1.0)
    assert same.match.first.box == same.match.second.box == (0, 0, 80, 60)
    assert compare(white, grey, SHIPPED, lambda: True) is None
    assert compare(white, small, SHIPPED, lambda: True) is None


def test_the_smallest_pictures(photo: Photo) -> None:
    tiny = [sketched(photo(1)[:h, :w]) for h, w in ((1, 1), (1, 40), (2, 3), (9, 9))]
    for a, b in itertools.product([*tiny, sketched(photo(1))], repeat=2):
        seen = compare(a, b, SHIPPED)
        assert seen is None or 0 <= seen.probability <= 1


# --- all copies of a gallery -------------------------------------------------------------------


class Found:
    """What a finder found, by file names."""

    def __init__(self, shelf: Any, finder: Finder) -> None:
        result = finder.find()
        self.finder = finder
        self.recall = result.graph_recall
        self.failed = {Path(failure.path).name: failure.reason for failure in result.failed}
        self._names = {row.id: Path(row.path).name for row in shelf.gallery.pictures()}
        self.pairs = {self._key(pair): pair for pair in result.pairs}
        assert len(self.pairs) == len(result.pairs), "a pair twice"

    def _key(self, pair: Pair) -> frozenset[str]:
        return frozenset(self._names.get(id_, f"other {id_}") for id_ in (pair.first, pair.second))

    @property
    def kinds(self) -> dict[str, str]:
        return {" ".join(sorted(key)): pair.kind for key, pair in self.pairs.items()}

    @property
    def sets(self) -> set[frozenset[str]]:
        """The names that pairs link, directly or through others."""
        sets: list[set[str]] = []
        for key in self.pairs:
            touched = [one for one in sets if one & key]
            sets = [one for one in sets if not one & key] + [set(key).union(*touched)]
        return {frozenset(one) for one in sets}


@pytest.fixture
def find(shelf: Any) -> Callable[..., Found]:
    def find(threads: int = 1, precision: float = 0.99, others: dict[int, Picture] | None = None) -> Found:
        with Reading(threads) as reading:
            known = Sketches(shelf.gallery, reading, others)
            vectors = {}
            for id_, row in (others or {}).items():
                vectors[id_] = shelf.embedder.embed_rgb(reading.reader.decoded(row, 64).rgb)
            finder = Finder(
                shelf.gallery, shelf.space, known, lambda: SHIPPED, precision, others or {}, vectors
            )
            return Found(shelf, finder)

    return find


def test_each_kind_of_copy(shelf: Any, photo: Photo, encode: Any, find: Any) -> None:
    a, b, c = (photo(number) for number in (1, 2, 3))
    shelf.put("a.jpg", a)
    shelf.put("a again.jpg", a)
    shelf.put("b.png", b)
    shelf.put("b.bmp", b)
    jpeg = encode(c)
    shelf.put("c.jpg", jpeg)
    exif = Image.Exif()
    exif[271] = "A camera"
    shelf.put("c tagged.jpg", jpeg[:2] + b"\xff\xe1" + _segment(exif.tobytes()) + jpeg[2:])
    shelf.put("c decoded.png", _decoded(shelf.folder / "c.jpg"))
    shelf.put("d.jpg", photo(4))
    shelf.put("d small.jpg", EDITS["quarter"].apply(photo(4), [], np.random.default_rng(0)).pixels)
    shelf.put("e.jpg", photo(5))
    shelf.put("e crop.jpg", photo(5)[20:200, 60:280])
    shelf.put("f.jpg", photo(6))
    found = find()
    kinds = found.kinds
    assert kinds["a again.jpg a.jpg"] == "exact"
    assert kinds["b.bmp b.png"] == "pixels"
    assert {kind for names, kind in kinds.items() if "c" in names.split(".")[0].split()} == {"pixels"}
    assert kinds["d small.jpg d.jpg"] == "near"
    assert kinds["e crop.jpg e.jpg"] == "edited"
    groups = {"a.jpg a again.jpg", "b.png b.bmp", "d.jpg d small.jpg", "e.jpg e crop.jpg"}
    expected = {frozenset(_names(group)) for group in groups}
    assert found.sets == expected | {frozenset({"c.jpg", "c tagged.jpg", "c decoded.png"})}
    for pair in found.pairs.values():
        assert pair.similarity is not None
        assert -1 <= pair.similarity <= 1
        assert (pair.match is None) == (pair.kind == "exact")
        assert pair.probability == 1.0 or pair.kind in ("near", "edited")
        assert pair.first < pair.second
    assert found.recall == 1.0
    assert found.failed == {}


def _segment(exif: bytes) -> bytes:
    return (len(exif) + 2).to_bytes(2, "big") + exif


def _decoded(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _names(group: str) -> list[str]:
    import re

    return re.findall(r"\w[\w ]*\.\w+", group)


def test_nothing_is_found_where_there_is_nothing(shelf: Any, photo: Photo, find: Any) -> None:
    assert find().pairs == {}
    shelf.put("a.jpg", photo(1))
    assert find().pairs == {}
    shelf.put("b.jpg", photo(2))
    assert find().pairs == {}
    shelf.put("c.jpg", photo(2)[:, ::-1])
    assert find().kinds == {"b.jpg c.jpg": "edited"}


def test_many_times_the_same_bytes(shelf: Any, photo: Photo, find: Any) -> None:
    for number in range(30):
        shelf.put(f"{number:02}.jpg", photo(1))
    found = find()
    assert set(found.kinds.values()) == {"exact"}
    assert len(found.pairs) == 29
    assert len(found.sets) == 1
    assert found.finder.compared == 0
    ids = sorted(row.id for row in shelf.gallery.pictures())
    pair = found.finder.compare(ids[7], ids[3])
    assert pair == Pair(ids[7], ids[3], "exact", 1.0, 1.0)


def test_a_copy_of_something_that_is_there_many_times(shelf: Any, photo: Photo, find: Any) -> None:
    """The copies of the same bytes take all places among the nearest neighbours."""
    shelf.put("crop.jpg", photo(1)[10:230, 15:300])
    for number in range(30):
        shelf.put(f"{number:02}.jpg", photo(1))
    found = find()
    assert found.kinds["00.jpg crop.jpg"] == "edited"
    ids = {Path(row.path).name: row.id for row in shelf.gallery.pictures()}
    pair = found.finder.compare(ids["17.jpg"], ids["crop.jpg"])
    assert pair is not None
    assert (pair.first, pair.second, pair.kind) == (ids["17.jpg"], ids["crop.jpg"], "edited")
    back = found.finder.compare(ids["crop.jpg"], ids["17.jpg"])
    assert back is not None
    assert np.array(back.reversed().match.transform) == pytest.approx(
        np.array(pair.match.transform), abs=1e-6
    )


def test_a_hundred_blank_pictures_do_not_explode(shelf: Any, photo: Photo, find: Any) -> None:
    blank = np.full((40, 60, 3), 250, np.uint8)
    shelf.put("a.jpg", photo(1))
    for number in range(100):
        shelf.put(f"{number:03}.png", _with_text(blank, str(number)))
    found = find()
    assert found.sets == {frozenset(f"{number:03}.png" for number in range(100))}
    assert set(found.kinds.values()) == {"pixels"}
    assert found.finder.compared < 600  # of 4,950 pairs


def _with_text(picture: np.ndarray, text: str) -> bytes:
    """A PNG with a comment: other bytes, the same pixels."""
    from io import BytesIO

    from PIL.PngImagePlugin import PngInfo

    info, file = PngInfo(), BytesIO()
    info.add_text("Comment", text)
    Image.fromarray(picture).save(file, "PNG", pnginfo=info)
    return file.getvalue()


# --- candidates --------------------------------------------------------------------------------


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let these ways to candidates lead nowhere."""
    from lookalike.duplicates.candidates import Voted

    no_pairs = np.zeros((0, 2), np.int64)
    answers = {
        "by_hash": no_pairs,
        "by_features": Voted(no_pairs, np.zeros(0, np.int64), np.zeros(0, bool)),
        "by_neighbours": no_pairs,
    }
    for name in names:
        monkeypatch.setattr(finding, name, lambda *_, name=name, **__: answers[name])


def three_copies(shelf: Any, photo: Photo) -> None:
    """One that hashes find, one that features find, one that neighbours find."""
    for number in range(6):
        shelf.put(f"{number}.jpg", photo(number))
    shelf.put("grey.jpg", EDITS["grey"].apply(photo(0), [], np.random.default_rng(0)).pixels)
    shelf.put("crop.jpg", photo(1)[100:220, 150:310])
    shelf.put("turned.jpg", EDITS["turned-3"].apply(photo(2), [], np.random.default_rng(0)).pixels)


@pytest.mark.parametrize(
    ("way", "wanted", "unseen"),
    [
        ("by_hash", "0.jpg grey.jpg", "1.jpg crop.jpg"),
        ("by_features", "1.jpg crop.jpg", ""),
        ("by_neighbours", "2.jpg turned.jpg", ""),
    ],
)
def test_every_way_leads_to_copies(
    shelf: Any, photo: Photo, find: Any, monkeypatch: pytest.MonkeyPatch, way: str, wanted: str, unseen: str
) -> None:
    three_copies(shelf, photo)
    without(monkeypatch, *({"by_hash", "by_features", "by_neighbours"} - {way}))
    kinds = find().kinds
    assert wanted in kinds
    assert unseen not in kinds
    without(monkeypatch, way)
    assert find().pairs == {}


# --- the same answer ---------------------------------------------------------------------------


def mixed(photo: Photo) -> dict[str, np.ndarray]:
    """Originals and edits, by file name."""
    pictures = {f"{number}.jpg": photo(number) for number in range(9)}
    names = ("quarter", "crop-50", "mirrored", "turned-10", "border", "grey", "turned-90", "crop-80")
    for number, name in enumerate(names):
        edit = EDITS[name].apply(photo(number), [photo(8)], np.random.default_rng(number))
        pictures[f"{number} {name}.jpg"] = edit.pixels
    pictures["1 again.jpg"] = photo(1)
    pictures["1 grey.jpg"] = EDITS["grey"].apply(photo(1), [], np.random.default_rng(0)).pixels
    return pictures


def expected_sets(pictures: dict[str, np.ndarray]) -> set[frozenset[str]]:
    by_number: dict[str, set[str]] = {}
    for name in pictures:
        by_number.setdefault(name[0], set()).add(name)
    return {frozenset(names) for names in by_number.values() if len(names) > 1}


def test_all_copies_are_found_and_nothing_else(shelf: Any, photo: Photo, find: Any) -> None:
    pictures = mixed(photo)
    for name, picture in pictures.items():
        shelf.put(name, picture)
    first = find()
    assert first.sets == expected_sets(pictures)
    for threads in (1, 4):
        again = find(threads)
        assert again.pairs == first.pairs
        assert again.finder.compared == first.finder.compared


def test_the_order_of_indexing_makes_no_difference(
    photo: Photo, new_shelf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = mixed(photo)
    for seed in range(2):
        shelf = new_shelf(tmp_path / str(seed))
        for place in np.random.default_rng(seed).permutation(len(pictures)):
            name = list(pictures)[place]
            shelf.put(name, pictures[name])
        with Reading(1) as reading:
            finder = Finder(
                shelf.gallery, shelf.space, Sketches(shelf.gallery, reading), lambda: SHIPPED, 0.99
            )
            assert Found(shelf, finder).sets == expected_sets(pictures)


def test_after_changes_it_is_as_if_started_anew(
    shelf: Any, photo: Photo, find: Any, new_shelf: Any, tmp_path: Path
) -> None:
    pictures = mixed(photo)
    for name, picture in pictures.items():
        shelf.put(name, picture)
    find()
    rows = {Path(row.path).name: row.id for row in shelf.gallery.pictures()}
    shelf.remove(rows["0.jpg"])
    shelf.put("2.jpg", photo(20))
    shelf.put("new.jpg", photo(7)[:, ::-1])
    found = find()
    assert found.failed == {}
    after = {name: picture for name, picture in pictures.items() if name != "0.jpg"}
    after |= {"2.jpg": photo(20), "new.jpg": photo(7)[:, ::-1]}
    assert ["2 mirrored.jpg" in one for one in found.sets] == [False] * len(found.sets)
    assert frozenset({"7.jpg", "7 crop-80.jpg", "new.jpg"}) in found.sets
    fresh = new_shelf(tmp_path / "fresh")
    for name, picture in after.items():
        fresh.put(name, picture)
    with Reading(1) as reading:
        finder = Finder(fresh.gallery, fresh.space, Sketches(fresh.gallery, reading), lambda: SHIPPED, 0.99)
        anew = Found(fresh, finder)
    assert anew.sets == found.sets
    assert anew.kinds == found.kinds


# --- what is asked -----------------------------------------------------------------------------


def test_higher_precision_gives_less(shelf: Any, photo: Photo, find: Any) -> None:
    for number in range(6):
        shelf.put(f"{number}.jpg", photo(number))
        hard = EDITS["crop-10" if number % 2 else "pasted"].apply(
            photo(number), [photo(90)], np.random.default_rng(number)
        )
        shelf.put(f"{number} hard.jpg", hard.pixels)
    shelf.put("0 again.jpg", photo(0))
    before: set[frozenset[str]] | None = None
    for precision in (0.01, 0.9, 0.99, 0.999999, 1.0):
        found = find(precision=precision)
        keys = set(found.pairs)
        assert all(pair.probability >= precision for pair in found.pairs.values())
        assert before is None or keys <= before
        before = keys
    assert before is not None
    assert frozenset({"0.jpg", "0 again.jpg"}) in before


def test_a_picture_that_holds_two_copies_is_no_bridge_between_them(
    shelf: Any, photo: Photo, find: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither can go for its sake, so they have to be compared with each other."""
    import cv2

    canvas = photo(2, (640, 480)).copy()
    canvas[100:268, 100:324] = cv2.resize(photo(1), (224, 168), interpolation=cv2.INTER_AREA)
    ids = [
        shelf.put("holds it.jpg", canvas),
        shelf.put("a.jpg", photo(1)),
        shelf.put("crop.jpg", photo(1)[10:220, 15:310]),
    ]
    # The worst order: both with the one that holds them, before each other.
    order = [(ids[0], ids[1]), (ids[0], ids[2]), (ids[1], ids[2])]
    monkeypatch.setattr(finding, "_BATCH", 1)
    monkeypatch.setattr(Finder, "_candidates", lambda *_: (np.array(order), None))
    assert set(find().kinds) == {"a.jpg holds it.jpg", "crop.jpg holds it.jpg", "a.jpg crop.jpg"}


def test_copies_that_are_linked_are_not_all_compared(
    shelf: Any, photo: Photo, find: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [shelf.put(f"{q}.jpg", photo(1), quality=q) for q in range(70, 82)]
    monkeypatch.setattr(finding, "_BATCH", 4)
    monkeypatch.setattr(
        Finder, "_candidates", lambda *_: (np.array(list(itertools.combinations(ids, 2))), None)
    )
    found = find()
    assert len(found.sets) == 1
    assert found.finder.compared < 20  # of 66


# --- files that are not what they were ---------------------------------------------------------


def test_what_changed_or_vanished_is_listed_and_no_copy(shelf: Any, photo: Photo, find: Any) -> None:
    for number in range(4):
        shelf.put(f"{number}.jpg", photo(number))
        shelf.put(f"{number} crop.jpg", photo(number)[10:230, 20:310])
    for _ in range(2):  # without kept features, and with them
        assert len(find().pairs) == 4
    shelf.file("0.jpg", photo(30))
    (shelf.folder / "1 crop.jpg").unlink()
    shelf.file("2.jpg", b"nothing of the kind")
    found = find()
    assert found.kinds == {"3 crop.jpg 3.jpg": "edited"}
    assert set(found.failed) == {"0.jpg", "1 crop.jpg", "2.jpg"}
    assert "has changed" in found.failed["0.jpg"]
    assert "cannot be read" in found.failed["1 crop.jpg"]


def test_missing_pictures_are_left_out(shelf: Any, photo: Photo, find: Any) -> None:
    for name in ("a.jpg", "b.jpg"):
        shelf.put(name, photo(1))
    crop = shelf.put("crop.jpg", photo(1)[10:230, 20:310])
    first = shelf.gallery.at_path(str(shelf.folder / "a.jpg")).id
    (shelf.folder / "a.jpg").unlink()
    with shelf.gallery.writing() as writing:
        writing.mark_missing([first])
    found = find()
    assert found.kinds == {"b.jpg crop.jpg": "edited"}
    assert found.failed == {}
    with shelf.gallery.writing() as writing:
        writing.mark_missing([crop])
    assert find().pairs == {}


# --- pictures outside the gallery --------------------------------------------------------------


def outside(shelf: Any, id_: int, name: str, picture: np.ndarray) -> Picture:
    from dataclasses import replace

    shelf.put(name, picture)
    row = shelf.gallery.at_path(str(shelf.folder / name))
    shelf.remove(row.id)
    return replace(row, id=id_)


def test_only_pairs_of_an_other_one_and_one_of_the_gallery(shelf: Any, photo: Photo, find: Any) -> None:
    shelf.put("a.jpg", photo(1))
    shelf.put("a mirrored.jpg", photo(1)[:, ::-1])
    shelf.put("b.jpg", photo(2))
    shelf.put("b again.jpg", photo(2))
    for number in range(3, 7):
        shelf.put(f"{number}.jpg", photo(number))
    pictures = [photo(1)[10:230, 20:310], photo(2), photo(9), photo(9), photo(5)[::2, ::2]]
    others = {-1 - i: outside(shelf, -1 - i, f"new {i}.jpg", picture) for i, picture in enumerate(pictures)}
    for _ in range(2):
        found = find(others=others)
        assert found.recall is None
        assert all(
            min(pair.first, pair.second) < 0 < max(pair.first, pair.second) for pair in found.pairs.values()
        )
        ids = {next(iter(name for name in key if name.startswith("other"))) for key in found.pairs}
        assert ids == {"other -1", "other -2", "other -5"}
        assert found.pairs[frozenset({"b.jpg", "other -2"})].kind == "exact"
        assert found.pairs[frozenset({"5.jpg", "other -5"})].kind == "near"
