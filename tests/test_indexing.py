"""Folders change between runs: what is read again, what is recognised, what is kept."""

from __future__ import annotations

import functools
import io
import os
import shutil
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike import files, indexing, models
from lookalike.collection import Collection
from lookalike.embedder import Embedder, prepare, reference_picture
from lookalike.errors import CollectionError, CollectionNotFound, PictureError, UsageError
from lookalike.images import Limits


@pytest.fixture(autouse=True, scope="module")
def one_network() -> Iterator[None]:
    """Each network is loaded once, not by every collection."""
    load = functools.cache(Embedder.load)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Embedder, "load", load)
        yield


REFERENCE = prepare(reference_picture(), models.find(models.DEFAULT_MODEL).preprocessing)


@dataclass
class Work:
    """Names of the files that were read, and how many pictures went through the network."""

    read: list[str] = field(default_factory=list)
    embedded: int = 0

    def clear(self) -> None:
        self.read.clear()
        self.embedded = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    done, lock = Work(), threading.Lock()
    read, embed = files.read, Embedder.embed_squares

    def counted_read(path: str, *, max_bytes: int) -> bytes:
        done.read.append(os.path.basename(path))
        return read(path, max_bytes=max_bytes)

    def counted_embed(self: Embedder, squares: Sequence[np.ndarray]) -> np.ndarray:
        # A network that is loaded checks itself with the reference picture.
        number = sum(not np.array_equal(square, REFERENCE) for square in squares)
        with lock:
            done.embedded += number
        return embed(self, squares)

    monkeypatch.setattr(files, "read", counted_read)
    monkeypatch.setattr(Embedder, "embed_squares", counted_embed)
    return done


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Collection]:
    with Collection.open(tmp_path / "collection") as collection:
        yield collection


@pytest.fixture
def indexed(shop: Collection, pictures: Path, work: Work) -> Collection:
    """The twelve pictures with their metadata, and no work noted so far."""
    report = shop.add(pictures, metadata=pictures / "shop.csv")
    assert (report.added, report.images, report.failed, report.unmatched) == (12, 12, (), ())
    work.clear()
    return shop


def counts(report: indexing.IndexReport) -> dict[str, int]:
    """The counts that are not 0."""
    names = ("added", "updated", "moved", "unchanged", "removed", "truncated")
    found = {name: getattr(report, name) for name in names} | {"failed": len(report.failed)}
    return {name: count for name, count in found.items() if count}


def ids(collection: Collection) -> dict[str, int]:
    return {os.path.basename(p.path): p.id for p in collection.gallery.pictures()}


def check_vectors(collection: Collection, output: str = "embedding") -> None:
    """Every picture whose file is there has the vector of that file, bit for bit."""
    (space,) = [s for s in collection.gallery.spaces() if s.output == output]
    there = [p for p in collection.gallery.pictures() if not p.missing]
    assert there
    expected = Embedder.load(space.model, output, space.runtime).embed([p.path for p in there])
    stored = collection.gallery.vectors(space, [p.id for p in there])
    wrong = [p.path for p, a, b in zip(there, stored, expected, strict=True) if a.tobytes() != b.tobytes()]
    assert not wrong
    for picture in there:
        data = Path(picture.path).read_bytes()
        assert picture.content == files.content_hash(data)
        assert picture.file == files.identify(picture.path)


def picture_of(path: Path, seed: int, size: tuple[int, int] = (120, 90)) -> Path:
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


# --- files that stay -------------------------------------------------------------------------


def test_the_first_run_gives_every_picture_its_vector_and_metadata(
    indexed: Collection, pictures: Path
) -> None:
    check_vectors(indexed)
    red = indexed.picture(pictures / "red-circle.jpg")
    assert red.metadata == {"name": "red circle", "category": "circle", "price": 3.1, "in_stock": True}
    assert (red.width, red.height, red.format, red.missing, red.truncated) == (160, 160, "JPEG", False, False)


def test_unchanged_files_are_not_read(indexed: Collection, pictures: Path, work: Work) -> None:
    report = indexed.add(pictures)
    assert counts(report) == {"unchanged": 12}
    assert report.images == 12
    assert report.images_per_second == 0
    assert work == Work()


