"""Copies end to end: a folder on disk is indexed, cleaned, brought back, and indexed again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike import neighbours
from lookalike.collection import Collection
from lookalike.duplicates import calibrating, sketches
from lookalike.duplicates.keep import Policy
from lookalike.errors import CollectionBusy, CollectionNotFound, NotInCollection, UsageError
from lookalike.results import Duplicates

Photo = Callable[..., np.ndarray]
Tree = dict[str, tuple[bytes, int, int]]


class Home:
    """A folder of pictures and a collection of them.

    Attributes:
        pictures: the folder that is indexed.
        quarantine: where removed pictures may go.
        collection: the collection.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures = folder / "pictures"
        self.quarantine = folder / "quarantine"
        self.saved = 1_700_000_000
        self.pictures.mkdir()
        self.collection = Collection.open(folder / "collection")

    def save(self, name: str, picture: np.ndarray, **options: object) -> Path:
        path = self.folder / name if "/" in name else self.pictures / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, **{"quality": 95, **options})
        self.saved += 100
        os.utime(path, (self.saved, self.saved))  # each one is later, by more than a clock's step
        return path

    def index(self, **options: object) -> Home:
        self.collection.add(self.pictures, threads=1, **options)  # type: ignore[arg-type]
        return self

    def find(self, *args: object, **options: object) -> Duplicates:
        return self.collection.duplicates(*args, **{"threads": 1, **options})  # type: ignore[arg-type]

    def tree(self) -> Tree:
        """Every file with its bytes, time and permissions."""
        found = {}
        for path in sorted(self.pictures.rglob("*")):
            if path.is_file():
                status = path.stat()
                found[str(path)] = path.read_bytes(), status.st_mtime_ns, status.st_mode
        return found

    def missing(self) -> set[str]:
        return {Path(row.path).name for row in self.collection.gallery.pictures() if row.missing}


def groups(found: Duplicates) -> dict[str, dict[str, str]]:
    """By names: the picture kept, and the kind of each copy."""
    return {
        Path(group.keep).name: {Path(copy.path).name: copy.kind for copy in group.members}
        for group in found.groups
    }


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    with home.collection:
        yield home


@pytest.fixture
def full(home: Home, photo: Photo) -> Home:
    """A few pictures, of which some have copies, indexed with facts about them."""
    for number in range(4):
        home.save(f"{number}.jpg", photo(number))
    shutil.copy2(home.pictures / "0.jpg", home.pictures / "0 again.jpg")
    home.save("1 crop.jpg", photo(1)[20:230, 15:300])
    home.save("2 small.jpg", photo(2)[::2, ::2])
    home.save("2 crop.jpg", photo(2)[20:220, 30:300])
    (home.pictures / "2 crop.xmp").write_text("<xmp/>")
    facts = ["path,price,name,place", "2.jpg,3,,", "2 crop.jpg,4,crop,", "2 small.jpg,5,,here"]
    (home.pictures / "facts.csv").write_text("\n".join(facts) + "\n", encoding="utf-8")
    return home.index(metadata=home.pictures / "facts.csv")


FULL = {
    "0.jpg": {"0 again.jpg": "exact"},
    "1.jpg": {"1 crop.jpg": "edited"},
    "2.jpg": {"2 crop.jpg": "edited", "2 small.jpg": "near"},
}


# --- find, remove, bring back ------------------------------------------------------------------


def test_cleaned_and_undone_it_is_as_it_was(full: Home, photo: Photo) -> None:
    full.save("3.png", photo(3))
    full.save("3.bmp", photo(3))
    full.index()
    before, rows = full.tree(), list(full.collection.gallery.pictures())
    found = full.find()
    assert groups(found) == {**FULL, "3.jpg": {"3.bmp": "near", "3.png": "near"}}
    planned = full.collection.plan(found)
    assert full.tree() == before
    report = full.collection.apply(planned, to=full.quarantine)
    assert report.skipped == ()
    gone = {"0 again.jpg", "1 crop.jpg", "2 crop.jpg", "2 small.jpg", "3.bmp", "3.png"}
    assert {Path(applied.path).name for applied in report.applied} == gone | {"2 crop.xmp"}
    assert {Path(path).name for path in before.keys() - full.tree().keys()} == gone | {"2 crop.xmp"}
    assert full.missing() == gone
    after = full.find()
    assert (after.groups, after.failed, after.images) == ((), (), 4)
    full.index()
    assert full.find().groups == ()
    assert report.journal is not None
    undone = full.collection.undo(report.journal)
    assert undone.skipped == ()
    assert set(undone.restored) == {applied.path for applied in report.applied}
    assert full.tree() == before
    assert list(full.collection.gallery.pictures()) == rows
    assert groups(full.find()) == groups(found)
    assert full.collection.undo(report.journal).restored == ()


