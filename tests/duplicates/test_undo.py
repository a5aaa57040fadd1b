"""Undoing: apply and undo are the identity on any tree, and nothing is overwritten."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.duplicates import moving, removal, restoring
from lookalike.duplicates.journal import Journal, Step, read
from lookalike.duplicates.plan import Plan, PlanCopy, PlanFile, PlanGroup
from lookalike.duplicates.undoing import undo
from lookalike.errors import CollectionBusy, CollectionError, PictureError, UsageError

CONTENTS = [b"first picture", b"second picture", b"", b"broken"]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def decodable(data: bytes) -> None:
    if data == b"broken":
        raise PictureError("damaged")


@pytest.fixture(autouse=True)
def empty_trash(clean_environment: Path) -> Iterator[None]:
    yield
    shutil.rmtree(clean_environment / ".local/share/Trash", ignore_errors=True)


def snapshot(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Bytes, time and mode of every file below a folder, links as what they say."""
    found = {}
    for where, folders, names in os.walk(folder):
        for name in [*names, *(name for name in folders if os.path.islink(os.path.join(where, name)))]:
            path = os.path.join(where, name)
            status = os.lstat(path)
            content = os.readlink(path) if os.path.islink(path) else Path(path).read_bytes()
            found[path] = (content, status.st_mtime_ns, status.st_mode)
    return found


# --- any tree, any plan -----------------------------------------------------------------------

FOLDERS = ["", "a", "a/b", "caf\udce9"]
STEMS = ["x", "y", "caf\udce9", "new\nline", "-r f"]
ENDINGS = [".jpg", ".jpg", ".JPG", ".png", ".jpg.xmp", ".json", ".xmp", ".png.json"]
names = st.builds(lambda *parts: "/".join(filter(None, parts[:1])) + "/" + parts[1] + parts[2],
                  st.sampled_from(FOLDERS), st.sampled_from(STEMS), st.sampled_from(ENDINGS))  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One name in a tree: a file, or a hard or symbolic link to the name before it."""

    name: str
    kind: str
    content: int
    mtime: int
    mode: int


entries = st.builds(
    Entry,
    names,
    st.sampled_from(["file"] * 6 + ["hard", "symbolic", "outside"]),
    st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3]),
    st.integers(0, 2**33 * 10**9),
    st.sampled_from([0o600, 0o644, 0o640]),
)
trees = st.lists(entries, min_size=2, max_size=14, unique_by=lambda entry: entry.name)


@dataclass(frozen=True)
class Choice:
    """A group of an edited plan, by numbers of entries, and how their paths are spelled."""

    keep: int
    copies: tuple[tuple[int, bool, str], ...]
    kind: str


choices = st.lists(
    st.builds(
        Choice,
        st.integers(0, 13),
        st.lists(
            st.tuples(
                st.integers(0, 13),
                st.sampled_from([True, True, True, False]),
                st.sampled_from(["plain", "plain", "plain", "plain", "link", "dots", "wrong"]),
            ),
            min_size=1,
            max_size=6,
        ).map(tuple),
        st.sampled_from(["exact", "exact", "near"]),
    ),
    min_size=1,
    max_size=5,
)
ways = st.sampled_from(["trash", "hardlink", "quarantine"])


def grow(root: Path, tree: list[Entry]) -> list[str]:
    """Make the tree; gives the paths of its entries. `root/way` is a link to the root itself."""
    photos, outside = root / "photos", root / "outside"
    photos.mkdir()
    outside.mkdir()
    (outside / "x.jpg").write_bytes(CONTENTS[0])
    (photos / "way").symlink_to(photos)
    before, paths = None, []
    for entry in tree:
        path = f"{photos}/{entry.name.lstrip('/')}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        paths.append(path)
        if entry.kind == "outside":
            os.symlink(outside / "x.jpg", path)
        elif entry.kind == "symbolic" and before:
            os.symlink(before, path)
        elif entry.kind == "hard" and before:
            os.link(before, path, follow_symlinks=False)
        else:
            Path(path).write_bytes(CONTENTS[entry.content])
            os.chmod(path, entry.mode)
            os.utime(path, ns=(0, entry.mtime))
            before = path
    return [*paths, str(outside / "x.jpg"), str(photos / "nothing.jpg")]


def planned(root: Path, paths: list[str], chosen: list[Choice]) -> Plan:
    def spelled(path: str, how: str) -> str:
        folder, name = os.path.split(path)
        photos = str(root / "photos")
        if how == "link":
            return path.replace(photos, f"{photos}/way", 1)
        return f"{folder}/./../{os.path.basename(folder)}//{name}" if how == "dots" else path

    def facts(path: str, how: str = "plain") -> dict[str, Any]:
        path = spelled(path, how)
        data = Path(path).read_bytes() if os.path.isfile(path) else b""
        data += b"changed" if how == "wrong" else b""
        return {"path": path, "sha256": sha256(data), "bytes": len(data), "width": 1, "height": 1}

    def group(choice: Choice) -> PlanGroup:
        rest: dict[str, Any] = {"kind": choice.kind, "probability": 1.0, "doubt": None}
        copies = [
            PlanCopy(**facts(paths[i % len(paths)], how), **rest, remove=go) for i, go, how in choice.copies
        ]
        return PlanGroup(PlanFile(**facts(paths[choice.keep % len(paths)])), "", tuple(copies))

    groups = [group(choice) for choice in chosen]
    return Plan(str(root / ".lookalike"), "", (str(root / "photos"),), tuple(groups))


def is_picture(path: str, content: str) -> bool:
    regular = os.path.isfile(path) and not os.path.islink(path)
    return regular and sha256(Path(path).read_bytes()) == content


@given(tree=trees, chosen=choices, by=ways)
def test_apply_and_undo_are_the_identity_and_no_plan_removes_the_last_copy(
    tree: list[Entry], chosen: list[Choice], by: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder), tree, chosen, by)


def check(root: Path, tree: list[Entry], chosen: list[Choice], by: str) -> None:
    paths = grow(root, tree)
    plan = planned(root, paths, chosen)
    before = snapshot(root)
    kept = [group.keep for group in plan.groups if is_picture(group.keep.path, group.keep.sha256)]
    to: Any = root / "quarantine" if by == "quarantine" else by

    said = removal.rehearse(plan, to=to, check_decodable=decodable)
    assert snapshot(root) == before
    report = removal.apply(plan, to=to, journal_folder=root / "journals", check_decodable=decodable)

    assert all(is_picture(keep.path, keep.sha256) for keep in kept)
    check_each_removal(plan, before, {done.path for done in report.applied}, kept)
    check_the_rest(root, before, {os.path.realpath(done.path) for done in report.applied}, by)
    assert [done.path for done in said.applied] == [done.path for done in report.applied]
    assert said.skipped == report.skipped

    assert (report.journal is None) == (not report.applied)
    if report.journal:
        back = undo(report.journal)
        assert (list(back.restored), back.skipped) == ([done.path for done in reversed(report.applied)], ())
        again = undo(report.journal)
        assert (again.restored, again.skipped) == ((), ())
        shutil.rmtree(root / "journals")
    shutil.rmtree(root / "quarantine", ignore_errors=True)
    assert snapshot(root) == before


def check_each_removal(plan: Plan, before: Any, applied: set[str], kept: list[PlanFile]) -> None:
    """What went was ticked, had the bytes of the plan, and its group's picture to keep is there."""
    copies = [copy for group in plan.groups if group.keep in kept for copy in group.copies if copy.remove]
    listed = {(copy.path, copy.sha256) for copy in copies}
    pictures = {path for path in applied if (path, sha256(before[os.path.realpath(path)][0])) in listed}
    for path in applied - pictures:
        assert path.endswith((".xmp", ".json"))
        assert any(path.startswith(os.path.splitext(picture)[0]) for picture in pictures)


