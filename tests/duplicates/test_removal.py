"""Applying a plan: what goes, where to, and above all what stays."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lookalike.duplicates import guard, journal, moving, removal, trash
from lookalike.duplicates.plan import Plan, PlanCopy, PlanFile, PlanGroup
from lookalike.duplicates.undoing import undo
from lookalike.errors import CollectionError, PictureError, UsageError
from lookalike.results import ApplyReport

BYTES = {"a": b"picture a" * 50, "b": b"picture b" * 40, "c": b"picture c" * 30}


def decodable(data: bytes) -> None:
    if data.startswith(b"broken"):
        raise PictureError("damaged: truncated")


class Place:
    """A folder of pictures `photos`, and where removed ones go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.photos = folder / "photos"
        self.quarantine = folder / "quarantine"
        self.journals = folder / "journals"
        self.photos.mkdir()

    def put(self, name: str, data: bytes = BYTES["a"], mtime: int = 1_600_000_000_123_456_789) -> Path:
        path = self.photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(mtime, mtime))
        return path

    def apply(self, plan: Plan, to: Any = None, **options: Any) -> ApplyReport:
        where = self.quarantine if to is None else to
        return removal.apply(
            plan, to=where, journal_folder=self.journals, check_decodable=decodable, **options
        )

    def plan(self, *groups: PlanGroup) -> Plan:
        return Plan(str(self.folder / ".lookalike"), "2026-11-23T01:50:00Z", (str(self.photos),), groups)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(autouse=True)
def empty_trash(clean_environment: Path) -> Iterator[None]:
    yield
    shutil.rmtree(clean_environment / ".local/share/Trash", ignore_errors=True)


def file(path: Path | str) -> PlanFile:
    data = Path(path).read_bytes()
    return PlanFile(str(path), hashlib.sha256(data).hexdigest(), len(data), 10, 10)


def copy(path: Path | str, kind: str = "exact", remove: bool = True) -> PlanCopy:
    found = file(path)
    return PlanCopy(found.path, found.sha256, found.bytes, 10, 10, kind, 1.0, remove, None)


def group(keep: Path, *copies: Path, kind: str = "exact") -> PlanGroup:
    return PlanGroup(file(keep), "more pixels", tuple(copy(path, kind) for path in copies))