def test_a_rehearsal_changes_nothing(full: Home) -> None:
    before, rows = full.tree(), list(full.collection.gallery.pictures())
    planned = full.collection.plan(full.find())
    rehearsed = full.collection.rehearse(planned, to=full.quarantine)
    assert rehearsed.dry_run
    assert rehearsed.journal is None
    assert full.tree() == before
    assert list(full.collection.gallery.pictures()) == rows
    assert not full.quarantine.exists()
    assert not (full.collection.directory / "journals").exists()
    applied = full.collection.apply(planned, to=full.quarantine)
    assert applied.applied == rehearsed.applied


def test_the_metadata_of_what_goes_can_stay(full: Home) -> None:
    def known() -> dict[str, dict[str, object]]:
        return {Path(row.path).name: dict(row.metadata) for row in full.collection.gallery.pictures()}

    before = known()
    planned = full.collection.plan(full.find())
    report = full.collection.apply(planned, to=full.quarantine, merge_metadata=True)
    merged = known()
    assert merged.pop("2.jpg") == {"price": 3, "name": "crop", "place": "here"}
    assert merged == {name: facts for name, facts in before.items() if name != "2.jpg"}
    assert report.journal is not None
    assert full.collection.undo(report.journal).skipped == ()
    assert known() == before


def test_metadata_that_were_changed_since_are_left_alone(full: Home) -> None:
    planned = full.collection.plan(full.find())
    report = full.collection.apply(planned, to=full.quarantine, merge_metadata=True)
    row = full.collection.picture(full.pictures / "2.jpg")
    with full.collection.gallery.writing() as writing:
        writing.set_metadata([(row.id, {"name": "my own"})])
    assert report.journal is not None
    full.collection.undo(report.journal)
    assert dict(full.collection.picture(row.id).metadata) == {"name": "my own"}


def test_hard_links(full: Home) -> None:
    before = full.tree()
    report = full.collection.apply(full.collection.plan(full.find()), to="hardlink")
    assert [Path(applied.path).name for applied in report.applied] == ["0 again.jpg"]
    assert len(report.skipped) == 3
    assert os.path.samefile(full.pictures / "0.jpg", full.pictures / "0 again.jpg")
    assert full.missing() == set()
    for _ in range(2):
        assert "0.jpg" not in groups(full.find())  # two names of one file: there is nothing to gain
        full.index()
    assert report.journal is not None
    assert full.collection.undo(report.journal).skipped == ()
    assert full.tree() == before
    assert not os.path.samefile(full.pictures / "0.jpg", full.pictures / "0 again.jpg")


def test_a_file_that_changed_after_the_plan_stays(full: Home, photo: Photo) -> None:
    planned = full.collection.plan(full.find())
    full.save("2 crop.jpg", photo(30))
    report = full.collection.apply(planned, to=full.quarantine)
    assert [Path(failure.path).name for failure in report.skipped] == ["2 crop.jpg"]
    assert (full.pictures / "2 crop.jpg").exists()
    assert full.missing() == {"0 again.jpg", "1 crop.jpg", "2 small.jpg"}


def test_nothing_outside_of_what_was_indexed_is_planned_for(full: Home, photo: Photo) -> None:
    planned = full.collection.plan(full.find())
    assert planned.roots == (str(full.pictures),)
    alone = full.save("elsewhere/2 mirrored.jpg", photo(2)[:, ::-1])
    full.collection.add(alone)
    planned = full.collection.plan(full.find())
    assert set(planned.roots) == {str(full.pictures), str(alone.parent)}
    planned = full.collection.plan(full.find(), full.pictures)
    assert planned.roots == (str(full.pictures),)
    report = full.collection.apply(planned, to=full.quarantine)
    assert alone.exists()
    assert str(alone) not in {applied.path for applied in report.applied}


