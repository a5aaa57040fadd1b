"""`apply` and `undo` are killed before each of their steps; undoing then gives the tree back.

A forked process does the work and kills itself with SIGKILL before its n-th call that changes anything on
disk (a write, half-way through), for every n until it ends by itself.
"""

from __future__ import annotations

import builtins
import errno
import hashlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lookalike.duplicates import moving, removal
from lookalike.duplicates.plan import Plan, PlanCopy, PlanFile, PlanGroup
from lookalike.duplicates.undoing import undo

# What changes something on disk. Opening counts when it makes a file.
CALLS = "fsync link unlink mkdir chmod chown utime ftruncate rename replace".split()
WRITES = ("write", "pwrite")
MOST = 200  # calls; more means that the child never ends by itself
DATA = b"a picture" * 100


@pytest.fixture(autouse=True)
def empty_trash(clean_environment: Path) -> Iterator[Path]:
    import send2trash  # noqa: F401  # before the first fork, since loading it takes long

    yield clean_environment
    shutil.rmtree(clean_environment / ".local/share/Trash", ignore_errors=True)


# --- killing ----------------------------------------------------------------------------------


def killed_before(number: int, work: Callable[[], object]) -> bool:
    """Do the work in a process that is killed before its call of this number; False when it ended
    by itself before that."""
    child = os.fork()
    if child == 0:
        try:
            arm(number)
            work()
            os._exit(0)
        finally:  # an error of the work itself
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def arm(number: int) -> None:
    """Kill this process before its call of this number."""
    left = [number]

    def reached() -> bool:
        left[0] -= 1
        return left[0] == 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def deadly(function: Callable[..., Any], counts: Callable[..., bool] = lambda *_, **__: True) -> Any:
        def wrapped(*args: Any, **options: Any) -> Any:
            if counts(*args, **options) and reached():
                die()
            return function(*args, **options)

        return wrapped

    def half(function: Callable[..., int]) -> Any:
        def wrapped(file: int, data: bytes, *rest: int) -> int:
            if reached():
                function(file, data[: len(data) // 2], *rest)
                die()
            return function(file, data, *rest)

        return wrapped

    os.fsync = lambda file: None  # the process dies, not the machine
    for name in CALLS:
        setattr(os, name, deadly(getattr(os, name)))
    for name in WRITES:
        setattr(os, name, half(getattr(os, name)))
    os.open = deadly(os.open, lambda _, flags, *__, **___: bool(flags & os.O_CREAT))
    builtins.open = deadly(open, lambda _, mode="r", *__, **___: "r" not in mode)
    moving._rename_exclusively = deadly(moving._rename_exclusively)


# --- what is worked on ------------------------------------------------------------------------


class Tree:
    """`photos` with two copies of `keep.jpg` and a sidecar, and the plan to remove them."""

    def __init__(self, folder: Path, way: str) -> None:
        self.folder, self.photos, self.journals = folder, folder / "photos", folder / "journals"
        self.photos.mkdir()
        names = ["keep.jpg", "x/1.jpg", "x/1.jpg.xmp", "2.png"]
        for number, name in enumerate(names):
            path = self.photos / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"notes" if name.endswith(".xmp") else DATA)
            path.chmod(0o600 + number)
            os.utime(path, ns=(number, 10**18 + number))
        facts = (hashlib.sha256(DATA).hexdigest(), len(DATA), 1, 1)
        copies = [
            PlanCopy(f"{self.photos}/{name}", *facts, "exact", 1.0, True, None)
            for name in ("x/1.jpg", "2.png")
        ]
        group = PlanGroup(PlanFile(f"{self.photos}/keep.jpg", *facts), "", tuple(copies))
        self.plan = Plan(str(folder), "", (str(self.photos),), (group,))
        self.to: Any = folder / "quarantine" if way == "quarantine" else way
        self.before = self.now()

    def apply(self) -> None:
        removal.apply(self.plan, to=self.to, journal_folder=self.journals, check_decodable=lambda data: None)

    def undo(self) -> None:
        for journal in self.journals.glob("*.jsonl") if self.journals.exists() else ():
            if journal.stat().st_size and b"\n" in journal.read_bytes():  # else nothing was begun
                report = undo(journal)
                assert report.skipped == ()

    def now(self) -> dict[str, tuple[bytes, int, int]]:
        files = [path for path in self.photos.rglob("*") if not path.is_dir()]
        return {
            str(path): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in files
        }

    def copies(self, folder: Path) -> int:
        """How many files have the bytes of the picture, or of the sidecar, below a folder."""
        files = [path for path in folder.rglob("*") if path.is_file()]
        return sum(path.read_bytes() in (DATA, b"notes") for path in files)


def across(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the quarantine be another drive."""
    rename = moving._rename_exclusively

    def refuse(source: str, target: str) -> None:
        if ("/quarantine/" in source) != ("/quarantine/" in target):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, target)

    monkeypatch.setattr(moving, "_rename_exclusively", refuse)


def without_atomic_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "_system_rename", lambda: None)


WAYS = {
    "trash": ("trash", None),
    "quarantine": ("quarantine", None),
    "hardlink": ("hardlink", None),
    "another drive": ("quarantine", across),
    "no atomic call": ("quarantine", without_atomic_call),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS.keys())
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name, prepare = request.param
    if prepare:
        prepare(monkeypatch)
    monkeypatch.setattr(os, "fsync", lambda file: None)
    return str(name)


def rounds(folder: Path, first: int = 1, step: int = 1) -> Iterator[tuple[int, Path]]:
    for number in range(first, MOST, step):
        root = folder / str(number)
        root.mkdir()
        yield number, root
        shutil.rmtree(root)
    pytest.fail("it never ends by itself")


# --- the tests --------------------------------------------------------------------------------


def test_apply_killed_before_any_call(tmp_path: Path, way: str, empty_trash: Path) -> None:
    for number, root in rounds(tmp_path):
        tree = Tree(root, way)
        killed = killed_before(number, tree.apply)
        assert (tree.photos / "keep.jpg").read_bytes() == DATA
        if way != "hardlink":
            assert tree.copies(root) + tree.copies(empty_trash) >= len(tree.before)
        tree.undo()
        assert tree.now() == tree.before, f"killed before call {number}"
        tree.undo()
        assert tree.now() == tree.before
        shutil.rmtree(empty_trash / ".local/share/Trash", ignore_errors=True)
        if not killed:
            break
    assert number > 15  # else little was tried


def test_undo_killed_before_any_call(tmp_path: Path, way: str, empty_trash: Path) -> None:
    for number, root in rounds(tmp_path):
        tree = Tree(root, way)
        tree.apply()
        assert tree.now() != tree.before
        killed = killed_before(number, tree.undo)
        if way != "hardlink":
            assert tree.copies(root) + tree.copies(empty_trash) >= len(tree.before)
        tree.undo()
        assert tree.now() == tree.before, f"killed before call {number}"
        shutil.rmtree(empty_trash / ".local/share/Trash", ignore_errors=True)
        if not killed:
            break
    assert number > 6


@pytest.mark.parametrize("second", [2, 6])
def test_apply_and_undo_both_killed(tmp_path: Path, way: str, second: int, empty_trash: Path) -> None:
    for number, root in rounds(tmp_path, first=second, step=4):
        tree = Tree(root, way)
        killed = killed_before(number, tree.apply)
        killed_before(second, tree.undo)
        tree.undo()
        assert tree.now() == tree.before, f"killed before calls {number} and {second}"
        shutil.rmtree(empty_trash / ".local/share/Trash", ignore_errors=True)
        if not killed:
            break


def test_what_is_left_of_a_plan_can_be_applied_after_a_crash(tmp_path: Path, way: str) -> None:
    """Without undoing first; both journals together give everything back."""
    for number, root in rounds(tmp_path, step=2):
        tree = Tree(root, way)
        killed = killed_before(number, tree.apply)
        tree.apply()
        assert (tree.photos / "keep.jpg").read_bytes() == DATA
        for _ in range(2):  # in whatever order
            for journal in tree.journals.glob("*.jsonl"):
                if b"\n" in journal.read_bytes():
                    undo(journal)
        assert tree.now() == tree.before, f"killed before call {number}"
        if not killed:
            break
