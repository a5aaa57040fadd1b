"""Writing pages, and the text and the pictures that go into them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.errors import LookalikeError, UsageError
from lookalike.reports import write_page
from lookalike.reports.page import Pictures, Placed


def test_write_page_replaces_whole_files_and_cleans_up(tmp_path: Path) -> None:
    file = tmp_path / "sheet.html"
    write_page(file, "<!doctype html>one é\n")
    write_page(file, "<!doctype html>two\n")
    assert file.read_bytes() == b"<!doctype html>two\n"
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
    with pytest.raises(UsageError, match="is no HTML page"):
        write_page(picture, "<!doctype html>")
    assert picture.read_bytes() == b"\xff\xd8\xff rest"
    assert [p.name for p in tmp_path.iterdir()] == ["mine.jpg"]


def test_a_picture_is_asked_for_once_and_its_bytes_are_given_out_once() -> None:
    asked: list[str] = []

    def thumbnail(path: str) -> bytes | None:
        asked.append(path)
        return None if path == "/none.jpg" else path[-5:].encode()

    pictures = Pictures(thumbnail)
    placed = [pictures.place(path) for path in ("/a.jpg", "/b.jpg", "/a.jpg", "/x/a.jpg", "/none.jpg")]
    assert placed == [
        Placed("p1", "YS5qcGc="),
        Placed("p2", "Yi5qcGc="),
        Placed("p1", None),
        Placed("p1", None),
        None,
    ]
    assert pictures.place("/none.jpg") is None
    assert asked == ["/a.jpg", "/b.jpg", "/x/a.jpg", "/none.jpg"]