# --- new pictures ------------------------------------------------------------------------------


def test_do_i_have_this_already(full: Home, photo: Photo) -> None:
    full.save("new/mirrored.jpg", photo(3)[:, ::-1])
    shutil.copy(full.pictures / "2.jpg", full.folder / "new" / "the same.jpg")
    never = full.save("new/never seen.jpg", photo(40))
    (full.folder / "new" / "broken.jpg").write_bytes(b"nothing of the kind")
    before = list(full.collection.gallery.pictures())
    for paths in (full.folder / "new", str(full.folder / "new"), [full.folder / "new"]):
        found = full.find(paths)
        assert groups(found) == {"2.jpg": {"the same.jpg": "exact"}, "3.jpg": {"mirrored.jpg": "edited"}}
        assert found.new == (str(never),)
        assert [Path(failure.path).name for failure in found.failed] == ["broken.jpg"]
        assert found.images == 3
    assert list(full.collection.gallery.pictures()) == before
    assert groups(full.find()) == FULL
    planned = full.collection.plan(found, full.folder / "new")
    report = full.collection.apply(planned, to=full.quarantine)
    assert {Path(one.path).name for one in report.applied} == {"the same.jpg", "mirrored.jpg"}
    assert full.missing() == set()
    assert report.journal is not None
    assert len(full.collection.undo(report.journal).restored) == 2


def test_a_look_at_nothing(full: Home) -> None:
    (full.folder / "new").mkdir()
    found = full.find([full.folder / "new"])
    assert (found.groups, found.new, found.images) == ((), (), 0)
    assert full.find([]).images == 0
    with pytest.raises(UsageError, match="none"):
        full.find([full.folder / "none"])
    inside = full.find([full.pictures])
    assert (inside.groups, inside.images) == ((), 0)
    assert len(inside.indexed) == len(list(full.pictures.glob("*.jpg")))


# --- decisions ---------------------------------------------------------------------------------


def test_a_decision_holds_whatever_happens_to_the_files(full: Home) -> None:
    whole, crop = full.pictures / "2.jpg", full.pictures / "2 crop.jpg"
    assert full.collection.distinct([whole, crop]) == 1
    left = {**FULL, "2.jpg": {"2 small.jpg": "near"}}
    assert groups(full.find()) == left
    with Collection.open(full.collection.directory) as again:
        assert groups(again.duplicates(threads=1)) == left
    full.collection.remove([crop])
    full.index()
    assert groups(full.find()) == left
    crop.rename(full.pictures / "renamed.jpg")
    full.index()
    assert groups(full.find()) == left
    assert full.collection.distinct([whole, full.pictures / "renamed.jpg"], forget=True) == 1
    assert "renamed.jpg" in groups(full.find())["2.jpg"]


def test_what_can_be_decided(full: Home) -> None:
    ids = [full.collection.picture(full.pictures / name).id for name in ("1.jpg", "1 crop.jpg", "2.jpg")]
    assert full.collection.distinct(ids) == 3
    assert "1.jpg" not in groups(full.find())
    for wrong in ([], ids[:1], [ids[0], ids[0]]):
        with pytest.raises(UsageError, match="at least two"):
            full.collection.distinct(wrong)
    with pytest.raises(NotInCollection):
        full.collection.distinct([ids[0], 999])
    same = [full.pictures / "0.jpg", full.pictures / "0 again.jpg"]
    full.collection.distinct(same)
    assert "0.jpg" not in groups(full.find())


def test_a_decision_about_two_equal_files_leaves_others_with_these_bytes_alone(full: Home) -> None:
    names = ["0.jpg", "0 again.jpg", "0 third.jpg", "0 fourth.jpg"]
    for name in names[2:]:
        shutil.copy2(full.pictures / "0.jpg", full.pictures / name)
    full.index()
    assert set(groups(full.find())["0.jpg"]) >= set(names[1:])
    full.collection.distinct([full.pictures / name for name in names[:2]])
    found = groups(full.find())
    (kept,) = (name for name in names if name in found)
    assert kept in names[:2]
    assert {name for name in found[kept] if name in names} == set(names[2:])
    full.collection.distinct([full.pictures / name for name in names[:2]], forget=True)
    assert set(groups(full.find())["0.jpg"]) >= set(names[1:])


