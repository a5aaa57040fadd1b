"""One search, from pictures to groups: which is kept, what is proposed, and what is listed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from lookalike import files, images
from lookalike.duplicates import calibrating
from lookalike.duplicates import groups as stars_of
from lookalike.duplicates.edits import EDITS
from lookalike.duplicates.keep import Policy
from lookalike.duplicates.reading import Reading
from lookalike.duplicates.search import Request, Search
from lookalike.results import Copy, Duplicates

Photo = Callable[..., np.ndarray]
Groups = dict[str, dict[str, str]]


def asked(
    precision: float = 0.99, keep: str = "", reference: Sequence[Path] = (), bursts: bool = False
) -> Request:
    policy = Policy.parse(keep) if keep else Policy()
    return Request(precision, policy, tuple(map(str, reference)), bursts)


@pytest.fixture
def within(shelf: Any) -> Callable[..., Duplicates]:
    def within(threads: int = 1, progress: Any = None, **options: Any) -> Duplicates:
        with Reading(threads) as reading:
            return Search(shelf.gallery, shelf.space, reading, asked(**options), progress).within()

    return within


@pytest.fixture
def among(shelf: Any) -> Callable[..., Duplicates]:
    def among(*paths: Path, threads: int = 1, progress: Any = None, **options: Any) -> Duplicates:
        with Reading(threads) as reading:
            search = Search(shelf.gallery, shelf.space, reading, asked(**options), progress)
            return search.among(shelf.embedder, files.walk(paths))

    return among


def groups(found: Duplicates) -> Groups:
    """By names: the picture kept, and the kind of each copy."""
    return {
        Path(group.keep).name: {Path(copy.path).name: copy.kind for copy in group.members}
        for group in found.groups
    }


def doubts(found: Duplicates) -> dict[str, str | None]:
    return {Path(copy.path).name: copy.doubt for group in found.groups for copy in group.members}


def copy_of(found: Duplicates, name: str) -> Copy:
    (copy,) = (c for group in found.groups for c in group.members if Path(c.path).name == name)
    return copy


# --- within ----------------------------------------------------------------------------------


def test_nothing_to_find(shelf: Any, photo: Photo, within: Any) -> None:
    for count in range(3):
        found = within()
        assert (found.groups, found.new, found.failed) == ((), (), ())
        assert found.images == count
        assert found.precision == 0.99
        shelf.put(f"{count}.jpg", photo(count))


def test_a_group_tells_everything(shelf: Any, photo: Photo, within: Any) -> None:
    original = shelf.file("whole.jpg", photo(1))
    shelf.put("whole.jpg", original.read_bytes())
    shelf.put("again.jpg", original.read_bytes())
    shelf.put("crop.jpg", photo(1)[40:220, 60:300])
    with Image.open(original) as image:
        shelf.put("decoded.bmp", np.asarray(image.convert("RGB")))
    shelf.put("small.jpg", EDITS["quarter"].apply(photo(1), [], np.random.default_rng(0)).pixels)
    shelf.put("other.jpg", photo(2))
    found = within(keep="name")
    assert groups(found) == {
        "again.jpg": {
            "whole.jpg": "exact",
            "crop.jpg": "edited",
            "decoded.bmp": "pixels",
            "small.jpg": "near",
        }
    }
    assert found.images == 6
    assert found.compared > 0
    assert found.graph_recall == 1.0
    (group,) = found.groups
    row = shelf.gallery.at_path(group.keep)
    kept = group.kept
    assert (kept.id, kept.width, kept.height, kept.format) == (row.id, 320, 240, "JPEG")
    assert (kept.bytes, kept.content, kept.reference) == (row.file.size, row.content, False)
    assert kept.modified[:2] == "20"
    assert kept.modified[-1] == "Z"
    assert group.reason
    assert set(doubts(found).values()) == {None}
    assert group.weakest == min(copy.probability for copy in group.members)
    order = [(-copy.probability, copy.path) for copy in group.members]
    assert order == sorted(order)


def test_what_a_copy_of_each_kind_says(shelf: Any, photo: Photo, within: Any) -> None:
    shelf.put("a.png", photo(1))
    shelf.put("b.png", photo(1))
    shelf.put("c.bmp", photo(1))
    shelf.put("d.jpg", photo(1)[40:220, 60:300])
    found = within(keep="name")
    exact, pixels, crop = (copy_of(found, name) for name in ("b.png", "c.bmp", "d.jpg"))
    for copy in (exact, pixels):
        assert (copy.probability, copy.inliers) == (1.0, None)
        assert (copy.overlap, copy.overlap_copy) == (1.0, 1.0)
        assert copy.box == copy.box_copy == (0.0, 0.0, 320.0, 240.0)
        assert copy.transform == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
        assert copy.similarity == pytest.approx(1)
    assert 0.99 <= crop.probability <= 1
    assert crop.inliers
    assert crop.overlap == pytest.approx(180 * 240 / (240 * 320), abs=0.02)
    assert crop.overlap_copy == pytest.approx(1, abs=0.02)
    assert crop.box == pytest.approx((60, 40, 240, 180), abs=3)
    assert crop.box_copy == pytest.approx((0, 0, 240, 180), abs=3)
    assert np.array(crop.transform) == pytest.approx(np.array([[1, 0, -60], [0, 1, -40]]), abs=2.5)


def test_the_policy_chooses_and_the_reason_says_so(shelf: Any, photo: Photo, within: Any) -> None:
    shelf.put("b/small.png", photo(1)[::2, ::2])
    shelf.put("a/large.png", photo(1))
    shelf.put("a/large (copy).png", photo(1))
    assert set(groups(within())) == {"large.png"}
    times = {"b/small.png": 1_000, "a/large.png": 3_000, "a/large (copy).png": 2_000}
    for name, seconds in times.items():
        os.utime(shelf.folder / name, (seconds, seconds))
        row = shelf.gallery.at_path(str(shelf.folder / name))
        with shelf.gallery.writing() as writing:
            writing.touch({row.id: files.identify(shelf.folder / name)})
    assert set(groups(within(keep="newest"))) == {"large.png"}
    assert set(groups(within(keep="oldest"))) == {"small.png"}
    found = within(keep=f"folder:{shelf.folder / 'b'}")
    assert set(groups(found)) == {"small.png"}
    assert "folder" in found.groups[0].reason


def test_pictures_in_a_reference_folder_are_never_proposed(shelf: Any, photo: Photo, within: Any) -> None:
    shelf.put("ref/a.jpg", photo(1))
    shelf.put("ref/a again.jpg", photo(1))
    shelf.put("new/a large.png", photo(1))
    shelf.put("reference/b.png", photo(2))  # the name only begins alike
    shelf.put("reference/b.bmp", photo(2))
    found = within(reference=[shelf.folder / "ref"])
    assert doubts(found)["a large.png"] is None
    proposed = {name for name, doubt in doubts(found).items() if doubt is None}
    assert not proposed & {"a.jpg", "a again.jpg"}
    kept = {Path(group.keep).name: group.kept.reference for group in found.groups}
    assert sorted(kept.values()) == [False, True]
    assert len(groups(found)) == 2


def test_a_picture_that_is_kept_or_proposed_is_so_once(shelf: Any, photo: Photo, within: Any) -> None:
    for number in range(2):
        shelf.put(f"{number}.jpg", photo(number))
        for name in ("crop-80", "crop-50", "mirrored", "pasted", "collage"):
            edit = EDITS[name].apply(
                photo(number), [photo(n) for n in range(5)], np.random.default_rng(number)
            )
            shelf.put(f"{number} {name}.jpg", edit.pixels)
    found = within()
    kept = [group.keep for group in found.groups]
    members = [copy.path for group in found.groups for copy in group.members]
    assert len(set(kept + members)) == len(kept) + len(members)
    for number in range(2):
        for name in ("crop-80", "crop-50"):
            assert doubts(found)[f"{number} {name}.jpg"] is None


@pytest.mark.parametrize("precision", [0.5, 0.99, 0.99999])
def test_each_member_is_as_probable_as_asked(shelf: Any, photo: Photo, within: Any, precision: float) -> None:
    for number in range(4):
        shelf.put(f"{number}.jpg", photo(number))
        edit = EDITS["crop-10"].apply(photo(number), [], np.random.default_rng(number))
        shelf.put(f"{number} crop.jpg", edit.pixels)
    found = within(precision=precision)
    assert found.precision == precision
    assert all(group.weakest >= precision for group in found.groups)
    for name, copies in groups(found).items():
        assert {copy[0] for copy in copies} == {name[0]}


def test_the_same_answer_for_any_threads_and_twice(shelf: Any, photo: Photo, within: Any) -> None:
    for number in range(5):
        shelf.put(f"{number}.jpg", photo(number))
        edit = list(EDITS.values())[number * 7].apply(
            photo(number), [photo(9)], np.random.default_rng(number)
        )
        shelf.put(f"{number} edited.jpg", edit.pixels)
    first = within()
    for threads in (1, 4):
        again = within(threads)
        assert replace(again, seconds=0) == replace(first, seconds=0)


def test_progress_names_each_stage(
    shelf: Any, photo: Photo, within: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "PICTURES", 2)
    for number in range(12):
        shelf.put(f"{number}.jpg", photo(number))
    shelf.put("again.png", photo(3))
    told: list[tuple[str, int, int]] = []
    within(progress=lambda *args: told.append(args))
    stages = list(dict.fromkeys(stage for stage, _, _ in told))
    assert stages == ["reading", "calibrating", "looking", "comparing", "looking closely"]
    assert all(0 <= done <= all_ for _, done, all_ in told)
    for stage in ("reading", "looking", "comparing"):  # each is seen to move, also of few pictures
        assert len({done for name, done, _ in told if name == stage}) > 1 or stage == "reading", stage
    assert told[-1][1] == told[-1][2]


def test_two_names_of_one_file_are_no_copies(shelf: Any, photo: Photo, within: Any, among: Any) -> None:
    path = shelf.file("a.jpg", photo(1))
    shelf.put("a.jpg", path.read_bytes())
    os.link(path, shelf.folder / "b.jpg")
    os.symlink(path, shelf.folder / "c.jpg")
    for name in ("b.jpg", "c.jpg"):
        shelf.put(name, path.read_bytes())
    assert os.path.samefile(path, shelf.folder / "b.jpg")
    assert within().groups == ()
    shelf.put("d.jpg", photo(1)[::2, ::2])
    shelf.put("e/a.jpg", path.read_bytes())
    found = groups(within())
    assert found["a.jpg"].keys() >= {"d.jpg"}
    os.link(path, shelf.folder / "new.jpg")
    assert groups(among(shelf.folder / "new.jpg")) == {"a.jpg": {"new.jpg": "exact"}}


def test_the_whole_is_not_given_up_for_what_was_trimmed_a_little(
    shelf: Any, photo: Photo, within: Any
) -> None:
    shelf.put("whole.png", photo(1))
    shelf.put("trimmed.png", photo(1)[5:235, 5:315])
    found = within(keep="folder:/nowhere,shortest")
    assert set(groups(found)) == {"whole.png"}


def animation(first: np.ndarray, *others: np.ndarray) -> tuple[bytes, np.ndarray]:
    """A GIF, and what its first frame shows."""
    frames = [Image.fromarray(picture).quantize(256) for picture in (first, *others)]
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=100)
    with Image.open(BytesIO(file.getvalue())) as image:
        return file.getvalue(), np.asarray(image.convert("RGB"))


def transparent(picture: np.ndarray, left: int) -> np.ndarray:
    """With a part at the left that cannot be seen, (h, w, 4)."""
    alpha = np.full((*picture.shape[:2], 1), 255, np.uint8)
    alpha[:, :left] = 0
    return np.dstack([picture, alpha])


def test_a_file_that_holds_more_than_its_pixels_stays(shelf: Any, photo: Photo, within: Any) -> None:
    """Further frames, what is transparent, sixteen bits: no picture of the same pixels stands for that."""
    gif, first = animation(photo(1), photo(2), photo(3))
    shelf.put("animated.gif", gif)
    shelf.put("1.png", first)
    shelf.put("with holes.png", transparent(photo(4), 90))
    flat = photo(4).copy()
    flat[:, :90] = 255
    shelf.put("4.png", flat)
    deep = np.asarray(photo(5)[..., 0], np.uint16) * 257
    shelf.put("deep depth.png", deep)
    shelf.put("5.png", np.asarray(Image.fromarray(np.asarray(deep >> 8, np.uint8)).convert("RGB")))
    found = within(keep="shortest")
    assert {kept: set(copies) for kept, copies in groups(found).items()} == {
        "animated.gif": {"1.png"},
        "with holes.png": {"4.png"},
        "deep depth.png": {"5.png"},
    }
    assert set(doubts(found).values()) == {None}
    shelf.put("a.gif", gif)
    again = within(keep="shortest")  # one with the same bytes may go
    assert {"a.gif", "animated.gif"} & groups(again).keys()
    assert doubts(again).keys() > {"1.png"}
    assert set(doubts(again).values()) == {None}


def test_what_holds_more_than_the_one_kept_is_not_proposed(shelf: Any, photo: Photo, within: Any) -> None:
    gif, _ = animation(photo(1), photo(2))
    other, _ = animation(photo(1), photo(3))
    shelf.put("a.gif", gif)
    shelf.put("b.gif", other)
    found = within()
    assert len(found.groups) == 1
    assert "frames" in str(copy_of(found, found.groups[0].members[0].path.rsplit("/", 1)[1]).doubt)
    assert set(doubts(found)) < {"a.gif", "b.gif"}


def test_a_layer_that_hides_nothing_is_nothing_more(shelf: Any, photo: Photo, within: Any) -> None:
    shelf.put("opaque.png", transparent(photo(5), 0))
    shelf.put("a.bmp", photo(5))
    found = within(keep="name")
    assert groups(found) == {"a.bmp": {"opaque.png": "pixels"}}
    assert doubts(found) == {"opaque.png": None}


# --- decisions ---------------------------------------------------------------------------------


def decide(shelf: Any, *names: str, distinct: bool = True) -> None:
    contents = [shelf.gallery.at_path(str(shelf.folder / name)).content for name in names]
    with shelf.gallery.writing() as writing:
        writing.set_distinct([(contents[0], contents[1])], distinct)


def test_what_was_decided_to_be_distinct_is_no_copy(shelf: Any, photo: Photo, within: Any) -> None:
    shelf.put("a.jpg", photo(1))
    shelf.put("b.jpg", photo(1)[20:220, 30:300])
    shelf.put("c.jpg", photo(1)[::2, ::2])
    decide(shelf, "a.jpg", "b.jpg")
    found = within()
    assert not any({"a.jpg", "b.jpg"} <= {name, *copies} for name, copies in groups(found).items())
    assert "c.jpg" in doubts(found)
    decide(shelf, "a.jpg", "b.jpg", distinct=False)
    assert groups(within())["a.jpg"].keys() == {"b.jpg", "c.jpg"}


def test_several_files_of_the_same_bytes_may_be_wanted(shelf: Any, photo: Photo, within: Any) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        shelf.put(name, photo(1))
    shelf.put("crop.jpg", photo(1)[20:220, 30:300])
    decide(shelf, "a.jpg", "b.jpg")
    found = within()
    assert groups(found) == {"a.jpg": {"crop.jpg": "edited"}}


def test_a_collage_of_a_photo_is_shown_beside_its_screenshot(shelf: Any, photo: Photo, within: Any) -> None:
    others = [photo(number) for number in (80, 81, 82)]
    shelf.put("photo.png", photo(1))
    for name in ("screenshot", "collage"):
        shelf.put(f"{name}.png", EDITS[name](photo(1), others, np.random.default_rng(1)))
    (group,) = within().groups
    members = {copy.path.rpartition("/")[2]: copy for copy in group.members}
    assert {*members, group.keep.rpartition("/")[2]} == {"photo.png", "screenshot.png", "collage.png"}
    collage = members["collage.png"]
    assert collage.doubt is not None
    if group.keep.endswith("screenshot.png"):  # where the photo is in the collage, by way of the screenshot
        expected = EDITS["collage"].apply(photo(1), others, np.random.default_rng(1)).transform
        assert collage.box_copy is not None
        x, y = collage.box_copy[:2]
        assert (x, y) == pytest.approx((expected[0, 2], expected[1, 2]), abs=3)


def test_a_photo_does_not_go_for_a_later_screenshot_but_a_crop_goes_for_the_whole(
    shelf: Any, photo: Photo, within: Any
) -> None:
    others = [photo(number) for number in (80, 81, 82)]
    shelf.put("screenshot.png", EDITS["blurred-border"](photo(1), others, np.random.default_rng(1)))
    put_taken(shelf, "photo.jpg", photo(1), 1)
    shelf.put("whole.png", photo(2))
    shelf.put("crop.png", photo(2)[20:220, 30:300])
    doubts = {
        Path(copy.path).name: (Path(group.keep).name, copy.doubt)
        for group in within().groups
        for copy in group.members
    }
    assert doubts["crop.png"] == ("whole.png", None)
    assert doubts["photo.jpg"] == ("screenshot.png", stars_of.OLDER)


# --- what all pixels tell ----------------------------------------------------------------------


def half(picture: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


def test_the_sharp_one_is_kept_and_the_enlarged_one_proposed(shelf: Any, photo: Photo, within: Any) -> None:
    sharp = half(photo(5, (768, 1024)))
    shelf.put("later and enlarged.jpg", cv2.resize(sharp, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    shelf.put("sharp.jpg", sharp)
    (group,) = within(keep="pixels,quality").groups
    assert group.keep.endswith("/sharp.jpg")
    assert group.members[0].doubt is None


def test_why_a_sharp_one_is_kept(shelf: Any, photo: Photo, within: Any) -> None:
    sharp = half(photo(6, (768, 1024)))
    shelf.put("blurred.png", cv2.GaussianBlur(sharp, (0, 0), 3))
    shelf.put("the sharp one.png", sharp)
    (group,) = within().groups
    assert group.keep.endswith("/the sharp one.png")
    assert group.reason == "sharper: the other was enlarged or blurred"


@pytest.mark.parametrize("turn", ["as it was", "mirrored", "turned"])
def test_what_was_saved_from_a_jpeg_as_png_does_not_win_over_it(
    shelf: Any, photo: Photo, encode: Any, within: Any, turn: str
) -> None:
    source = encode(photo(7), ".jpg", quality=85)
    pixels = images.decode(source, min_side=1 << 20, limits=images.Limits()).rgb
    saved = {"as it was": pixels, "mirrored": pixels[:, ::-1], "turned": np.rot90(pixels)}[turn]
    shelf.put("a.png", np.ascontiguousarray(saved))
    shelf.put("its source.jpg", source)
    (group,) = within().groups
    assert Path(group.keep).name == "its source.jpg"
    assert group.reason == "the other was made from it"
    assert group.members[0].doubt is None


def test_a_png_that_a_jpeg_was_made_from_still_wins(shelf: Any, photo: Photo, within: Any) -> None:
    shelf.put("a.jpg", photo(7), quality=85)
    shelf.put("the original.png", photo(7))
    (group,) = within(keep="quality").groups
    assert Path(group.keep).name == "the original.png"
    assert group.reason == "better format: PNG, the other JPEG"


@pytest.mark.parametrize(("quality", "again"), [(90, 75), (80, 96)])
def test_a_squeezed_copy_with_a_few_more_pixels_does_not_win(
    shelf: Any, photo: Photo, encode: Any, within: Any, quality: int, again: int
) -> None:
    source = encode(photo(8, (301, 400)), ".jpg", quality=quality)  # 120,400 pixels; the square has 120,409
    pixels = images.decode(source, min_side=1 << 20, limits=images.Limits()).rgb
    shelf.put("z.jpg", cv2.resize(pixels, (347, 347), interpolation=cv2.INTER_CUBIC), quality=again)
    shelf.put("as it was taken.jpg", source)
    (group,) = within(keep="pixels,quality").groups
    assert Path(group.keep).name == "as it was taken.jpg"


def test_the_same_bytes_of_a_blurred_copy_do_not_win_either(
    shelf: Any, photo: Photo, encode: Any, within: Any
) -> None:
    sharp = half(photo(6, (768, 1024)))
    blurred = encode(np.asarray(cv2.GaussianBlur(sharp, (0, 0), 3)), ".png")
    shelf.put("blurred.png", blurred)
    shelf.put("blurred again.png", blurred)
    shelf.put("the sharp one, with a long name.png", sharp)
    (group,) = within(keep="pixels,shortest").groups
    assert Path(group.keep).name == "the sharp one, with a long name.png"


def test_two_bills_are_shown_and_not_proposed(shelf: Any, page: Any, within: Any) -> None:
    shelf.put("bill 1.png", page("1438.20"))
    shelf.put("bill 2.png", page("1433.20"))
    shelf.put("bill 1 again.jpg", page("1438.20"))
    found = within()
    doubts = {copy.path.rpartition("/")[2]: copy.doubt for group in found.groups for copy in group.members}
    (kept,) = (group.keep.rpartition("/")[2] for group in found.groups)
    assert kept.endswith(".png")
    assert stars_of.DIFFERENT in doubts.values()
    other = {"bill 1.png": "bill 2.png", "bill 2.png": "bill 1.png"}[kept]
    assert doubts[other] == stars_of.DIFFERENT
    assert doubts["bill 1 again.jpg"] == (None if kept == "bill 1.png" else stars_of.DIFFERENT)


# --- bursts ------------------------------------------------------------------------------------


def put_taken(shelf: Any, name: str, picture: np.ndarray, second: int) -> None:
    exif = Image.Exif()
    exif[306] = f"2024:05:01 10:00:{second:02}"
    exif.get_ifd(0x8769)[36867] = f"2024:05:01 10:00:{second:02}"
    shelf.put(name, picture, exif=exif.tobytes())


def test_photos_taken_within_seconds_are_shown_if_asked_for(shelf: Any, photo: Photo, within: Any) -> None:
    def from_beside(away: float) -> np.ndarray:
        import cv2

        y, x = np.mgrid[0:240, 0:320].astype(np.float32)
        by = away * np.sin(x / 23) * np.cos(y / 19)
        return cv2.remap(photo(1), x + by, y + by / 2, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)

    put_taken(shelf, "one.jpg", photo(1), 1)
    put_taken(shelf, "two.jpg", from_beside(9), 2)
    put_taken(shelf, "later.jpg", from_beside(-9), 55)
    put_taken(shelf, "another thing.jpg", photo(2), 2)
    put_taken(shelf, "copy.jpg", photo(1)[20:220, 30:300], 1)
    assert groups(within()) == {"one.jpg": {"copy.jpg": "edited"}}
    found = within(bursts=True)
    kinds = {name: kind for copies in groups(found).values() for name, kind in copies.items()}
    assert kinds["copy.jpg"] == "edited"
    assert list(kinds.values()).count("burst") == 1
    (burst,) = (copy for group in found.groups for copy in group.members if copy.kind == "burst")
    assert burst.doubt is not None
    assert (burst.transform, burst.overlap, burst.box, burst.inliers) == (None, None, None, None)
    assert "later.jpg" not in kinds
    assert "another thing.jpg" not in kinds


def test_the_time_of_a_file_makes_no_burst(shelf: Any, photo: Photo, within: Any) -> None:
    shelf.put("one.jpg", photo(1))
    shelf.put("two.jpg", np.roll(photo(1), 60, axis=1)[:, 61:])
    put_taken(shelf, "three.jpg", np.roll(photo(1), 90, axis=0)[91:], 3)
    found = within(bursts=True)
    assert found.dated is not None
    assert found.dated <= 1
    assert all(copy.kind != "burst" for group in found.groups for copy in group.members)


# --- files that are not what they were -----------------------------------------------------------


def test_changed_and_vanished_pictures_are_listed_once_and_in_no_group(
    shelf: Any, photo: Photo, within: Any
) -> None:
    for number in range(3):
        for name in (f"{number}.jpg", f"{number} again.jpg"):  # the same bytes: nothing has to be compared
            shelf.put(name, photo(number))
        shelf.put(f"{number} crop.jpg", photo(number)[20:220, 30:300])
    for _ in range(2):
        assert len(within().groups) == 3
    shelf.file("0 again.jpg", photo(30))
    (shelf.folder / "1 again.jpg").unlink()
    (shelf.folder / "2 crop.jpg").write_bytes(b"nothing of the kind")
    found = within()
    assert groups(found) == {
        "0.jpg": {"0 crop.jpg": "edited"},
        "1.jpg": {"1 crop.jpg": "edited"},
        "2.jpg": {"2 again.jpg": "exact"},
    }
    failed = {Path(failure.path).name: failure.reason for failure in found.failed}
    assert len(found.failed) == 3
    assert "has changed" in failed["0 again.jpg"]
    assert "cannot be read" in failed["1 again.jpg"]
    assert "has changed" in failed["2 crop.jpg"]


def test_pictures_marked_missing_are_not_looked_at(shelf: Any, photo: Photo, within: Any) -> None:
    put_taken(shelf, "a.jpg", photo(1), 1)
    put_taken(shelf, "b.jpg", photo(1)[1:, 1:], 1)
    with shelf.gallery.writing() as writing:
        writing.mark_missing([shelf.gallery.at_path(str(shelf.folder / "b.jpg")).id])
    (shelf.folder / "b.jpg").unlink()
    found = within(bursts=True)
    assert (found.groups, found.failed, found.images) == ((), (), 1)


# --- among new files -----------------------------------------------------------------------------


@pytest.fixture
def new(shelf: Any, photo: Photo, tmp_path: Path) -> Any:
    """Ten pictures on the shelf, and an empty folder of new ones."""
    for number in range(10):
        shelf.put(f"{number}.jpg", photo(number))
    return type(shelf)(tmp_path / "new")


def test_copies_of_what_is_there_and_what_is_new(shelf: Any, new: Any, photo: Photo, among: Any) -> None:
    new.file("exact.jpg", (shelf.folder / "1.jpg").read_bytes())
    new.file("mirrored.jpg", photo(2)[:, ::-1])
    new.file("mirrored again.jpg", photo(2)[:, ::-1])
    new.file("crop.jpg", photo(1)[20:220, 30:300])
    new.file("x.jpg", photo(40))
    new.file("x again.jpg", photo(40))
    new.file("broken.jpg", b"nothing of the kind")
    new.file("empty.jpg", b"")
    before = list(shelf.gallery.pictures())
    found = among(new.folder)
    assert groups(found) == {
        "1.jpg": {"exact.jpg": "exact", "crop.jpg": "edited"},
        "2.jpg": {"mirrored.jpg": "edited", "mirrored again.jpg": "edited"},
    }
    assert [Path(path).name for path in found.new] == ["x again.jpg", "x.jpg"]
    assert {Path(failure.path).name for failure in found.failed} == {"broken.jpg", "empty.jpg"}
    assert found.images == 6
    assert set(doubts(found).values()) == {None}
    assert [copy.picture.id for group in found.groups for copy in group.members if copy.picture.id > 0] == []
    assert list(shelf.gallery.pictures()) == before
    again = among(new.folder, threads=3)
    assert replace(again, seconds=0) == replace(found, seconds=0)


def test_the_collections_picture_is_kept_whatever_the_rules(
    shelf: Any, new: Any, photo: Photo, among: Any
) -> None:
    """Also where the new one shows more, or would win by the policy: nothing of the collection is
    proposed for removal by a look at other files."""
    shelf.put("crop.jpg", photo(20)[40:200, 60:260])
    new.file("whole.png", photo(20))
    new.file("larger.png", np.repeat(np.repeat(photo(3), 2, 0), 2, 1))
    found = among(new.folder, keep=f"folder:{new.folder}")
    assert groups(found) == {"crop.jpg": {"whole.png": "edited"}, "3.jpg": {"larger.png": "near"}}
    assert doubts(found)["whole.png"] is not None
    assert found.new == ()


def test_files_of_the_collection_itself_are_left_out(shelf: Any, new: Any, photo: Photo, among: Any) -> None:
    os.utime(shelf.folder / "2.jpg", (1, 1))
    found = among(shelf.folder)
    assert (found.groups, found.new, found.failed, found.images) == ((), (), (), 0)
    shelf.put("3 mirrored.jpg", photo(3)[:, ::-1])
    assert among(shelf.folder / "3.jpg").groups == ()
    shelf.file("4.jpg", photo(5)[20:220, 30:300])  # another picture by now
    found = among(shelf.folder)
    assert groups(found) == {"5.jpg": {"4.jpg": "edited"}}


def test_no_files_at_all(shelf: Any, new: Any, photo: Photo, among: Any) -> None:
    shelf.put("1 again.jpg", photo(1))  # a copy in the collection, which nobody asked about
    found = among(new.folder)
    assert (found.groups, found.new, found.failed, found.images) == ((), (), (), 0)
    new.file("broken.jpg", b"nothing of the kind")
    found = among(new.folder)
    assert (found.groups, found.new, found.images) == ((), (), 0)
    assert len(found.failed) == 1


def test_among_what_is_missing_nothing_is_found(shelf: Any, new: Any, photo: Photo, among: Any) -> None:
    new.file("a.jpg", (shelf.folder / "1.jpg").read_bytes())
    new.file("b.jpg", photo(2)[::2, ::2])
    ids = [shelf.gallery.at_path(str(shelf.folder / name)).id for name in ("1.jpg", "2.jpg")]
    with shelf.gallery.writing() as writing:
        writing.mark_missing(ids)
    found = among(new.folder)
    assert found.groups == ()
    assert len(found.new) == 2


def test_a_decision_makes_a_file_new(shelf: Any, new: Any, photo: Photo, among: Any) -> None:
    crop = new.file("crop.jpg", photo(1)[20:220, 30:300])
    contents = [files.content_hash(path.read_bytes()) for path in (crop, shelf.folder / "1.jpg")]
    with shelf.gallery.writing() as writing:
        writing.set_distinct([(contents[0], contents[1])])
    found = among(new.folder)
    assert found.groups == ()
    assert found.new == (str(crop),)


def test_progress_among_new_files(shelf: Any, new: Any, photo: Photo, among: Any) -> None:
    new.file("a.jpg", photo(1)[20:220, 30:300])
    told: list[str] = []
    among(new.folder, progress=lambda stage, *_: told.append(stage))
    assert told[0] == "reading new"
    assert "comparing" in told