def snapshot(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Bytes, time and mode of every file below a folder."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            status = os.lstat(path)
            content = os.readlink(path) if os.path.islink(path) else Path(path).read_bytes()
            found[path] = (content, status.st_mtime_ns, status.st_mode)
    return found


def only_reason(report: ApplyReport) -> str:
    assert not report.applied
    (failure,) = report.skipped
    return failure.reason


# --- the three ways ---------------------------------------------------------------------------


def test_quarantine_keeps_the_folders(place: Place) -> None:
    keep, gone = place.put("keep.jpg"), place.put("2019/sea/gone.jpg")
    report = place.apply(place.plan(group(keep, gone)))
    there = place.quarantine / "2019/sea/gone.jpg"
    assert [(done.path, done.to) for done in report.applied] == [(str(gone), str(there))]
    assert (report.skipped, report.dry_run) == ((), False)
    assert there.read_bytes() == BYTES["a"]
    assert there.stat().st_mtime_ns == 1_600_000_000_123_456_789
    assert not gone.exists()


def test_trash_is_the_systems(place: Place, clean_environment: Path) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    before = snapshot(place.photos)
    report = place.apply(place.plan(group(keep, gone)), "trash")
    (done,) = report.applied
    assert Path(done.to).parent == clean_environment / ".local/share/Trash/files"
    info = clean_environment / ".local/share/Trash/info" / f"{Path(done.to).name}.trashinfo"
    assert f"Path={gone}\n" in info.read_text()
    assert report.journal
    assert undo(report.journal).restored == (str(gone),)
    assert snapshot(place.photos) == before
    assert not info.exists()


def test_hard_link_shares_the_bytes_and_comes_apart_again(place: Place) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg", mtime=5_000_000_000)
    gone.chmod(0o600)
    before = snapshot(place.photos)
    report = place.apply(place.plan(group(keep, gone)), "hardlink")
    assert [(done.path, done.to) for done in report.applied] == [(str(gone), str(keep))]
    assert gone.samefile(keep)
    assert sorted(os.listdir(place.photos)) == ["gone.jpg", "keep.jpg"]
    assert report.journal
    assert undo(report.journal).restored == (str(gone),)
    assert not gone.samefile(keep)
    assert snapshot(place.photos) == before


def test_only_the_same_bytes_become_hard_links(place: Place) -> None:
    keep, near = place.put("keep.jpg"), place.put("near.jpg", BYTES["b"])
    said = group(keep, near)  # an edited plan may call it exact
    for plan in (place.plan(said), place.plan(group(keep, near, kind="near"))):
        assert "only copies with the same bytes" in only_reason(place.apply(plan, "hardlink"))


@pytest.mark.parametrize("to", ["bin", "/quarantine", None])
def test_other_ways_are_refused(place: Place, to: Any) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    with pytest.raises(UsageError, match="'trash', 'hardlink' or a Path"):
        removal.rehearse(place.plan(group(keep, gone)), to=to, check_decodable=decodable)


def test_the_quarantine_is_a_folder_and_none_of_the_plan(place: Place) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    plan = place.plan(group(keep, gone))
    with pytest.raises(UsageError, match="cannot be the quarantine too"):
        place.apply(plan, place.photos)
    with pytest.raises(UsageError, match="is no folder"):
        place.apply(plan, keep)


def test_nothing_in_the_quarantine_is_overwritten(place: Place) -> None:
    keep, gone = place.put("keep.jpg"), place.put("x/gone.jpg")
    place.quarantine.joinpath("x").mkdir(parents=True)
    mine = place.quarantine / "x/gone.jpg"
    mine.write_bytes(b"mine")
    for number in (2, 3):
        report = place.apply(place.plan(group(keep, gone)))
        assert [done.to for done in report.applied] == [str(place.quarantine / f"x/gone ({number}).jpg")]
        place.put("x/gone.jpg")
    assert mine.read_bytes() == b"mine"


def test_a_link_out_of_the_quarantine_is_not_followed(place: Place, tmp_path: Path) -> None:
    keep, gone = place.put("keep.jpg"), place.put("x/gone.jpg")
    outside = tmp_path / "outside"
    outside.mkdir()
    place.quarantine.mkdir()
    (place.quarantine / "x").symlink_to(outside)
    assert "leads out of the quarantine" in only_reason(place.apply(place.plan(group(keep, gone))))
    assert gone.exists()


def test_a_file_where_a_quarantine_folder_should_be(place: Place) -> None:
    keep, gone = place.put("keep.jpg"), place.put("x/gone.jpg")
    place.quarantine.mkdir()
    (place.quarantine / "x").write_bytes(b"mine")
    report = place.apply(place.plan(group(keep, gone)))
    assert only_reason(report)
    assert gone.exists()


# --- what stays -------------------------------------------------------------------------------


def test_what_is_not_ticked_stays(place: Place) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    plan = place.plan(PlanGroup(file(keep), "", (copy(gone, remove=False),)))
    report = place.apply(plan)
    assert (report.applied, report.skipped, report.journal) == ((), (), None)
    assert not place.journals.exists()


def damage(path: Path) -> None:
    path.write_bytes(b"broken")


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"!")  # the same size


def into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def into_link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def into_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


CHANGES = {
    Path.unlink: "is not there any more",
    edit: "has changed since the plan was made",
    damage: "has changed since the plan was made",
    into_folder: "is a folder",
    into_link: "is a symbolic link",
    into_pipe: "is no ordinary file",
}