# --- arguments ---------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", [0, -0.5, 1.01, float("nan")])
def test_a_precision_that_is_none(full: Home, precision: float) -> None:
    with pytest.raises(UsageError, match="precision"):
        full.find(precision=precision)


def test_other_arguments(full: Home) -> None:
    with pytest.raises(UsageError, match="threads"):
        full.find(threads=0)
    with pytest.raises(UsageError, match="no rule 'nicest'"):
        full.find(keep="nicest")
    found = full.find(keep=Policy(("folder:/nowhere", "newest")))
    assert groups(found).keys() - FULL.keys() <= {"0 again.jpg", "1 crop.jpg", "2 crop.jpg"}
    for reference in (full.pictures, str(full.pictures), [full.pictures]):
        assert full.find(reference=reference).groups == ()
    with pytest.raises(UsageError, match="quarantine"):
        full.collection.apply(full.collection.plan(full.find()), to=full.pictures)
    with pytest.raises(UsageError, match="there is no such journal"):
        full.collection.undo(full.folder / "none.jsonl")


def test_no_collection_and_an_empty_one(home: Home, photo: Photo) -> None:
    with pytest.raises(CollectionNotFound):
        home.find()
    path = home.save("a.png", photo(1))
    home.index()
    assert (home.find().groups, home.find().images) == ((), 1)
    home.collection.remove([path])
    assert (home.find().groups, home.find().images) == ((), 0)
    found = home.find([path])
    assert (found.groups, found.new) == ((), (str(path),))


# --- what is kept ------------------------------------------------------------------------------


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each picture whose features were looked for."""
    calls: list[int] = []
    describe = sketches.describe

    def counted(rgb: np.ndarray) -> sketches.Features:
        calls.append(1)
        return describe(rgb)

    monkeypatch.setattr(sketches, "describe", counted)
    return calls


def test_a_second_run_reads_little_and_says_the_same(full: Home, described: list[int], photo: Photo) -> None:
    first = full.find()
    assert len(described) == 7  # of eight files two are the same
    with Collection.open(full.collection.directory) as again:
        second = again.duplicates(threads=3)
    assert len(described) == 7
    assert replace(second, seconds=0) == replace(first, seconds=0)
    full.save("3 turned.jpg", np.rot90(photo(3)))
    full.save("1 crop.jpg", photo(31))
    (full.pictures / "2 crop.jpg").unlink()
    full.index()
    third = full.find()
    assert len(described) == 9
    assert groups(third) == {
        "0.jpg": FULL["0.jpg"],
        "2.jpg": {"2 small.jpg": "near"},
        "3.jpg": {"3 turned.jpg": "edited"},
    }
    assert third.failed == ()


def test_derived_files_may_vanish_or_be_damaged(full: Home, described: list[int]) -> None:
    first = full.find()
    names = sorted(path.name for path in full.collection.directory.glob("*.arrays"))
    assert len(names) == 2
    for path in full.collection.directory.glob("*.arrays"):
        path.unlink()
    assert replace(full.find(), seconds=0) == replace(first, seconds=0)
    full.collection.close()
    for path in full.collection.directory.glob("*.arrays"):
        path.write_bytes(path.read_bytes()[:200])
    described.clear()
    assert replace(full.find(), seconds=0) == replace(first, seconds=0)
    assert len(described) == 7
    assert sorted(path.name for path in full.collection.directory.glob("*.arrays")) == names


def test_the_neighbour_graph_is_shared(full: Home, photo: Photo, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery, space = full.collection.gallery, full.collection.space
    assert full.find().graph_recall == 1.0
    built: list[int] = []
    computed = neighbours._computed

    def counted(*args: object) -> object:
        built.append(1)
        return computed(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(neighbours, "_computed", counted)
    known = neighbours.graph(gallery, space)
    assert len(known.ids) == 8
    full.find()
    assert built == []
    full.save("3 mirrored.jpg", photo(3)[:, ::-1])
    full.index()
    assert groups(full.find())["3.jpg"] == {"3 mirrored.jpg": "edited"}
    assert len(neighbours.graph(gallery, space).ids) == 9
    assert built == [1]


def test_a_calibration_is_kept_with_the_collection(
    home: Home, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "PICTURES", 3)
    for number in range(12):
        home.save(f"{number}.jpg", photo(number))
    home.save("3 crop.jpg", photo(3)[20:220, 30:300])
    home.index()
    told: list[str] = []
    first = home.find(progress=lambda stage, *_: told.append(stage))
    assert "calibrating" in told
    told.clear()
    assert replace(home.find(progress=lambda stage, *_: told.append(stage)), seconds=0) == replace(
        first, seconds=0
    )
    assert "calibrating" not in told
    assert groups(first) == {"3.jpg": {"3 crop.jpg": "edited"}}


# --- beside others, and interrupted --------------------------------------------------------------

HOLDER = """
    import sys
    from pathlib import Path
    from lookalike.gallery.local import LocalGallery

    with LocalGallery(Path(sys.argv[1]), create=False) as gallery, gallery.writing():
        print("writing", flush=True)
        sys.stdin.read()