def check_the_rest(root: Path, before: dict[str, Any], applied: set[str], by: str) -> None:
    """Whatever else there was is as it was."""
    now = snapshot(root)
    for path, state in before.items():
        if path not in applied:
            assert now[path] == state
        elif by == "hardlink":
            assert now[path][0] == state[0]
        else:
            assert path not in now


# --- one thing at a time ----------------------------------------------------------------------


class Done:
    """`gone.jpg` with `keep.jpg` beside it, and a plan that has been applied."""

    def __init__(self, folder: Path, to: str) -> None:
        self.photos = folder / "photos"
        self.gone, self.keep = self.photos / "x/y/gone.jpg", self.photos / "keep.jpg"
        self.gone.parent.mkdir(parents=True)
        for path, mtime in ((self.gone, 10), (self.keep, 20)):
            path.write_bytes(b"picture")
            os.utime(path, ns=(mtime, mtime))
        self.before = snapshot(self.photos)
        facts = (sha256(b"picture"), 7, 1, 1)
        copy = PlanCopy(str(self.gone), *facts, "exact", 1.0, True, None)
        group = PlanGroup(PlanFile(str(self.keep), *facts), "", (copy,))
        plan = Plan(str(folder), "", (str(self.photos),), (group,))
        self.report = removal.apply(
            plan,
            to=folder / "quarantine" if to == "quarantine" else to,  # type: ignore[arg-type]
            journal_folder=folder / "journals",
            check_decodable=decodable,
        )
        self.there = Path(self.report.applied[0].to)
        self.journal = Path(self.report.journal or "")


