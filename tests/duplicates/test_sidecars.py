"""Which files go along with a picture, and that they come back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from lookalike.duplicates import removal, sidecars
from lookalike.duplicates.plan import Plan, PlanCopy, PlanFile, PlanGroup
from lookalike.duplicates.undoing import undo
from lookalike.results import ApplyReport


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ("a.jpg", ""),
        ("a.jpg a.jpg.xmp a.jpg.json", "a.jpg.json a.jpg.xmp"),
        ("a.jpg a.xmp a.json", "a.json a.xmp"),
        ("a.jpg a.XMP a.jpg.JSON", "a.XMP a.jpg.JSON"),
        ("a.jpg a.png a.jpg.xmp a.xmp", "a.jpg.xmp"),
        ("a.jpg a.CR2 a.xmp", ""),
        ("a.jpg A.CR2 a.xmp", ""),
        ("a.jpg a a.xmp", ""),
        ("a.jpg a.png.xmp a.xmp", "a.xmp"),
        ("a.jpg ab.png ab.xmp a.b.xmp b.xmp a.jpg.txt", ""),
        ("a.jpg A.xmp", ""),
    ],
)
def test_by_their_names(tmp_path: Path, there: str, found: str) -> None:
    for name in there.split():
        (tmp_path / name).write_bytes(b"")
    assert [Path(path).name for path in sidecars.of(str(tmp_path / "a.jpg"))] == found.split()


def test_a_picture_without_an_ending_shares(tmp_path: Path) -> None:
    for name in ("a", "a.xmp"):
        (tmp_path / name).write_bytes(b"")
    assert sidecars.of(str(tmp_path / "a")) == [str(tmp_path / "a.xmp")]
    (tmp_path / "a.jpg").write_bytes(b"")
    assert sidecars.of(str(tmp_path / "a")) == []


def test_links_and_folders_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "a.xmp").mkdir()
    (tmp_path / "a.json").symlink_to("a.jpg")
    assert sidecars.of(str(tmp_path / "a.jpg")) == []


def test_what_is_gone_does_not_count(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "a.xmp"):
        (tmp_path / name).write_bytes(b"")
    assert sidecars.of(str(tmp_path / "a.jpg"), {str(tmp_path / "a.png")}) == [str(tmp_path / "a.xmp")]
    assert sidecars.of(str(tmp_path / "a.jpg"), {str(tmp_path / "a.png"), str(tmp_path / "a.xmp")}) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert sidecars.of(str(tmp_path / "x/a.jpg")) == []


# --- when a plan is applied -------------------------------------------------------------------


def applied(folder: Path, to: Any, names: list[str], keep: str = "keep.jpg") -> ApplyReport:
    def facts(name: str) -> tuple[str, str, int, int, int]:
        data = (folder / name).read_bytes()
        return str(folder / name), hashlib.sha256(data).hexdigest(), len(data), 1, 1

    copies = tuple(PlanCopy(*facts(name), "exact", 1.0, True, None) for name in names)
    plan = Plan("/c", "", (str(folder),), (PlanGroup(PlanFile(*facts(keep)), "", copies),))
    return removal.apply(
        plan, to=to, journal_folder=folder.parent / "journals", check_decodable=lambda data: None
    )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("keep.jpg", "a.jpg", "a.png", "a.jpg.json", "a.xmp"):
        (folder / name).write_bytes(b"notes " + name.encode() if "json" in name or "xmp" in name else b"same")
    return folder


def test_they_go_along_and_come_back(photos: Path, tmp_path: Path) -> None:
    report = applied(photos, tmp_path / "quarantine", ["a.jpg", "a.png"])
    # a.xmp goes with the last picture it can belong to
    assert [Path(done.path).name for done in report.applied] == ["a.jpg", "a.jpg.json", "a.png", "a.xmp"]
    assert sorted(path.name for path in photos.iterdir()) == ["keep.jpg"]
    assert report.journal
    assert len(undo(report.journal).restored) == 4
    assert (photos / "a.xmp").read_bytes() == b"notes a.xmp"
    assert len(list(photos.iterdir())) == 5


def test_they_stay_beside_a_hard_link(photos: Path) -> None:
    report = applied(photos, "hardlink", ["a.jpg"])
    assert [Path(done.path).name for done in report.applied] == ["a.jpg"]
    assert (photos / "a.jpg.json").exists()


def test_one_that_is_kept_as_a_picture_stays(photos: Path, tmp_path: Path) -> None:
    """A plan can be edited to keep anything."""
    (photos / "b.jpg").write_bytes((photos / "a.jpg.json").read_bytes())
    report = applied(photos, tmp_path / "quarantine", ["b.jpg", "a.jpg"], keep="a.jpg.json")
    assert [Path(done.path).name for done in report.applied] == ["b.jpg", "a.jpg"]
    assert [(Path(skip.path).name, skip.reason) for skip in report.skipped] == [
        ("a.jpg.json", "is kept by a group of the plan")
    ]