"""


@contextmanager
def another_writer(directory: Path) -> Iterator[None]:
    """Another process holds the right to write."""
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        try:
            yield
        finally:
            process.communicate("")


def test_beside_a_process_that_writes(full: Home, described: list[int]) -> None:
    first = full.find()
    for path in full.collection.directory.glob("*.arrays"):
        path.unlink()
    planned, before = full.collection.plan(first), full.tree()
    described.clear()
    with another_writer(full.collection.directory):
        for _ in range(2):
            assert replace(full.find(), seconds=0) == replace(first, seconds=0)
        assert len(described) == 14  # nothing could be kept
        assert list(full.collection.directory.glob("*.arrays")) == []
        assert full.collection.rehearse(planned, to=full.quarantine).applied
        with pytest.raises(CollectionBusy):
            full.collection.apply(planned, to=full.quarantine)
        with pytest.raises(CollectionBusy):
            full.collection.distinct([full.pictures / "1.jpg", full.pictures / "2.jpg"])
        assert full.tree() == before
    report = full.collection.apply(planned, to=full.quarantine)
    assert report.journal is not None
    with another_writer(full.collection.directory):
        assert len(full.collection.undo(report.journal).restored) == len(report.applied)
    assert full.tree() == before
    full.index()
    assert full.missing() == set()
    assert groups(full.find()) == FULL


def helpers() -> set[str]:
    """The processes that this one has started."""
    found: set[str] = set()
    for children in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # a thread that has ended meanwhile
            found.update(children.read_text().split())
    return found


@pytest.mark.parametrize("threads", [1, 3])
def test_interrupted_at_any_stage_it_goes_on_next_time(
    full: Home, monkeypatch: pytest.MonkeyPatch, photo: Photo, threads: int
) -> None:
    monkeypatch.setattr(calibrating, "FEWEST", 4)
    monkeypatch.setattr(calibrating, "PICTURES", 2)
    full.save("new/crop.jpg", photo(3)[20:220, 30:300])
    before, running, children = full.tree(), set(threading.enumerate()), helpers()

    def search(paths: Path | None, stop: str) -> bool:
        def progress(stage: str, done: int, total: int) -> None:
            if stage == stop:
                raise KeyboardInterrupt

        try:
            full.find(paths, threads=threads, progress=progress)
        except KeyboardInterrupt:
            return True
        return False

    assert search(full.folder / "new", "reading new")
    for stage in ("calibrating", "looking", "comparing"):
        assert search(None, stage), stage
        assert search(full.folder / "new", stage) or stage == "calibrating"
    assert set(threading.enumerate()) == running
    assert helpers() == children
    assert full.tree() == before
    assert groups(full.find()) == FULL
    assert groups(full.find(full.folder / "new")) == {"3.jpg": {"crop.jpg": "edited"}}
    assert set(threading.enumerate()) == running
    assert helpers() == children
