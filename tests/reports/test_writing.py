"""Pages and tables as files: whole, readable again, and never over something else."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import LookalikeError, UsageError
from lookalike.reports import check_page, check_table, write_page, write_table
from lookalike.reports.writing import MARK, cell


def test_write_page_replaces_whole_files_and_cleans_up(tmp_path: Path) -> None:
    file = tmp_path / "sheet.html"
    write_page(file, f"<!doctype html>{MARK}one é\n")
    write_page(file, f"<!doctype html>{MARK}two\n")
    assert file.read_text() == f"<!doctype html>{MARK}two\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["sheet.html"]
    with pytest.raises(LookalikeError, match=r"nowhere.*choose"):
        write_page(tmp_path / "nowhere" / "sheet.html", "x")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(LookalikeError, match=r"folder\.html"):
        write_page(tmp_path / "folder.html", "x")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder.html", "sheet.html"]


def test_a_page_never_replaces_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "mine.jpg"
    picture.write_bytes(b"\xff\xd8\xff rest")
    with pytest.raises(UsageError, match="a page ends in"):
        write_page(picture, "<!doctype html>")
    assert picture.read_bytes() == b"\xff\xd8\xff rest"
    assert [p.name for p in tmp_path.iterdir()] == ["mine.jpg"]


def test_a_page_never_replaces_somebody_elses_page(tmp_path: Path) -> None:
    page = tmp_path / "diary.html"
    page.write_text("<html><body>my diary</body></html>")
    with pytest.raises(UsageError, match="lookalike did not make it"):
        write_page(page, "<!doctype html>")
    assert "my diary" in page.read_text()


def test_what_will_be_refused_is_refused_before_the_work(tmp_path: Path) -> None:
    picture = tmp_path / "mine.jpg"
    picture.write_bytes(b"\xff\xd8\xff rest")
    for check in (check_page, lambda file: check_table(file, ["path"])):
        for place in (picture, tmp_path, tmp_path / "nowhere" / "file.html"):
            with pytest.raises(UsageError, match="choose"):
                check(place)
        check(tmp_path / "new.html")
    assert sorted(tmp_path.iterdir()) == [picture]


def read(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
        return list(csv.reader(lines))


def test_a_table_holds_what_was_given(tmp_path: Path) -> None:
    file = tmp_path / "found.csv"
    broken = os.fsdecode(b"/a/\xe9.jpg")
    rows = [('/a/1,\n"2".jpg', 0.5, True, None), (broken, -1, False, "é")]
    write_table(file, ["path", "score", "blank", "label"], rows)
    assert read(file) == [
        ["path", "score", "blank", "label"],
        ['/a/1,\n"2".jpg', "0.5", "true", ""],
        [broken, "-1", "false", "é"],
    ]
    assert b"\xe9" in file.read_bytes()
    assert b"\r" not in file.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["found.csv"]


def test_a_table_replaces_only_one_of_its_kind(tmp_path: Path) -> None:
    file = tmp_path / "shop.csv"
    write_table(file, ["path", "score"], [("/a.jpg", 1)])
    write_table(file, ["path", "score"], [("/b.jpg", 2)])
    assert read(file) == [["path", "score"], ["/b.jpg", "2"]]
    with pytest.raises(UsageError, match="no table with the columns path, cluster"):
        write_table(file, ["path", "cluster"], [])
    with pytest.raises(UsageError, match="no table with the columns path:"):
        write_table(file, ["path"], [])
    assert read(file) == [["path", "score"], ["/b.jpg", "2"]]
    (tmp_path / "empty.csv").touch()
    write_table(tmp_path / "empty.csv", ["path"], [])
    with pytest.raises(LookalikeError, match="choose a file in a folder that exists"):
        write_table(tmp_path / "no" / "x.csv", ["path"], [])
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["empty.csv", "shop.csv"]


@given(st.text())
def test_no_text_is_a_formula(text: str) -> None:
    shown = cell(text)
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert shown.removeprefix("'") == text.removeprefix("'")
