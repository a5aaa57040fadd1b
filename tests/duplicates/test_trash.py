"""Finding files in the trash by what is written there, as lookalike's helpers and desktops write it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from lookalike.duplicates import trash


@pytest.fixture
def bin(clean_environment: Path) -> Iterator[Path]:
    folder = clean_environment / ".local/share/Trash"
    for part in ("files", "info"):
        (folder / part).mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


def put(bin: Path, name: str, origin: str | Path, info: str = "") -> str:
    (bin / "files" / name).write_bytes(b"x")
    text = info or f"[Trash Info]\nPath={quote(os.fsencode(origin))}\nDeletionDate=2026-11-23T01:50:00\n"
    (bin / "info" / f"{name}.trashinfo").write_text(text)
    return str(bin / "files" / name)


def test_sent_and_found(bin: Path, tmp_path: Path) -> None:
    names = ["a.jpg", "a 1.jpg", "caf\udce9.jpg", "new\nline.jpg", "100%.jpg", ".hidden.jpg", "plain"]
    for name in names:
        for number in range(2):
            path = tmp_path / name
            path.write_bytes(bytes([number]))
            there = trash.send(str(path))
            assert there is not None
            assert Path(there).read_bytes() == bytes([number])
            assert not path.exists()
    for name in names:
        assert len(list(trash.found(str(tmp_path / name)))) == 2
    assert list(trash.found(str(tmp_path / "other.jpg"))) == []


def test_numbered_as_desktops_do(bin: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.b.jpg"
    files = [put(bin, name, path) for name in ("a.b.jpg", "a.2.b.jpg", "a.b 1.jpg")]
    put(bin, "a.b.2.jpg", tmp_path / "other/a.b.jpg")
    assert sorted(trash.found(str(path))) == sorted(files)


def test_relative_to_the_folder_of_the_trash(bin: Path) -> None:
    path = bin.parent / "pictures/a.jpg"
    there = put(bin, "a.jpg", "pictures/a.jpg")
    assert list(trash.found(str(path))) == [there]


def test_another_way_to_the_same_folder(bin: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "way").symlink_to("real")
    there = put(bin, "a.jpg", tmp_path / "real/a.jpg")
    assert list(trash.found(str(tmp_path / "way/a.jpg"))) == [there]


def test_notes_that_say_nothing(bin: Path, tmp_path: Path) -> None:
    put(bin, "a.jpg", tmp_path / "a.jpg", info="[Trash Info]\n")
    put(bin, "a.2.jpg", tmp_path / "a.jpg", info="\0\0\0")
    os.unlink(put(bin, "a.3.jpg", tmp_path / "a.jpg"))
    (bin / "info" / "a.4.trashinfo").mkdir()
    assert list(trash.found(str(tmp_path / "a.jpg"))) == []


def test_forgetting(bin: Path, tmp_path: Path) -> None:
    there = put(bin, "a.jpg", tmp_path / "a.jpg")
    os.unlink(there)
    trash.forget(there)
    trash.forget(there)
    assert os.listdir(bin / "info") == []
    trash.forget(str(tmp_path / "elsewhere.jpg"))


def test_there_may_be_no_trash(tmp_path: Path) -> None:
    assert list(trash.found(str(tmp_path / "a.jpg"))) == []