@pytest.fixture(params=["trash", "quarantine", "hardlink"])
def done(request: pytest.FixtureRequest, tmp_path: Path) -> Done:
    return Done(tmp_path, request.param)


@pytest.fixture
def quarantined(tmp_path: Path) -> Done:
    return Done(tmp_path, "quarantine")


def test_what_came_in_the_meantime_is_not_overwritten(done: Done) -> None:
    done.gone.unlink(missing_ok=True)
    done.gone.write_bytes(b"new")
    state = done.gone.stat()
    for _ in range(2):
        report = undo(done.journal)
        assert report.restored == ()
        (skip,) = report.skipped
        assert skip.path == str(done.gone)
        assert skip.reason.startswith("something else is there now, and is not overwritten")
        assert done.gone.read_bytes() == b"new"
        assert done.gone.stat().st_mtime_ns == state.st_mtime_ns
    done.gone.unlink()
    assert undo(done.journal).restored == (str(done.gone),)
    assert snapshot(done.photos) == done.before


def test_a_link_in_the_way_is_not_overwritten(done: Done, tmp_path: Path) -> None:
    (tmp_path / "same").write_bytes(b"picture")
    for target in ("same", "nowhere"):
        done.gone.unlink(missing_ok=True)
        done.gone.symlink_to(tmp_path / target)
        report = undo(done.journal)
        assert (report.restored, len(report.skipped)) == ((), 1)
        assert done.gone.is_symlink()


def test_folders_that_vanished_are_made_again(done: Done) -> None:
    shutil.rmtree(done.photos / "x")
    assert undo(done.journal).restored == (str(done.gone),)
    assert snapshot(done.photos) == done.before


def test_a_file_where_the_folder_was(done: Done) -> None:
    shutil.rmtree(done.photos / "x")
    (done.photos / "x").write_bytes(b"mine")
    report = undo(done.journal)
    assert (report.restored, len(report.skipped)) == ((), 1)
    assert (done.photos / "x").read_bytes() == b"mine"


def test_brought_back_by_hand(done: Done) -> None:
    done.gone.unlink(missing_ok=True)
    shutil.copy2(done.there, done.gone)
    os.utime(done.gone, ns=(10, 10))
    undo(done.journal)
    assert snapshot(done.photos) == done.before
    report = undo(done.journal)
    assert (report.restored, report.skipped) == ((), ())


@pytest.mark.parametrize("way", ["trash", "quarantine"])
def test_emptied_in_the_meantime(tmp_path: Path, way: str) -> None:
    done = Done(tmp_path, way)
    done.there.unlink()
    (skip,) = undo(done.journal).skipped
    assert skip.reason.startswith("cannot be found")


def test_changed_in_the_quarantine(quarantined: Done) -> None:
    quarantined.there.write_bytes(b"edited there")
    (skip,) = undo(quarantined.journal).skipped
    assert skip.reason.startswith("cannot be found")
    assert quarantined.there.read_bytes() == b"edited there"


def test_a_hard_link_whose_picture_to_keep_is_gone(tmp_path: Path) -> None:
    done = Done(tmp_path, "hardlink")
    done.keep.unlink()
    assert undo(done.journal).restored == (str(done.gone),)
    assert snapshot(done.photos) == {path: s for path, s in done.before.items() if path == str(done.gone)}


def test_a_hard_link_that_was_written_to(tmp_path: Path) -> None:
    done = Done(tmp_path, "hardlink")
    done.keep.write_bytes(b"edited")  # both, since they are one file
    (skip,) = undo(done.journal).skipped
    assert skip.reason == "something else is there now, and is not overwritten"
    assert done.gone.read_bytes() == b"edited"


def test_a_hard_link_that_is_replaced_while_it_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Done(tmp_path, "hardlink")

    def late(source: str, target: str) -> None:
        if source == str(done.gone):
            monkeypatch.setattr(restoring, "move", moving.move)
            done.gone.unlink()
            done.gone.write_bytes(b"new")
        moving.move(source, target)

    monkeypatch.setattr(restoring, "move", late)
    (skip,) = undo(done.journal).skipped
    assert skip.reason == "was replaced while it was undone"
    assert done.gone.read_bytes() == b"new"
    done.gone.unlink()
    assert undo(done.journal).restored == (str(done.gone),)
    assert snapshot(done.photos) == done.before


# --- the journal as it may be found -----------------------------------------------------------


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_the_last_line_may_be_cut_short(done: Done, cut: int) -> None:
    done.journal.write_bytes(done.journal.read_bytes()[:-cut])
    assert undo(done.journal).restored == (str(done.gone),)
    assert snapshot(done.photos) == done.before
    assert undo(done.journal).restored == ()


