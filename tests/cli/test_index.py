"""`lookalike index`, `info` and `remove`: what they say, and how they end."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Shell = Callable[..., Any]

CONTRACT = {
    "added",
    "updated",
    "unchanged",
    "removed",
    "failed",
    "images",
    "seconds",
    "images_per_second",
} | {"collection"}


def steady(text: str) -> str:
    """The text without what differs from run to run."""
    return re.sub(r" in \d+\.\d s( \([\d,]+ pictures/s\))?", " in T", text)


def test_a_first_run_and_a_second(shell: Shell, pictures: Path) -> None:
    first = shell("index", "pictures")
    assert (first.code, first.err) == (0, "")
    assert steady(first.out) == "12 added in T\n12 pictures in .lookalike\n"
    assert "pictures/s" in first.out
    second = shell("index", "pictures")
    assert steady(second.out) == "0 added, 12 unchanged in T\n12 pictures in .lookalike\n"
    assert "pictures/s" not in second.out  # a speed of nothing says nothing


def test_everything_that_can_happen_to_a_file(shell: Shell, pictures: Path) -> None:
    shell("index", "pictures")
    (pictures / "red-circle.jpg").rename(pictures / "ball.jpg")
    (pictures / "red-square.jpg").unlink()
    (pictures / "blue-square.jpg").write_bytes((pictures / "blue-circle.jpg").read_bytes()[:-300])
    (pictures / "bad.jpg").write_bytes(b"x")
    (pictures / "empty\n.png").write_bytes(b"")
    ended = shell("index", "pictures", "--metadata", "pictures/shop.csv")
    assert ended.code == 0
    assert steady(ended.out) == (
        "0 added, 1 updated, 1 moved, 9 unchanged, 1 now missing, 1 cut short but used in T\n"
        "12 pictures in .lookalike\n"
    )
    assert ended.err.splitlines() == [
        "2 files could not be used:",
        "  pictures/bad.jpg: not a picture lookalike knows (JPEG, PNG, GIF, WebP, TIFF, BMP, AVIF, HEIC)",
        "  pictures/empty\\n.png: empty file",
        "2 rows of pictures/shop.csv without a picture here, the first for red-circle.jpg",
        "1 picture without a row in pictures/shop.csv",
    ]


def test_many_failures_are_not_all_shown(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(13):
        (tmp_path / "in" / f"{number:02}.png").write_bytes(b"x")
    ended = shell("index", "in")
    lines = ended.err.splitlines()
    assert len(lines) == 12
    assert lines[-1] == "  … and 3 more: `lookalike info --failures` lists all"
    listed = shell("info", "--failures")
    assert len(listed.out.splitlines()) == 13
    assert [f["path"] for f in shell("info", "--failures", "--json").lines] == [
        str(tmp_path / "in" / f"{number:02}.png") for number in range(13)
    ]


def test_json_has_the_documented_keys_and_stands_alone(shell: Shell, pictures: Path) -> None:
    (pictures / "bad.jpg").write_bytes(b"x")
    report = shell("index", "pictures", "--metadata", "pictures/shop.csv", "--json").json
    assert set(report) == CONTRACT | {"moved", "truncated", "undescribed", "unmatched"}
    assert (report["added"], report["images"], report["collection"]) == (12, 12, ".lookalike")
    (failure,) = report["failed"]
    assert set(failure) == {"path", "reason"}
    assert failure["path"] == str(pictures / "bad.jpg")
    assert report["images_per_second"] == pytest.approx(12 / report["seconds"])


def test_the_options_reach_the_collection(shell: Shell, pictures: Path) -> None:
    (pictures / "red-circle.jpg").rename(pictures / ".hidden.jpg")
    assert shell("index", "pictures", "--include", "red-*", "--json", "-c", "a").json["added"] == 2
    ended = shell("index", "pictures", "--exclude", "red-*", "--exclude", "*-circle.jpg", "--json", "-c", "b")
    assert ended.json["added"] == 6
    assert shell("index", "pictures", "--hidden", "--threads", "3", "--json", "-c", "c").json["added"] == 12
    limited = shell("index", "pictures", "--max-pixels", "100", "--json", "-c", "d").json
    assert (limited["added"], len(limited["failed"])) == (0, 11)
    assert len(shell("index", "pictures", "--max-bytes", "10", "--json", "-c", "d").json["failed"]) == 11
    assert shell("index", "pictures", "--retry", "--json", "-c", "d").json["added"] == 11


def test_files_patterns_and_lists(shell: Shell, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("pictures/red-circle.jpg\npictures/red-square.jpg\n", encoding="utf-8")
    names = b"pictures/blue-circle.jpg\0pictures/red-circle.jpg\0"
    ended = shell("index", "@list", "-", "pictures/green-*.jpg", stdin=names, columns=80)
    assert steady(ended.out).startswith("6 added in T\n")


def test_the_collection_may_be_named_by_the_environment(
    shell: Shell, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_COLLECTION", "shop")
    assert "12 pictures in shop" in shell("index", "pictures").out
    assert shell("info", "--json").json["collection"] == "shop"
    assert shell("info", "-c", "other").code == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["index"], 2, "Missing argument 'PATH...'"),
        (["index", "nothing"], 2, "Error: nothing: no such file or folder"),
        (["index", "@nothing"], 2, "there is no list 'nothing'"),
        (["index", "pictures", "--metadata", "no.csv"], 2, "Error: no.csv: No such file or directory"),
        (["index", "pictures", "--threads", "0"], 2, "'--threads': 0 is not in the range x>=1"),
        (["index", "pictures", "--model", "none"], 1, "no model is called 'none'"),
        (["index", "pictures", "--output", "none"], 1, "choose one of embedding, plain, texture"),
        (["index", "pictures", "-c", "pictures/red-circle.jpg"], 1, "red-circle.jpg cannot be made"),
        (["info"], 1, "Error: .lookalike holds no collection: make one with `lookalike index`"),
        (["search", "pictures/red-circle.jpg"], 1, "Error: .lookalike holds no collection"),
        (["remove", "--missing"], 1, "Error: .lookalike holds no collection"),
        (["remove"], 2, "Error: name pictures, or use --missing or --where"),
        (["frobnicate"], 2, "No such command 'frobnicate'"),
        (["--nothing"], 2, "No such option"),
    ],
)
def test_mistakes(shell: Shell, pictures: Path, arguments: list[str], code: int, message: str) -> None:
    ended = shell(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert not Path(".lookalike").exists()


# --- info ------------------------------------------------------------------------------------


def test_info(indexed: Shell, pictures: Path) -> None:
    (pictures / "red-square.jpg").unlink()
    (pictures / "bad.jpg").write_bytes(b"x")
    indexed("index", "pictures")
    ended = indexed("info")
    assert (ended.code, ended.err) == (0, "")
    lines = [line.rstrip() for line in ended.out.splitlines()]
    assert lines[:-1] == [
        "collection      .lookalike",
        "pictures        12, 1 of them missing",
        "unusable files  1 (list: lookalike info --failures)",
        "metadata        category (text), in_stock (truth), name (text), price (number)",
        "model           efficientnet-lite0, embedding, 256 numbers, onnxruntime: 12 vectors",
        "search          exact: compares with every picture",
    ]
    assert re.fullmatch(
        r"size            [\d.]+ kB, [\d.]+ kB a picture; the files take [\d.]+ kB, [\d.]+ times as much",
        lines[-1],
    )


def test_info_in_a_narrow_window(indexed: Shell) -> None:
    lines = [line.rstrip() for line in indexed("info", columns=50).out.splitlines()]
    assert max(map(len, lines)) <= 50
    assert all(line[:14].strip() == "" or line[14:16] == "  " for line in lines)


def test_info_json(indexed: Shell) -> None:
    facts = indexed("info", "--json").json
    assert set(facts) == {
        *("collection", "images", "missing", "failed", "models", "columns", "clusters"),
        *("bytes", "picture_bytes", "bytes_per_image", "smaller"),
    }
    (model,) = facts["models"]
    assert set(model) == {
        *("model", "output", "runtime", "identity", "dimension", "vectors", "index", "recall", "mapped"),
    }


# --- remove ----------------------------------------------------------------------------------


def test_remove(indexed: Shell, pictures: Path) -> None:
    ended = indexed("remove", "pictures/red-circle.jpg")
    assert (ended.code, ended.out) == (0, "pictures/red-circle.jpg\n")
    assert ended.err == "1 picture removed from the collection; no file was touched\n"
    assert (pictures / "red-circle.jpg").exists()
    (pictures / "blue-square.jpg").unlink()
    indexed("index", "pictures", "--exclude", "red-circle.jpg")
    assert indexed("remove", "--missing", "--json").json == {"removed": [str(pictures / "blue-square.jpg")]}
    ended = indexed("remove", "--where", 'category == "stripes"', "id:1")
    assert ended.err.startswith("5 pictures removed")
    assert indexed("remove", "--missing").err.startswith("0 pictures removed")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing.jpg"], 1, "nothing.jpg is not in the collection"),
        (["id:999"], 1, "there is no picture 999"),
        (["id:x"], 2, "an indexed picture is named id:NUMBER, got 'id:x'"),
        (["-"], 2, "named by its path or id:NUMBER"),
        (["--where", "color == 1"], 2, "there is no column color"),
    ],
)
def test_remove_nothing_by_mistake(indexed: Shell, arguments: list[str], code: int, message: str) -> None:
    ended = indexed("remove", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err
    assert indexed("info", "--json").json["images"] == 12


# --- models ----------------------------------------------------------------------------------


def test_models(shell: Shell) -> None:
    ended = shell("models")
    assert ended.code == 0
    lines = [line for line in ended.out.splitlines() if line.startswith("efficientnet")]
    assert lines[0].startswith("efficientnet-lite0  embedding (256), plain")
    assert lines[1].startswith("efficientnet-lite2  embedding (256), plain")
    assert "Your own models belong in" in ended.err
    card, larger = shell("models", "--json").json
    assert larger["name"] == "efficientnet-lite2"
    assert card["name"] == "efficientnet-lite0"
    assert (card["here"], card["outputs"]["texture"]["dimension"]) == (True, 120)
    assert shell("models", "show", "efficientnet-lite0", "--json").json == card
    assert 'name = "efficientnet-lite0"' in shell("models", "show", "efficientnet-lite0").out
    assert "no model is called" in shell("models", "show", "none").err