def test_a_touched_file_is_read_once_more_and_not_embedded(
    indexed: Collection, pictures: Path, work: Work
) -> None:
    before = ids(indexed)
    os.utime(pictures / "red-circle.jpg", (1e9, 1e9))
    assert counts(indexed.add(pictures)) == {"unchanged": 12}
    assert work == Work(["red-circle.jpg"], 0)
    work.clear()
    assert counts(indexed.add(pictures)) == {"unchanged": 12}
    assert work == Work()
    assert ids(indexed) == before
    assert indexed.picture(pictures / "red-circle.jpg").metadata["name"] == "red circle"


def test_a_changed_file_is_replaced_and_keeps_id_and_metadata(
    indexed: Collection, pictures: Path, work: Work
) -> None:
    before = ids(indexed)
    picture_of(pictures / "red-circle.jpg", seed=1)
    assert counts(indexed.add(pictures)) == {"updated": 1, "unchanged": 11}
    assert work.embedded == 1
    assert ids(indexed) == before
    red = indexed.picture(pictures / "red-circle.jpg")
    assert (red.metadata["name"], red.width, red.height) == ("red circle", 120, 90)
    check_vectors(indexed)


# --- files that move -------------------------------------------------------------------------


def test_a_renamed_file_keeps_id_and_metadata_and_is_not_embedded(
    indexed: Collection, pictures: Path, work: Work
) -> None:
    before = ids(indexed)
    (pictures / "red-circle.jpg").rename(pictures / "a-ball.jpg")
    assert counts(indexed.add(pictures)) == {"moved": 1, "unchanged": 11}
    assert work == Work(["a-ball.jpg"], 0)
    after = ids(indexed)
    assert after.pop("a-ball.jpg") == before.pop("red-circle.jpg")
    assert after == before
    assert indexed.picture(pictures / "a-ball.jpg").metadata["name"] == "red circle"
    check_vectors(indexed)


def test_a_moved_folder_is_recognised(indexed: Collection, pictures: Path, work: Work) -> None:
    before = ids(indexed)
    elsewhere = pictures.with_name("elsewhere")
    pictures.rename(elsewhere)
    report = indexed.add(elsewhere)
    assert counts(report) == {"moved": 12}
    assert (report.images, work.embedded, ids(indexed)) == (12, 0, before)
    assert indexed.gallery.count(indexed.filter("price > 0")) == 12
    check_vectors(indexed)


def test_metadata_find_a_moved_picture_at_its_new_place(indexed: Collection, pictures: Path) -> None:
    (pictures / "red-circle.jpg").rename(pictures / "ball.jpg")
    table = pictures / "new.csv"
    table.write_text("path,name\nball.jpg,a ball\n", encoding="utf-8")
    report = indexed.add(pictures, metadata=table)
    assert (report.moved, report.unmatched) == (1, ())
    assert indexed.picture(pictures / "ball.jpg").metadata == {"name": "a ball"}


def test_a_copy_has_its_own_row_and_the_same_vector(indexed: Collection, pictures: Path, work: Work) -> None:
    shutil.copy(pictures / "red-circle.jpg", pictures / "copy.jpg")
    report = indexed.add(pictures)
    assert counts(report) == {"added": 1, "unchanged": 12}
    assert (report.images, work.embedded) == (13, 0)
    copy, original = (indexed.picture(pictures / name) for name in ("copy.jpg", "red-circle.jpg"))
    assert copy.id != original.id
    assert copy.metadata == {}  # a copy may be something else to its owner
    assert replace_facts(copy) == replace_facts(original)
    check_vectors(indexed)


def replace_facts(picture: indexing.Picture) -> tuple[object, ...]:
    """What a picture and its copy have in common."""
    p = picture
    return (p.content, p.width, p.height, p.format, p.phash, p.truncated)


def test_copies_that_are_new_together(shop: Collection, pictures: Path) -> None:
    for number in range(5):
        shutil.copy(pictures / "red-circle.jpg", pictures / f"copy-{number}.jpg")
    assert counts(shop.add(pictures)) == {"added": 17}
    check_vectors(shop)