def test_a_damaged_line_is_told_and_the_rest_undone(quarantined: Done) -> None:
    lines = quarantined.journal.read_bytes().splitlines(keepends=True)
    quarantined.journal.write_bytes(b"".join([lines[0], b"\0\0\0\n", b'{"done": 77}\n', *lines[1:]]))
    report = undo(quarantined.journal)
    assert report.restored == (str(quarantined.gone),)
    assert [skip.reason.split(" cannot")[0] for skip in report.skipped] == ["line 2", "line 3"]


def test_what_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing: there is no such journal"):
        undo(tmp_path / "nothing")
    for text in ("", "\n", "{}\n", "[1]\n", '{"lookalike": "duplicates plan", "version": 1}\n', "\0"):
        path = tmp_path / "some.jsonl"
        path.write_text(text)
        with pytest.raises(UsageError, match="is no journal"):
            undo(path)
        assert path.read_text() == text


def test_a_journal_of_a_later_version(tmp_path: Path) -> None:
    path = tmp_path / "later.jsonl"
    path.write_text('{"lookalike": "duplicates journal", "version": 2}\n')
    with pytest.raises(UsageError, match="update lookalike"):
        undo(path)


def test_one_process_at_a_time(quarantined: Done) -> None:
    with Journal.reopen(quarantined.journal), pytest.raises(CollectionBusy, match="another process"):
        undo(quarantined.journal)
    assert not quarantined.gone.exists()
    assert undo(quarantined.journal).restored == (str(quarantined.gone),)


def test_a_journal_that_cannot_be_written_is_undone_all_the_same(
    quarantined: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unwritable(path: Any) -> Journal:
        raise CollectionError("read-only")

    monkeypatch.setattr(Journal, "reopen", unwritable)
    assert undo(quarantined.journal).restored == (str(quarantined.gone),)
    assert undo(quarantined.journal).restored == ()
    assert snapshot(quarantined.photos) == quarantined.before


def test_a_full_disk_keeps_nothing_from_coming_back(
    quarantined: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert undo(quarantined.journal).restored == (str(quarantined.gone),)
    assert snapshot(quarantined.photos) == quarantined.before


# --- notes ------------------------------------------------------------------------------------


def test_notes_are_undone_by_their_writer_in_their_turn(quarantined: Done) -> None:
    with Journal.reopen(quarantined.journal) as journal:
        for number in range(2):
            journal.note("metadata", {"id": number, "before": {"a": number}, "after": {}})
    seen: list[Any] = []

    def revert(payload: Any) -> None:
        seen.append((payload["id"], payload["before"], quarantined.gone.exists()))

    report = undo(quarantined.journal, revert={"metadata": revert})
    assert seen == [(1, {"a": 1}, False), (0, {"a": 0}, False)]
    assert report.restored == (str(quarantined.gone),)
    assert undo(quarantined.journal, revert={"metadata": revert}).skipped == ()
    assert len(seen) == 2


def test_notes_that_nobody_undoes_wait(quarantined: Done) -> None:
    with Journal.reopen(quarantined.journal) as journal:
        journal.note("metadata", {"id": 1})

    def busy(payload: Any) -> None:
        raise CollectionBusy("another process is writing")

    for revert, reason in (
        ({}, "nobody here knows how to undo 'metadata'"),
        ({"metadata": busy}, "another process"),
    ):
        (skip,) = undo(quarantined.journal, revert=revert).skipped
        assert skip.path == str(quarantined.journal)
        assert skip.reason.startswith(f"step 2, metadata: {reason}")
    assert undo(quarantined.journal, revert={"metadata": lambda payload: None}).skipped == ()


def test_notes_do_not_pass_for_steps(quarantined: Done) -> None:
    with Journal.reopen(quarantined.journal) as journal:
        for kind, payload in (("trash", {}), ("metadata", {"number": 1}), ("metadata", {"step": "x"})):
            with pytest.raises(UsageError, match="a note cannot be"):
                journal.note(kind, payload)


def test_going_on_with_a_journal(quarantined: Done) -> None:
    """After a line cut short, the next one stands by itself."""
    with quarantined.journal.open("ab") as file:
        file.write(b'{"step": "quar' + b"x" * 500)
    with Journal.reopen(quarantined.journal) as journal:
        assert journal.note("metadata", {}).number == 2
    lines = [json.loads(line) for line in quarantined.journal.read_text().splitlines()]
    assert lines[-1] == {"step": "metadata", "number": 2}
    step, note = read(quarantined.journal).left
    assert isinstance(step, Step)
    assert (step.done, step.to, note.kind) == (True, str(quarantined.there), "metadata")