@pytest.mark.parametrize(("change", "reason"), CHANGES.items())
@pytest.mark.parametrize("to", ["trash", "hardlink", Path("quarantine")])
def test_changed_since_the_plan(
    place: Place, to: Any, change: Callable[[Path], object], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    plan = place.plan(group(keep, gone))
    change(gone)
    assert only_reason(place.apply(plan, to)) == reason
    assert keep.read_bytes() == BYTES["a"]


@pytest.mark.parametrize(("change", "reason"), CHANGES.items())
@pytest.mark.parametrize("to", ["trash", "hardlink", Path("quarantine")])
def test_nothing_goes_without_the_picture_to_keep(
    place: Place, to: Any, change: Callable[[Path], object], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    plan = place.plan(group(keep, gone))
    change(keep)
    assert only_reason(place.apply(plan, to)) == f"the picture to keep {reason}: {keep}"
    assert gone.read_bytes() == BYTES["a"]


def test_a_picture_to_keep_that_cannot_be_decoded(place: Place) -> None:
    keep, gone = place.put("keep.jpg", b"broken from the start"), place.put("gone.jpg")
    reason = only_reason(place.apply(place.plan(group(keep, gone))))
    assert reason == f"the picture to keep cannot be decoded (damaged: truncated): {keep}"


def test_each_picture_to_keep_is_decoded_once(place: Place) -> None:
    decoded = []
    keep, others = place.put("keep.jpg"), [place.put(f"{i}.jpg") for i in range(3)]
    plan = place.plan(group(keep, *others))
    report = removal.apply(
        plan, to=place.quarantine, journal_folder=place.journals, check_decodable=decoded.append
    )
    assert (len(report.applied), decoded) == (3, [BYTES["a"]])


def test_what_a_group_keeps_is_not_removed_by_another(place: Place) -> None:
    a, b, c = place.put("a.jpg"), place.put("b.jpg"), place.put("c.jpg")
    report = place.apply(place.plan(group(a, b), group(b, c), group(c, a)))
    assert [failure.reason for failure in report.skipped] == ["is kept by a group of the plan"] * 3
    assert not report.applied


def test_the_picture_to_keep_by_another_spelling(place: Place) -> None:
    keep = place.put("folder/keep.jpg")
    (place.photos / "way").symlink_to(place.photos / "folder")
    spellings = {
        "way/keep.jpg": "is the same file as the picture to keep: removing it would free nothing",
        "folder/keep.jpg": "is the same file as the picture to keep: removing it would free nothing",
        "folder/../folder/keep.jpg": "is not named by a plain absolute path, without `.` and `..`",
        "folder//keep.jpg": "is not named by a plain absolute path, without `.` and `..`",
    }
    for spelling, reason in spellings.items():
        other = f"{place.photos}/{spelling}"
        plan = place.plan(PlanGroup(file(keep), "", (copy(other),)))
        assert only_reason(place.apply(plan)) == reason
        plan = place.plan(PlanGroup(file(other), "", (copy(keep),)))
        assert only_reason(place.apply(plan)).startswith("is the same file as the picture to keep")


def test_hard_links_of_what_is_kept_stay(place: Place) -> None:
    keep, other = place.put("keep.jpg"), place.put("other.jpg")
    linked = place.photos / "linked.jpg"
    linked.hardlink_to(keep)
    report = place.apply(place.plan(group(keep, linked), group(other, linked)))
    assert [failure.reason for failure in report.skipped] == [
        "is the same file as the picture to keep: removing it would free nothing",
        "is kept by a group of the plan",
    ]


def test_listed_twice_goes_once(place: Place) -> None:
    keep, gone = place.put("keep.jpg"), place.put("folder/gone.jpg")
    (place.photos / "way").symlink_to(place.photos / "folder")
    twice = PlanGroup(file(keep), "", (copy(gone), copy(gone), copy(place.photos / "way/gone.jpg")))
    plan = place.plan(twice, group(keep, gone))
    rehearsed = removal.rehearse(plan, to=place.quarantine, check_decodable=decodable)
    report = place.apply(plan)
    assert len(report.applied) == 1
    assert [failure.reason for failure in report.skipped] == ["is listed twice in the plan"] * 3
    assert (rehearsed.applied, rehearsed.skipped) == (report.applied, report.skipped)


def test_nothing_outside_the_roots(place: Place, tmp_path: Path) -> None:
    keep = place.put("keep.jpg")
    outside = tmp_path / "photos-of-others"
    outside.mkdir()
    (outside / "x.jpg").write_bytes(BYTES["a"])
    (place.photos / "out").symlink_to(outside)
    (place.photos / "link.jpg").symlink_to(outside / "x.jpg")
    for path in (outside / "x.jpg", place.photos / "out/x.jpg"):
        assert (
            only_reason(place.apply(place.plan(group(keep, path)))) == "lies outside the folders of the plan"
        )
    plan = place.plan(group(keep, place.photos / "link.jpg"))
    assert only_reason(place.apply(plan)) == "is a symbolic link"
    assert (outside / "x.jpg").exists()


def test_a_root_may_be_a_link(place: Place, tmp_path: Path) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    (tmp_path / "way").symlink_to(place.photos)
    plan = Plan("/c", "", (str(tmp_path / "way"),), (group(keep, tmp_path / "way/gone.jpg"),))
    report = place.apply(plan)
    assert [done.path for done in report.applied] == [str(tmp_path / "way/gone.jpg")]
    assert not gone.exists()
    assert report.journal
    undo(report.journal)
    assert gone.exists()


def test_what_is_kept_may_lie_outside_the_roots(place: Place, tmp_path: Path) -> None:
    keep, gone = tmp_path / "reference.jpg", place.put("gone.jpg")
    keep.write_bytes(BYTES["a"])
    assert len(place.apply(place.plan(group(keep, gone))).applied) == 1


# --- changes while it runs --------------------------------------------------------------------


def test_replaced_between_check_and_step(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    step = journal.Journal.step

    def replaced_meanwhile(self: journal.Journal, **facts: Any) -> journal.Step:
        gone.unlink()
        place.put("gone.jpg", b"a new edit", mtime=77)
        return step(self, **facts)

    monkeypatch.setattr(journal.Journal, "step", replaced_meanwhile)
    plan = place.plan(group(keep, gone))
    for to in (place.quarantine, "trash", "hardlink"):
        place.put("gone.jpg")
        assert only_reason(place.apply(plan, to)) == "has changed since the plan was made"
        assert gone.read_bytes() == b"a new edit"
        assert gone.stat().st_mtime_ns == 77
        assert sorted(os.listdir(place.photos)) == ["gone.jpg", "keep.jpg"]


def test_the_picture_to_keep_vanishes_meanwhile(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    plan = place.plan(group(keep, gone))
    step = journal.Journal.step

    def vanished_meanwhile(self: journal.Journal, **facts: Any) -> journal.Step:
        keep.unlink()
        return step(self, **facts)

    monkeypatch.setattr(journal.Journal, "step", vanished_meanwhile)
    for to in (place.quarantine, "trash", "hardlink"):
        place.put("keep.jpg")
        assert only_reason(place.apply(plan, to))
        assert gone.read_bytes() == BYTES["a"]
        assert os.listdir(place.photos) == ["gone.jpg"]


def test_the_picture_to_keep_is_edited_meanwhile(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    plan = place.plan(group(keep, gone))
    step = journal.Journal.step

    def edited_meanwhile(self: journal.Journal, **facts: Any) -> journal.Step:
        edit(keep)  # the same file with other bytes
        return step(self, **facts)

    monkeypatch.setattr(journal.Journal, "step", edited_meanwhile)
    for to in (place.quarantine, "trash", "hardlink"):
        place.put("keep.jpg")
        assert only_reason(place.apply(plan, to)).startswith("the picture to keep changed meanwhile")
        assert gone.read_bytes() == BYTES["a"]
        assert sorted(os.listdir(place.photos)) == ["gone.jpg", "keep.jpg"]


def test_one_file_under_two_devices(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drive that is mounted twice shows one file as two: what was to be kept is gone with the copy."""
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    plan = place.plan(group(keep, gone))
    move = moving.move

    def both(source: str, target: str) -> None:
        move(source, target)
        if source == str(gone):
            keep.unlink()
        if target == str(gone):
            place.put("keep.jpg")

    monkeypatch.setattr("lookalike.duplicates.ways.move", both)
    monkeypatch.setattr("lookalike.duplicates.restoring.move", both)
    assert "the picture to keep changed meanwhile" in only_reason(place.apply(plan))
    assert keep.exists()
    assert gone.exists()


def test_something_new_comes_while_it_is_put_back(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg", mtime=1)
    plan = place.plan(group(keep, gone))
    still_there = guard.Guard.still_there

    def new_meanwhile(self: guard.Guard, *args: Any) -> bool:
        keep.unlink()
        place.put("gone.jpg", b"new")
        return still_there(self, *args)

    monkeypatch.setattr(guard.Guard, "still_there", new_meanwhile)
    report = place.apply(plan)
    assert "putting it back failed (something else is there now" in only_reason(report)
    assert (place.quarantine / "gone.jpg").read_bytes() == BYTES["a"]
    assert gone.read_bytes() == b"new"
    gone.unlink()
    assert report.journal
    assert undo(report.journal).restored == (str(gone),)
    assert (gone.read_bytes(), gone.stat().st_mtime_ns) == (BYTES["a"], 1)


# --- failures of the system -------------------------------------------------------------------


def failing(function: Callable[..., Any], number: int, when: Callable[..., bool]) -> Callable[..., Any]:
    def wrapped(*args: Any, **options: Any) -> Any:
        if when(*args):
            raise OSError(number, os.strerror(number))
        return function(*args, **options)

    return wrapped


def test_no_permission_to_move(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, gone, other = place.put("keep.jpg"), place.put("x/gone.jpg"), place.put("other.jpg")
    refuse = failing(moving._rename_exclusively, errno.EACCES, lambda source, _: source == str(gone))
    monkeypatch.setattr(moving, "_rename_exclusively", refuse)
    report = place.apply(place.plan(group(keep, gone, other)))
    assert [(skip.path, skip.reason) for skip in report.skipped] == [(str(gone), "permission denied")]
    assert [done.path for done in report.applied] == [str(other)]
    assert gone.exists()
    assert report.journal
    assert undo(report.journal).restored == (str(other),)


@pytest.fixture
def weak() -> Iterator[Place]:
    """A place of somebody whom permissions bind: root becomes `nobody` for the time being."""
    with tempfile.TemporaryDirectory() as folder:
        user, nobody = os.geteuid(), 65534
        if user == 0:
            os.chown(folder, nobody, nobody)
            os.seteuid(nobody)
        try:
            yield Place(Path(folder))
        finally:
            os.seteuid(user)


@pytest.mark.parametrize("to", ["trash", "hardlink", None])
def test_a_read_only_folder(weak: Place, to: Any) -> None:
    keep, gone = weak.put("keep.jpg"), weak.put("x/gone.jpg")
    gone.parent.chmod(0o500)
    before = snapshot(weak.photos)
    assert "permission denied" in only_reason(weak.apply(weak.plan(group(keep, gone)), to))
    assert snapshot(weak.photos) == before


@pytest.mark.parametrize("to", ["hardlink", None])
def test_a_folder_that_is_read_only_when_it_is_undone(weak: Place, to: Any) -> None:
    keep, gone = weak.put("keep.jpg"), weak.put("x/gone.jpg")
    before = snapshot(weak.photos)
    journal = weak.apply(weak.plan(group(keep, gone)), to).journal or ""
    gone.parent.chmod(0o500)
    assert [skip.reason for skip in undo(journal).skipped] == ["permission denied"]
    gone.parent.chmod(0o700)
    assert undo(journal).restored == (str(gone),)
    assert snapshot(weak.photos) == before


def test_pictures_that_may_not_be_read(weak: Place) -> None:
    keep, gone = weak.put("keep.jpg"), weak.put("gone.jpg")
    plan = weak.plan(group(keep, gone))
    gone.chmod(0)
    assert only_reason(weak.apply(plan)) == "permission denied"
    gone.chmod(0o600)
    keep.chmod(0)
    reason = f"the picture to keep cannot be read (permission denied): {keep}"
    assert only_reason(weak.apply(plan)) == reason


def test_a_read_only_quarantine(weak: Place) -> None:
    keep, gone = weak.put("keep.jpg"), weak.put("gone.jpg")
    weak.quarantine.mkdir(0o500)
    assert only_reason(weak.apply(weak.plan(group(keep, gone)))) == "permission denied"
    assert gone.exists()


def test_no_trash(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")

    def no_trash(path: str) -> None:
        raise OSError("Trashing on this drive is not supported")

    monkeypatch.setattr("send2trash.send2trash", no_trash)
    assert only_reason(place.apply(place.plan(group(keep, gone)), "trash")).startswith("trashing on this")
    assert gone.exists()


def test_a_trash_that_does_not_tell(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    monkeypatch.setattr("send2trash.send2trash", os.unlink)
    report = place.apply(place.plan(group(keep, gone)), "trash")
    assert [(done.path, done.to) for done in report.applied] == [(str(gone), "trash")]
    assert report.journal
    (skip,) = undo(report.journal).skipped
    assert skip.reason == "cannot be found: it is not in the trash any more"


def across_devices(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make a folder another file system, as far as renaming and linking go."""

    def differ(source: str, target: str) -> bool:
        return source.startswith(f"{folder}/") != target.startswith(f"{folder}/")

    rename = failing(moving._rename_exclusively, errno.EXDEV, differ)
    monkeypatch.setattr(moving, "_rename_exclusively", rename)
    monkeypatch.setattr(os, "link", failing(os.link, errno.EXDEV, differ))


def test_quarantine_on_another_drive(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    across_devices(monkeypatch, place.quarantine)
    keep, gone = place.put("keep.jpg"), place.put("x/gone.jpg")
    gone.chmod(0o604)
    before = snapshot(place.photos)
    report = place.apply(place.plan(group(keep, gone)))
    (there,) = snapshot(place.quarantine).items()
    assert there == (str(place.quarantine / "x/gone.jpg"), before[str(gone)])
    assert report.journal
    assert undo(report.journal).restored == (str(gone),)
    assert snapshot(place.photos) == before
    assert not snapshot(place.quarantine)


def test_hard_links_do_not_reach_another_drive(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    across_devices(monkeypatch, place.photos / "other")
    keep, gone = place.put("keep.jpg"), place.put("other/gone.jpg")
    before = snapshot(place.photos)
    assert "cross-device" in only_reason(place.apply(place.plan(group(keep, gone)), "hardlink"))
    assert snapshot(place.photos) == before


def test_the_quarantines_disk_is_full(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    across_devices(monkeypatch, place.quarantine)
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    before = snapshot(place.photos)
    monkeypatch.setattr(os, "write", failing(os.write, errno.ENOSPC, lambda _, data: b"picture a" in data))
    report = place.apply(place.plan(group(keep, gone)))
    assert only_reason(report) == "no space left on device"
    assert snapshot(place.photos) == before
    assert not snapshot(place.quarantine)


def test_a_copy_that_came_out_wrong_is_not_trusted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    across_devices(monkeypatch, place.quarantine)
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    before = snapshot(place.photos)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(len(data))))
    assert only_reason(place.apply(place.plan(group(keep, gone))))
    assert snapshot(place.photos) == before
    assert not snapshot(place.quarantine)


def test_without_an_atomic_call_nothing_is_overwritten(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "_system_rename", lambda: None)
    a, b = place.put("a.jpg"), place.put("b.jpg", BYTES["b"])
    with pytest.raises(FileExistsError):
        moving.move(str(a), str(b))
    moving.move(str(a), str(a) + "2")
    assert (b.read_bytes(), a.exists()) == (BYTES["b"], False)


def test_moving_does_not_overwrite(place: Place) -> None:
    a, b = place.put("a.jpg"), place.put("b.jpg", BYTES["b"])
    with pytest.raises(FileExistsError):
        moving.move(str(a), str(b))
    assert (a.read_bytes(), b.read_bytes()) == (BYTES["a"], BYTES["b"])


# --- the journal ------------------------------------------------------------------------------


def test_no_journal_nothing_done(place: Place) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    place.journals.write_bytes(b"a file is in the way")
    with pytest.raises(CollectionError, match="the journal cannot be written"):
        place.apply(place.plan(group(keep, gone)))
    assert gone.exists()


@pytest.mark.parametrize("lines", range(6))
@pytest.mark.parametrize("half", [False, True])
def test_the_journals_disk_is_full(
    place: Place, lines: int, half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some lines no more can be written: the run stops, and what is done can be undone."""
    keep, others = place.put("keep.jpg"), [place.put(f"{i}.jpg", mtime=i) for i in range(3)]
    plan, before = place.plan(group(keep, *others)), snapshot(place.photos)
    written, pwrite = [], os.pwrite

    def full(file: int, data: bytes, offset: int) -> int:
        if len(written) > lines:
            if half:
                pwrite(file, data[: len(data) // 2], offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(data)
        return pwrite(file, data, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        report = place.apply(plan)
    told = [json.loads(line) for line in written]
    moved = [path for path in others if not path.exists()]
    assert {str(path) for path in moved} <= {line["path"] for line in told if "step" in line}
    assert [done.path for done in report.applied] == [str(path) for path in moved]
    assert all("not tried" in skip.reason and "no space left" in skip.reason for skip in report.skipped)
    assert len(report.applied) + len(report.skipped) == 3
    assert report.journal
    undo(report.journal)
    assert snapshot(place.photos) == before


def test_every_step_is_on_the_disk_before_it_is_taken(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    events: list[str] = []
    fsync, pwrite, rename = os.fsync, os.pwrite, moving._rename_exclusively

    def note(word: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any) -> Any:
            events.append(word)
            return function(*args)

        return wrapped

    monkeypatch.setattr(os, "fsync", note("sync", fsync))
    monkeypatch.setattr(os, "pwrite", note("write", pwrite))
    monkeypatch.setattr(moving, "_rename_exclusively", note("move", rename))
    place.apply(place.plan(group(keep, gone)))
    # the first line and its folder; the step before and after
    assert events == ["write", "sync", "sync", "write", "sync", "move", "write", "sync"]


def test_the_journal_says_what_was_done(place: Place) -> None:
    keep, gone = place.put("keep.jpg"), place.put("gone.jpg")
    report = place.apply(place.plan(group(keep, gone)))
    assert report.journal
    header, step, done = [json.loads(line) for line in Path(report.journal).read_text().splitlines()]
    assert (header["lookalike"], header["version"], header["to"]) == ("duplicates journal", 1, "quarantine")
    assert header["roots"] == [str(place.photos)]
    assert (step["step"], step["number"], step["path"]) == ("quarantine", 1, str(gone))
    assert (step["bytes"], step["mtime_ns"]) == (len(BYTES["a"]), 1_600_000_000_123_456_789)
    assert done == {"done": 1, "to": str(place.quarantine / "gone.jpg")}


def test_each_run_has_its_own_journal(place: Place) -> None:
    keep = place.put("keep.jpg")
    journals = set()
    for number in range(3):
        journals.add(place.apply(place.plan(group(keep, place.put(f"{number}.jpg")))).journal)
    assert len(journals) == 3


# --- rehearsal, progress, names ---------------------------------------------------------------


@pytest.mark.parametrize("to", ["trash", "hardlink", Path("quarantine")])
def test_a_rehearsal_changes_nothing_and_tells_what_would_be(
    place: Place, to: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    keep, near = place.put("keep.jpg"), place.put("near.jpg", BYTES["b"])
    for name in ("x/1.jpg", "x/2.jpg", "x/1.jpg.xmp", "x/2.xmp"):
        place.put(name)
    exact = [place.photos / "x/1.jpg", place.photos / "x/2.jpg"]
    plan = place.plan(group(keep, *exact), group(keep, near, kind="near"))
    before = snapshot(place.folder)
    said = removal.rehearse(plan, to=to, check_decodable=decodable)
    assert (said.dry_run, said.journal) == (True, None)
    assert snapshot(place.folder) == before
    done = place.apply(plan, to)
    assert [entry.path for entry in said.applied] == [entry.path for entry in done.applied]
    assert said.skipped == done.skipped
    if to != "trash":
        assert said.applied == done.applied


def test_progress(place: Place) -> None:
    keep, gone, changed = place.put("keep.jpg"), place.put("gone.jpg"), place.put("changed.jpg")
    plan = place.plan(group(keep, changed, gone))
    edit(changed)
    calls: list[tuple[int, int]] = []
    place.apply(plan, progress=lambda done, skipped: calls.append((done, skipped)))
    assert calls == [(1, 1), (2, 1)]


@pytest.mark.parametrize("to", ["trash", "hardlink", None])
def test_names_in_any_encoding(place: Place, to: Any) -> None:
    keep = place.put("keep.jpg")
    names = [
        "caf\udce9.jpg",
        "日本.jpg",
        "new\nline.jpg",
        "-rf.jpg",
        "100%25.jpg",
        " .jpg",
        "\udcff/\udcfe.jpg",
    ]
    others = [place.put(name, mtime=i) for i, name in enumerate(names)]
    before = snapshot(place.photos)
    report = place.apply(place.plan(group(keep, *others)), to)
    assert [done.path for done in report.applied] == [str(path) for path in others]
    assert report.journal
    assert set(undo(report.journal).restored) == {str(path) for path in others}
    assert snapshot(place.photos) == before


def test_the_trash_already_holds_files_of_that_name(place: Place) -> None:
    keep = place.put("keep.jpg")
    journals = []
    for number in range(3):  # the same name, each time with another time
        gone = place.put("gone.jpg", mtime=number)
        report = place.apply(place.plan(group(keep, gone)), "trash")
        journals.append(report.journal)
    assert len(set(trash.found(str(place.photos / "gone.jpg")))) == 3
    for number in (1, 0, 2):
        report_back = undo(journals[number] or "")
        assert (report_back.restored, report_back.skipped) == ((str(gone),), ())
        assert gone.stat().st_mtime_ns == number
        gone.unlink()
