from __future__ import annotations

import hashlib
import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike import files
from lookalike.errors import PictureError, UsageError
from lookalike.files import FileIdentity
from lookalike.results import Failure


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with pictures, other files and hidden things."""
    root = tmp_path / "tree"
    for name in (
        "b.jpg",
        "a.PNG",
        "notes.txt",
        ".hidden.jpg",
        "shop/apple.jpg",
        "shop/apple.jpg.txt",
        "shop/red/cherry.webp",
        "shop/red/deep/plum.heic",
        ".cache/old.jpg",
        ".lookalike/thumb.jpg",
        "thumbs/small.jpg",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))
    return root


def names(root: Path, *sources: str | Path, **options: object) -> list[str]:
    """What a walk finds, relative to the root; failures with their reason."""
    found = files.walk(sources or [root], **options)
    return [
        os.path.relpath(item.path, root) + (f": {item.reason}" if isinstance(item, Failure) else "")
        for item in found
    ]


EVERYTHING = ["a.PNG", "b.jpg", "shop/apple.jpg", "shop/red/cherry.webp", "shop/red/deep/plum.heic"]


def test_a_folder_is_searched_in_a_stable_order(tree: Path) -> None:
    assert names(tree) == [*EVERYTHING, "thumbs/small.jpg"]


def test_a_walk_yields_identities(tree: Path) -> None:
    found = next(files.walk([tree / "b.jpg"]))
    status = (tree / "b.jpg").stat()
    assert found == FileIdentity(str(tree / "b.jpg"), 5, status.st_mtime_ns)
    assert found == files.identify(tree / "b.jpg")


def test_hidden_things_are_taken_when_asked_for_but_collections_never(tree: Path) -> None:
    found = names(tree, hidden=True)
    assert found == [".hidden.jpg", "a.PNG", "b.jpg", ".cache/old.jpg", *EVERYTHING[2:], "thumbs/small.jpg"]


def test_a_named_file_is_always_taken(tree: Path) -> None:
    sources = [tree / "notes.txt", tree / ".hidden.jpg"]
    assert names(tree, *sources, include=["*.png"], exclude=["*"]) == ["notes.txt", ".hidden.jpg"]


def test_relative_sources_become_absolute(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "shop")
    assert names(tree, "red", "../b.jpg") == [*EVERYTHING[3:], "b.jpg"]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["*.jpg"], [], ["b.jpg", "shop/apple.jpg", "thumbs/small.jpg"]),
        ([], ["thumbs"], EVERYTHING),
        ([], ["shop/red"], ["a.PNG", "b.jpg", "shop/apple.jpg", "thumbs/small.jpg"]),
        (["shop/**"], [], EVERYTHING[2:]),
        (["shop/*"], [], ["shop/apple.jpg"]),
        (["*.jpg", "*.heic"], ["shop/red/**", "thumbs/*"], ["b.jpg", "shop/apple.jpg"]),
    ],
)
def test_include_and_exclude(tree: Path, include: list[str], exclude: list[str], expected: list[str]) -> None:
    assert names(tree, include=include, exclude=exclude) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["b.jpg"]),
        ("*", [*EVERYTHING, "thumbs/small.jpg"]),  # as a shell: folders too
        ("**/*.jpg", ["b.jpg", "shop/apple.jpg", "thumbs/small.jpg"]),
        ("shop/*.txt", ["shop/apple.jpg.txt"]),
        ("shop/**", EVERYTHING[2:]),
        ("sh?p/r*", EVERYTHING[3:]),
        ("[bx].jpg", ["b.jpg"]),
        ("**/deep/*", ["shop/red/deep/plum.heic"]),
        ("*.nothing", []),
    ],
)
def test_patterns(tree: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, expected: list[str]) -> None:
    monkeypatch.chdir(tree)
    assert names(tree, pattern) == expected
    assert names(tree, tree / pattern) == expected


def test_a_pattern_does_not_enter_folders_it_cannot_match(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (entered.append(Path(path).name), scandir(path))[1])
    assert names(tree, tree / "sh*/*.jpg") == ["shop/apple.jpg"]
    assert entered == ["tree", "shop"]


def test_a_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "a[1].jpg").write_bytes(b"x")
    assert names(tmp_path, tmp_path / "a[1].jpg") == ["a[1].jpg"]


@given(
    st.lists(st.sampled_from(["a", "b", "ab", "x.jpg"]), min_size=1, max_size=5),
    st.lists(st.sampled_from(["a", "*", "**", "?", "*b", "*.jpg"]), min_size=1, max_size=5),
)
def test_matching_against_expansion(path: list[str], pattern: list[str]) -> None:
    """`**` stands for any number of `*`: try them all."""
    from fnmatch import fnmatchcase
    from itertools import product

    choices = [[["*"] * n for n in range(6)] if part == "**" else [[part]] for part in pattern]
    expected = any(
        len(flat) == len(path) and all(map(fnmatchcase, path, flat))
        for flat in ([part for parts in choice for part in parts] for choice in product(*choices))
    )
    assert files.matches("/".join(path), "/".join(pattern)) is expected


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\0"])
def test_lists(tree: Path, monkeypatch: pytest.MonkeyPatch, separator: bytes) -> None:
    monkeypatch.chdir(tree)
    content = separator.join([b"notes.txt", b"shop/red", b"", b"gone.jpg", os.fsencode(tree / "b.jpg")])
    (tree / "list.txt").write_bytes(content)
    expected = ["notes.txt", *EVERYTHING[3:], "gone.jpg: cannot be read: no such file or directory", "b.jpg"]
    assert names(tree, "@list.txt") == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content + separator)))
    assert names(tree, "-") == expected


@given(
    st.lists(st.binary(min_size=1, max_size=9).map(lambda b: bytes(65 + c % 26 for c in b))),
    st.integers(1, 9),
)
def test_lists_in_blocks(entries: list[bytes], block: int) -> None:
    for separator in (b"\n", b"\0") if all(len(entry) < block for entry in entries[:1]) else (b"\n",):
        data = b"".join(entry + separator for entry in entries)
        assert list(files._split(io.BytesIO(data), block)) == entries


def test_names_with_line_ends_in_a_list_with_nul_bytes(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "two\nlines.jpg").write_bytes(b"x")
    (tree / "list").write_bytes(b"two\nlines.jpg\0b.jpg\0")
    monkeypatch.chdir(tree)
    assert names(tree, "@list") == ["two\nlines.jpg", "b.jpg"]


@pytest.mark.parametrize("source", ["gone", "gone.jpg", "@gone.txt", "gone/*.jpg", ""])
def test_a_source_that_does_not_exist_is_named_at_once(
    tree: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.chdir(tree)
    with pytest.raises(UsageError, match=r"no such file or folder|there is no") as caught:
        files.walk([tree, source])
    assert source.removesuffix("/*.jpg") in str(caught.value)


# --- links -----------------------------------------------------------------------------------


def test_loops_of_links_end(tree: Path) -> None:
    (tree / "shop/loop").symlink_to(tree)
    (tree / "self.jpg").symlink_to("self.jpg")
    found = names(tree)
    assert found[:2] == ["a.PNG", "b.jpg"]
    assert found[2].startswith("self.jpg: cannot be read: too many levels")
    assert found[3:] == [*EVERYTHING[2:], "thumbs/small.jpg"]


def test_folders_are_found_by_their_own_path_before_links(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "far.jpg").write_bytes(b"x")
    (tree / "a-link").symlink_to(tree / "shop")
    (tree / "b-link").symlink_to(outside)
    (tree / "c.jpg").symlink_to(outside / "far.jpg")
    (tree / "gone.jpg").symlink_to(outside / "nothing")
    assert names(tree) == [
        *EVERYTHING[:2],
        "c.jpg",
        "gone.jpg: cannot be read: no such file or directory",
        *EVERYTHING[2:],
        "thumbs/small.jpg",
        "b-link/far.jpg",
    ]


def test_a_link_to_a_folder_may_be_the_source(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree)
    assert names(tmp_path, tmp_path / "link")[:1] == ["link/a.PNG"]


def test_several_sources_give_each_path_once(tree: Path) -> None:
    found = names(tree, tree / "shop", tree / "b.jpg", tree, tree / "b.jpg", tree / "*.jpg")
    assert found == [*EVERYTHING[2:], "b.jpg", "a.PNG", "thumbs/small.jpg"]


# --- what cannot be looked at ----------------------------------------------------------------


def test_a_folder_that_cannot_be_read_is_a_failure(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refusing(path: str) -> object:
        if path.endswith("red"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    expected = [*EVERYTHING[:3], "shop/red: cannot be read: permission denied", "thumbs/small.jpg"]
    assert names(tree) == expected


def test_a_name_that_is_not_utf8_is_a_failure(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    expected = Failure(f"{tmp_path}/caf\\xe9.jpg", "file name is not valid UTF-8: rename the file")
    assert list(files.walk([tmp_path])) == [expected]


def test_pipes_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    expected = "cannot be read: a pipe or device, not a file"
    assert names(tmp_path) == [f"pipe.jpg: {expected}"]
    with pytest.raises(PictureError) as caught:
        files.read(tmp_path / "pipe.jpg", max_bytes=100)
    assert caught.value.reason == expected
    assert caught.value.name == str(tmp_path / "pipe.jpg")


def test_reading(tree: Path) -> None:
    assert files.read(tree / "b.jpg", max_bytes=5) == b"xxxxx"
    for path, expected in (
        (tree / "gone.jpg", "cannot be read: no such file or directory"),
        (tree, "cannot be read: a folder, not a file"),
        (tree / "shop/apple.jpg", "file too large: 14 bytes, the limit is 5"),
    ):
        with pytest.raises(PictureError) as caught:
            files.read(path, max_bytes=5)
        assert str(caught.value) == f"{path}: {expected}"


def test_permission_denied_has_its_reason(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PictureError, match=r"b\.jpg: cannot be read: permission denied"):
        files.read(tree / "b.jpg", max_bytes=5)


@given(st.binary())
def test_content_hash(data: bytes) -> None:
    assert files.content_hash(data) == hashlib.sha256(data).hexdigest()