def test_two_new_files_claim_one_that_vanished(indexed: Collection, pictures: Path, work: Work) -> None:
    gone = indexed.picture(pictures / "red-circle.jpg")
    data = Path(gone.path).read_bytes()
    Path(gone.path).unlink()
    for name in ("one.jpg", "two.jpg"):
        (pictures / name).write_bytes(data)
    report = indexed.add(pictures)
    assert counts(report) == {"added": 1, "moved": 1, "unchanged": 11}
    assert (report.images, work.embedded) == (13, 0)
    assert indexed.picture(pictures / "one.jpg").id == gone.id
    assert indexed.picture(pictures / "two.jpg").id > 12
    check_vectors(indexed)


def test_two_files_exchange_their_names(indexed: Collection, pictures: Path) -> None:
    a, b = pictures / "red-circle.jpg", pictures / "blue-square.jpg"
    a.rename(pictures / "x")
    b.rename(a)
    (pictures / "x").rename(b)
    report = indexed.add(pictures)
    assert (report.images, report.failed) == (12, ())
    check_vectors(indexed)


@pytest.mark.parametrize("batch", [1, 512])
def test_a_file_moves_and_another_takes_its_place(
    indexed: Collection, pictures: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(indexing, "BATCH_PICTURES", batch)
    (pictures / "red-circle.jpg").rename(pictures / "zz.jpg")
    picture_of(pictures / "red-circle.jpg", seed=2)
    report = indexed.add(pictures)
    assert (report.images, report.updated, report.added, report.failed) == (13, 1, 1, ())
    check_vectors(indexed)


def test_names_move_on_by_one(indexed: Collection, pictures: Path) -> None:
    names = sorted(pictures.glob("*.jpg"))
    for old, new in zip(reversed(names), [pictures / "zz.jpg", *reversed(names)], strict=False):
        old.rename(new)
    picture_of(names[0], seed=3)
    report = indexed.add(pictures)
    assert (report.images, report.failed) == (13, ())
    check_vectors(indexed)


# --- files that go and come back -------------------------------------------------------------


def test_a_vanished_file_is_kept_and_marked(indexed: Collection, pictures: Path, work: Work) -> None:
    path = pictures / "red-circle.jpg"
    data, status = path.read_bytes(), path.stat()
    path.unlink()
    report = indexed.add(pictures)
    assert counts(report) == {"unchanged": 11, "removed": 1}
    assert (report.images, indexed.picture(path).missing) == (12, True)
    assert counts(indexed.add(pictures)) == {"unchanged": 11}  # it is told once

    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert counts(indexed.add(pictures)) == {"unchanged": 12}
    assert (indexed.picture(path).missing, work) == (False, Work())


def test_a_file_that_comes_back_with_a_new_date(indexed: Collection, pictures: Path, work: Work) -> None:
    path = pictures / "red-circle.jpg"
    data, number = path.read_bytes(), indexed.picture(path).id
    path.unlink()
    indexed.add(pictures)
    path.write_bytes(data)
    assert counts(indexed.add(pictures)) == {"unchanged": 12}
    back = indexed.picture(path)
    assert (back.id, back.missing, back.metadata["name"], work.embedded) == (number, False, "red circle", 0)


def test_a_file_that_comes_back_elsewhere_later(indexed: Collection, pictures: Path, work: Work) -> None:
    path = pictures / "red-circle.jpg"
    data, number = path.read_bytes(), indexed.picture(path).id
    path.unlink()
    indexed.add(pictures)
    (pictures / "again.jpg").write_bytes(data)
    assert counts(indexed.add(pictures)) == {"moved": 1, "unchanged": 11}
    back = indexed.picture(pictures / "again.jpg")
    assert (back.id, back.missing, work.embedded) == (number, False, 0)


def test_only_what_lies_below_the_named_folders_is_marked(shop: Collection, tmp_path: Path) -> None:
    for name in ("a", "b", "ab"):
        picture_of(tmp_path / name / "1.png", seed=len(name))
    shop.add([tmp_path / "a", tmp_path / "b", tmp_path / "ab"])
    for name in ("b", "ab"):
        (tmp_path / name / "1.png").unlink()
    assert shop.add(tmp_path / "a").removed == 0
    assert shop.add(tmp_path / "b").removed == 1
    assert [p.path for p in shop.gallery.pictures() if p.missing] == [str(tmp_path / "b" / "1.png")]


def test_what_an_option_hides_has_not_vanished(indexed: Collection, pictures: Path) -> None:
    assert counts(indexed.add(pictures, exclude=["red-*"])) == {"unchanged": 9}
    assert counts(indexed.add(pictures, include=["red-*"])) == {"unchanged": 3}
    assert not any(p.missing for p in indexed.gallery.pictures())


def test_a_file_that_vanishes_while_the_run_goes_on(
    indexed: Collection, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture_of(pictures / "red-circle.jpg", seed=4)
    read = files.read

    def late(name: str, *, max_bytes: int) -> bytes:
        path.unlink()
        return read(name, max_bytes=max_bytes)

    monkeypatch.setattr(files, "read", late)
    report = indexed.add(pictures)
    assert counts(report) == {"unchanged": 11, "removed": 1, "failed": 1}
    assert indexed.picture(path).missing
    assert list(indexed.failures()) == []


# --- files that are no pictures --------------------------------------------------------------


def test_failures_are_remembered_until_the_file_changes(
    indexed: Collection, pictures: Path, work: Work
) -> None:
    broken = pictures / "broken.jpg"
    broken.write_bytes(b"not a picture")
    first = indexed.add(pictures)
    assert counts(first) == {"unchanged": 12, "failed": 1}
    assert [f.path for f in first.failed] == [str(broken)]
    assert list(indexed.failures()) == list(first.failed)
    assert work.read == ["broken.jpg"]

    work.clear()
    assert indexed.add(pictures).failed == first.failed  # listed in every run, not read
    assert work.read == []
    assert indexed.add(pictures, retry=True).failed == first.failed
    assert work.read == ["broken.jpg"]

    work.clear()
    os.utime(broken, (1e9, 1e9))
    assert indexed.add(pictures).failed == first.failed
    assert work.read == ["broken.jpg"]

    picture_of(broken, seed=5)
    assert counts(indexed.add(pictures)) == {"added": 1, "unchanged": 12}
    assert list(indexed.failures()) == []
    check_vectors(indexed)


def test_a_failure_is_forgotten_when_its_file_vanishes(indexed: Collection, pictures: Path) -> None:
    broken = pictures / "broken.jpg"
    broken.write_bytes(b"not a picture")
    indexed.add(pictures)
    broken.unlink()
    assert counts(indexed.add(pictures)) == {"unchanged": 12}
    assert list(indexed.failures()) == []


def test_a_picture_moves_over_a_failure(indexed: Collection, pictures: Path, work: Work) -> None:
    broken = pictures / "broken.jpg"
    broken.write_bytes(b"not a picture")
    indexed.add(pictures)
    work.clear()
    (pictures / "red-circle.jpg").replace(broken)
    assert counts(indexed.add(pictures)) == {"moved": 1, "unchanged": 11}
    assert (list(indexed.failures()), work.embedded) == ([], 0)


def test_what_may_work_next_time_is_not_remembered(
    indexed: Collection, pictures: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture_of(pictures / "far.jpg", seed=6)
    with monkeypatch.context() as patch:

        def unreachable(path: str, *, max_bytes: int) -> bytes:
            raise PictureError("cannot be read: input/output error", path)

        patch.setattr(files, "read", unreachable)
        report = indexed.add(pictures)
        assert [f.reason for f in report.failed] == ["cannot be read: input/output error"]
        assert list(indexed.failures()) == []
    assert counts(indexed.add(pictures)) == {"added": 1, "unchanged": 12}


def test_a_picture_that_is_unreadable_for_once_stays(
    indexed: Collection, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ids(indexed)
    os.utime(pictures / "red-circle.jpg", (1e9, 1e9))

    def unreachable(path: str, *, max_bytes: int) -> bytes:
        raise PictureError("cannot be read: input/output error", path)

    monkeypatch.setattr(files, "read", unreachable)
    assert counts(indexed.add(pictures)) == {"unchanged": 11, "failed": 1}
    assert ids(indexed) == before


def test_limits(shop: Collection, pictures: Path) -> None:
    picture_of(pictures / "large.png", seed=7, size=(400, 300))
    report = shop.add(pictures, limits=Limits(max_pixels=30_000))
    assert (report.added, len(report.failed)) == (12, 1)
    assert report.failed[0].reason == "too many pixels: 400 x 300, the limit is 30000"
    assert shop.add(pictures, retry=True).added == 1


def test_a_picture_that_is_cut_short_is_used_and_counted(shop: Collection, tmp_path: Path) -> None:
    whole = picture_of(tmp_path / "in" / "whole.jpg", seed=8, size=(400, 300))
    (tmp_path / "in" / "part.jpg").write_bytes(whole.read_bytes()[:-200])
    report = shop.add(tmp_path / "in")
    assert counts(report) == {"added": 2, "truncated": 1}
    assert shop.picture(tmp_path / "in" / "part.jpg").truncated


def test_a_folder_with_only_broken_files(shop: Collection, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(bytes([number]) * number)
    report = shop.add(folder)
    assert counts(report) == {"failed": 3}
    assert (report.images, shop.info().failed) == (0, 3)


def test_an_empty_folder(shop: Collection, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    report = shop.add(tmp_path / "in")
    assert counts(report) == {}
    assert (report.images, report.images_per_second) == (0, 0)
    assert shop.info().images == 0


def test_a_folder_that_does_not_exist_makes_no_collection(shop: Collection, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        shop.add(tmp_path / "nothing")
    with pytest.raises(CollectionNotFound):
        shop.info()
    assert not shop.directory.exists()


def test_the_collection_may_lie_inside_the_folder(pictures: Path) -> None:
    for name in (".lookalike", "my collection"):
        with Collection.open(pictures / name) as collection:
            assert counts(collection.add(pictures, hidden=True)) == {"added": 12}
            assert counts(collection.add(pictures, hidden=True)) == {"unchanged": 12}


# --- metadata --------------------------------------------------------------------------------


def test_metadata_later_without_reading(shop: Collection, pictures: Path, work: Work) -> None:
    shop.add(pictures)
    work.clear()
    assert dict(shop.gallery.columns()) == {}
    report = shop.add(pictures, metadata=pictures / "shop.csv")
    assert (counts(report), work) == ({"unchanged": 12}, Work())
    assert shop.gallery.count(shop.filter('category == "circle" and in_stock')) == 2

    table = (pictures / "shop.csv").read_text(encoding="utf-8")
    (pictures / "shop.csv").write_text(table.replace("red circle", "red ball"), encoding="utf-8")
    shop.add(pictures, metadata=pictures / "shop.csv")
    assert shop.picture(pictures / "red-circle.jpg").metadata["name"] == "red ball"
    assert shop.picture(pictures / "red-square.jpg").metadata["name"] == "red square"
    shop.add(pictures)  # without a table what is known stays
    assert shop.picture(pictures / "red-circle.jpg").metadata["name"] == "red ball"
    assert work == Work()


def test_metadata_are_written_only_where_they_changed(
    indexed: Collection, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lookalike.gallery.local_writing import LocalWriting

    written: list[int] = []
    original = LocalWriting.set_metadata

    def noted(self: LocalWriting, rows: list[tuple[int, dict[str, object]]]) -> None:
        written.extend(number for number, _ in rows)
        original(self, rows)

    monkeypatch.setattr(LocalWriting, "set_metadata", noted)
    indexed.add(pictures, metadata=pictures / "shop.csv")
    assert written == []
    table = (pictures / "shop.csv").read_text(encoding="utf-8")
    (pictures / "shop.csv").write_text(table.replace("red circle", "red ball"), encoding="utf-8")
    indexed.add(pictures, metadata=pictures / "shop.csv")
    assert written == [ids(indexed)["red-circle.jpg"]]


def test_rows_without_picture_and_pictures_without_row(shop: Collection, pictures: Path) -> None:
    table = pictures / "few.csv"
    table.write_text("path,name\nred-circle.jpg,ball\nnone.jpg,nothing\nsub/x.jpg,y\n", encoding="utf-8")
    report = shop.add(pictures, metadata=table)
    assert report.unmatched == ("none.jpg", "sub/x.jpg")
    assert shop.picture(pictures / "red-circle.jpg").metadata == {"name": "ball"}
    assert shop.picture(pictures / "red-square.jpg").metadata == {}


def test_metadata_from_elsewhere_are_relative_to_the_folder(
    shop: Collection, pictures: Path, tmp_path: Path
) -> None:
    table = tmp_path / "tables" / "shop.csv"
    table.parent.mkdir()
    shutil.move(pictures / "shop.csv", table)
    assert shop.add(pictures, metadata=table).unmatched == ()
    assert shop.picture(pictures / "red-circle.jpg").metadata["name"] == "red circle"


def test_a_wrong_metadata_file_is_seen_before_anything_is_done(shop: Collection, pictures: Path) -> None:
    table = pictures / "wrong.csv"
    table.write_text("name\nx\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"wrong\.csv"):
        shop.add(pictures, metadata=table)
    assert not shop.directory.exists()


# --- what is taken ---------------------------------------------------------------------------


def names(collection: Collection) -> list[str]:
    return sorted(os.path.basename(p.path) for p in collection.gallery.pictures())


@pytest.mark.parametrize(
    ("source", "options", "count"),
    [
        ("{}", {}, 12),
        ("{}/red-*.jpg", {}, 3),
        ("{}/**", {"include": ["*-circle.*", "blue-*"]}, 6),
        ("{}", {"exclude": ["*-circle.*"]}, 8),
        ("{}", {"include": ["red-*"], "exclude": ["*-circle.*"]}, 2),
        ("{}/red-circle.jpg", {}, 1),
    ],
)
def test_sources_and_patterns(
    shop: Collection, pictures: Path, source: str, options: dict[str, list[str]], count: int
) -> None:
    assert counts(shop.add(source.format(pictures), **options)) == {"added": count}


def test_hidden_files_are_taken_when_asked_for(shop: Collection, pictures: Path) -> None:
    (pictures / "red-circle.jpg").rename(pictures / ".red-circle.jpg")
    assert shop.add(pictures).added == 11
    assert shop.add(pictures, hidden=True).added == 1


def test_lists_from_a_file_and_from_standard_input(
    shop: Collection, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(map(str, pictures.glob("*.jpg")))
    (tmp_path / "list").write_text("\n".join(paths[:4]), encoding="utf-8")
    stdin = io.BytesIO("\0".join(paths[4:6]).encode())
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=stdin))
    report = shop.add([f"@{tmp_path / 'list'}", "-", paths[0]])
    assert counts(report) == {"added": 6}
    assert names(shop) == [os.path.basename(path) for path in paths[:6]]


# --- several models --------------------------------------------------------------------------


def test_a_second_output_in_the_same_collection(
    indexed: Collection, pictures: Path, tmp_path: Path, work: Work
) -> None:
    (pictures / "green-circle.jpg").unlink()
    with Collection.open(indexed.directory, output="texture") as other:
        with pytest.raises(CollectionError, match="no vectors of output texture"):
            other.search(1)
        report = other.add(pictures)
        assert counts(report) == {"updated": 11, "removed": 1}
        assert (report.images, work.embedded) == (12, 11)
        assert counts(other.add(pictures)) == {"unchanged": 11}
        assert [m.vectors for m in other.info().models] == [12, 11]
        assert other.space.output == "texture"
    check_vectors(indexed)
    check_vectors(indexed, "texture")
    query = pictures / "red-circle.jpg"
    found = {}
    for output in ("embedding", "texture"):
        with Collection.open(indexed.directory, output=output) as other:
            found[output] = other.search(query, 11).results
    with Collection.open(indexed.directory) as first:  # the oldest, unless told otherwise
        assert first.search(query, 11).results == found["embedding"]
    assert len(found["embedding"]) == 11
    assert len(found["texture"]) == 10  # the one that had vanished has no such vector
    assert [h.similarity for h in found["embedding"]][:10] != [h.similarity for h in found["texture"]]


def test_a_new_picture_of_a_second_output_gets_the_first_ones_vector_later(
    indexed: Collection, pictures: Path
) -> None:
    shutil.copy(pictures / "red-circle.jpg", pictures / "copy.jpg")
    picture_of(pictures / "new.jpg", seed=9)
    with Collection.open(indexed.directory, output="texture") as other:
        report = other.add(pictures)
        assert (report.added, report.updated) == (2, 12)
    check_vectors(indexed, "texture")
    # A picture without a vector of this output can be asked for all the same.
    assert indexed.search(pictures / "new.jpg", 3).results
    assert counts(indexed.add(pictures)) == {"updated": 2, "unchanged": 12}
    check_vectors(indexed)


def test_the_model_by_its_path_is_the_same_model(
    indexed: Collection, pictures: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = models.onnx_file(models.find(models.DEFAULT_MODEL))
    monkeypatch.chdir(file.parent)
    for name in (file.name, str(file), str(file.with_suffix(".toml"))):
        with Collection.open(indexed.directory, model=name) as other:
            assert counts(other.add(pictures)) == {"unchanged": 12}
            assert len(other.search(1, 3).results) == 3
    assert work.embedded == 0
    assert len(indexed.info().models) == 1


# --- the run itself --------------------------------------------------------------------------


def run_with(threads: int, folder: Path, pictures: Path) -> dict[str, bytes]:
    with Collection.open(folder) as collection:
        collection.add(pictures, threads=threads)
        (space,) = collection.gallery.spaces()
        rows = list(collection.gallery.pictures())
        vectors = collection.gallery.vectors(space, [row.id for row in rows])
        return {f"{row.id} {row.path}": v.tobytes() for row, v in zip(rows, vectors, strict=True)}


def test_many_threads_give_what_one_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "CHUNK", 3)
    monkeypatch.setattr(indexing, "BATCH_PICTURES", 7)
    for number in range(60):
        suffix = ("jpg", "png", "webp")[number % 3]
        picture_of(tmp_path / "in" / f"{number:02}.{suffix}", seed=number // 2)
    one = run_with(1, tmp_path / "one", tmp_path / "in")
    assert len(one) == 60
    assert run_with(4, tmp_path / "four", tmp_path / "in") == one


def test_a_wrong_number_of_threads(shop: Collection, pictures: Path) -> None:
    with pytest.raises(UsageError, match="threads must be at least 1, got 0"):
        shop.add(pictures, threads=0)


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_counts_files_and_failures(
    indexed: Collection, pictures: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(indexing, "CHUNK", 2)
    for number in range(4):
        picture_of(pictures / f"new-{number}.jpg", seed=number)
    (pictures / "broken.jpg").write_bytes(b"x")
    told: list[tuple[int, int]] = []
    indexed.add(pictures, threads=threads, progress=lambda done, failed: told.append((done, failed)))
    assert told == sorted(told)
    assert told[-1] == (17, 1)
    assert {done for done, _ in told} >= {14, 15, 16, 17}  # not only when a batch is written


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupted_run_keeps_what_is_done_and_the_next_goes_on(
    shop: Collection, tmp_path: Path, work: Work, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(indexing, "CHUNK", 2)
    monkeypatch.setattr(indexing, "BATCH_PICTURES", 4)
    for number in range(40):
        picture_of(tmp_path / "in" / f"{number}.png", seed=number)

    def interrupt(done: int, failed: int) -> None:
        if done >= 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.add(tmp_path / "in", threads=threads, progress=interrupt)
    kept = shop.info().images
    assert 12 <= kept < 40
    check_vectors(shop)
    work.clear()
    report = shop.add(tmp_path / "in", threads=threads)
    assert counts(report) == {"added": 40 - kept, "unchanged": kept}
    assert work.embedded == 40 - kept
    check_vectors(shop)


def test_a_batch_is_written_when_it_is_old_enough(
    shop: Collection, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH_SECONDS", 0.0)
    seen: list[int] = []

    def look(done: int, failed: int) -> None:
        with Collection.open(shop.directory) as reader:
            seen.append(reader.info().images)

    shop.add(pictures, threads=1, progress=look)
    assert set(seen) >= set(range(1, 13))


def test_a_progress_function_may_search(indexed: Collection, pictures: Path) -> None:
    """Reading goes on while this very process writes."""
    picture_of(pictures / "new.jpg", seed=1)
    found: list[int] = []
    search: Callable[[int, int], None] = lambda *_: found.append(len(indexed.search(1, 5).results))  # noqa: E731
    indexed.add(pictures, progress=search)
    assert set(found) == {5}


def test_pictures_without_a_row_are_counted_and_ids_join(indexed: Collection, pictures: Path) -> None:
    table = pictures.parent / "by-id.csv"
    table.write_text("id,price\n1,5\n2,6\n99,7\n")
    report = indexed.add(pictures, metadata=table)
    assert report.undescribed == 10
    assert report.unmatched == ("id:99",)
    assert [indexed.picture(number).metadata.get("price") for number in (1, 2)] == [5, 6]


def test_a_vector_is_never_made_of_another_picture_than_the_rows(indexed: Collection, pictures: Path) -> None:
    a, b = pictures / "red-circle.jpg", pictures / "blue-circle.jpg"
    if not b.exists():
        b = next(p for p in sorted(pictures.glob("*.jpg")) if p != a)
    content = b.read_bytes()
    shutil.move(a, pictures / "moved-away.jpg")
    a.write_bytes(content)  # another picture now stands where the row says
    other_folder = pictures.parent / "elsewhere"
    other_folder.mkdir()
    with Collection.open(indexed.directory, output="texture") as other:
        report = other.add(other_folder)  # does not look at the pictures' folder
        assert [f.path for f in report.failed] == [str(a)]
        assert "changed since it was indexed" in report.failed[0].reason
        other.add(pictures)
    check_vectors(indexed, "texture")


def test_a_picture_that_becomes_unusable_keeps_its_row_until_it_is_back(
    indexed: Collection, pictures: Path
) -> None:
    file = pictures / "red-circle.jpg"
    whole, before = file.read_bytes(), indexed.picture(file)
    file.write_bytes(whole[:20])  # half copied, say
    for removed in (1, 0):  # counted once, looked at in every run
        report = indexed.add(pictures)
        assert [f.path for f in report.failed] == [str(file)]
        assert report.removed == removed
    assert indexed.picture(file).missing
    assert indexed.picture(file).metadata == before.metadata
    file.write_bytes(whole)
    indexed.add(pictures)
    assert indexed.picture(file).id == before.id
    assert not indexed.picture(file).missing


def test_what_cannot_be_looked_at_is_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert files.is_gone(str(tmp_path / "none.jpg"))
    (tmp_path / "file").touch()
    assert files.is_gone(str(tmp_path / "file" / "below"))

    def refused(path: str) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "lstat", refused)
    assert not files.is_gone(str(tmp_path / "none.jpg"))


def test_metadata_by_id_reaches_a_changed_picture(indexed: Collection, pictures: Path) -> None:
    number = indexed.picture(pictures / "red-circle.jpg").id
    picture_of(pictures / "red-circle.jpg", seed=77)
    table = pictures.parent / "by-id.csv"
    table.write_text(f"id,price\n{number},5\n")
    report = indexed.add(pictures, metadata=table)
    assert (report.updated, report.unmatched) == (1, ())
    assert indexed.picture(number).metadata == {"price": 5}


def test_a_folder_that_is_gone_can_be_removed(indexed: Collection, pictures: Path) -> None:
    shutil.rmtree(pictures)
    assert len(indexed.remove([pictures])) == 12
    assert indexed.info().images == 0
