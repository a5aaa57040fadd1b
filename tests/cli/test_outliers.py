"""`lookalike outliers` from end to end, on drawn pictures."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.cli.outliers import doubts
from lookalike.results import DoubtfulLabel, DoubtfulLabels, Neighbour

Shell = Any  # conftest.Shell


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture
def odd(indexed: Shell, pictures: Path) -> Shell:
    """The drawn shop with three pictures that do not belong, and one that cannot be read any more."""
    noise = np.random.default_rng(0).normal(128, 2, (120, 120, 3))
    Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).save(pictures / "blank.jpg")
    with Image.open(pictures / "red-circle.jpg") as picture:
        picture.resize((40, 40)).save(pictures / "tiny.jpg")
        picture.resize((160, 40)).save(pictures / "strip.png")
    assert indexed("index", "pictures").code == 0
    (pictures / "blue-square.jpg").write_bytes(b"no picture any more")
    return indexed


def test_says_what_does_not_belong_and_why(odd: Shell, tmp_path: Path) -> None:
    ended = odd("outliers", "--csv", "odd.csv", "--html", "odd.html")
    assert ended.code == 0
    assert "98 % of it within" in ended.out
    assert "40 × 40 pixels" in ended.out
    assert "160 × 40 pixels; odd aspect" in ended.out
    assert "3 outliers among 15 pictures." in ended.out
    assert "blue-square.jpg: has changed since it was indexed" in ended.err
    assert ended.err.endswith("Wrote odd.csv\nWrote odd.html\n")
    rows = table(tmp_path / "odd.csv")
    assert {Path(row["path"]).name: row["reason"] for row in rows} == {
        "blank.jpg": "nearly blank",
        "tiny.jpg": "tiny",
        "strip.png": "tiny",
    }
    page = (tmp_path / "odd.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 3
    assert "Nearly blank" in page


def test_json_is_the_answer_and_nothing_is_measured_twice(
    odd: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = odd("outliers", "--json").json
    assert first["images"] == 15
    assert {one["reason"] for one in first["outliers"]} == {"nearly blank", "tiny"}
    assert [one["score"] for one in first["outliers"]] == sorted(
        (one["score"] for one in first["outliers"]), reverse=True
    )
    assert [Path(one["path"]).name for one in first["failed"]] == ["blue-square.jpg"]
    measured: list[object] = []
    from lookalike.outliers import measuring

    monkeypatch.setattr(measuring, "measure", measured.append)
    again = odd("outliers", "--json").json
    assert measured == []
    assert again["outliers"] == first["outliers"]
    limited = odd("outliers", "--json", "-n", "1").json
    assert limited["outliers"] == first["outliers"][:1]
    ended = odd("outliers", "-n", "1", "--html", "first.html")
    assert "3 outliers among 15 pictures." in ended.out
    page = Path("first.html").read_text(encoding="utf-8")
    assert "3 outliers among 15 pictures. The first is shown." in page
    assert page.count("data:image/jpeg;base64,") == 1


def test_nothing_stands_out_and_a_trait_of_many_is_none(indexed: Shell, pictures: Path) -> None:
    assert indexed("outliers").out.startswith("Nothing stands out among 12 pictures.")
    for name in ("red", "green", "blue", "yellow"):
        with Image.open(pictures / f"{name}-circle.jpg") as picture:
            picture.resize((40, 40)).save(pictures / f"{name}-tiny.jpg")
    assert indexed("index", "pictures").code == 0
    assert "more than a tenth of the pictures are so: tiny." in indexed("outliers").out
    assert "1 outlier among" not in indexed("outliers", "--where", "width > 100").out


def test_a_label_in_doubt(indexed: Shell, pictures: Path, tmp_path: Path) -> None:
    for name in ("circle", "square", "stripes"):  # more of each, so that there is something to vote with
        for number in range(6):
            with Image.open(pictures / f"red-{name}.jpg") as picture:
                picture.rotate(2 * number + 1, fillcolor=(235, 235, 235)).save(
                    pictures / f"{name}-{number}.jpg"
                )
    rows = ["path,shape"]
    for path in sorted(pictures.glob("*-?.jpg")):
        rows.append(f"{path.name},{'stripes' if path.name == 'circle-3.jpg' else path.name[:-6]}")
    (pictures / "shapes.csv").write_text("\n".join(rows) + "\n")
    assert indexed("index", "pictures", "--metadata", "pictures/shapes.csv").code == 0
    ended = indexed("outliers", "--labels", "shape", "--csv", "labels.csv", "--html", "labels.html")
    assert ended.code == 0
    first = ended.out.splitlines()[1]
    assert "stripes" in first
    assert "circle" in first
    assert "pictures/circle-3.jpg" in first
    assert "1 label is in doubt, of 18 pictures and 3 labels of shape." in ended.out
    assert "12 pictures without a label: not looked at." in ended.out
    (row,) = table(tmp_path / "labels.csv")
    assert (row["label"], row["suggested"]) == ("stripes", "circle")
    assert "rather circle" in (tmp_path / "labels.html").read_text(encoding="utf-8")
    (one,) = indexed("outliers", "--labels", "shape", "--json").json["doubtful"]
    assert (one["label"], one["suggested"]) == ("stripes", "circle")
    assert len(one["neighbours"]) == 3


def test_labels_are_told_apart_by_value_and_cut_for_show_only() -> None:
    start = "a label that begins as another one does, "
    labels = [f"{start}one", f"{start}two", 1, "1", True]
    near = (Neighbour("/p/near.jpg", 0.9, "b"),)
    found = [DoubtfulLabel(i, f"/p/{i}.jpg", one, "b", 0.9, 0.9, 0.1, near) for i, one in enumerate(labels)]
    answer = doubts.answer(DoubtfulLabels(tuple(found), "kind", 6, 9, 0), None, to_see=True)
    sections = answer.page.sections()
    assert [len(section.pictures) for section in sections] == [1] * 5
    assert all(len(section.heading) <= 40 for section in sections)
    assert [section.note for section in sections] == [f"{start}one", f"{start}two", "", "", ""]


@pytest.fixture
def split(indexed: Shell, tmp_path: Path, photo: Any) -> Shell:
    """Photos for training and testing: of the latter two are edited copies, and one has the same bytes."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rows = ["path,split"]
    for number in range(8):
        Image.fromarray(photo(number)).save(folder / f"photo-{number}.jpg", quality=95)
        rows.append(f"photo-{number}.jpg,{'train' if number < 6 else 'test'}")
    Image.fromarray(photo(1)[:, ::-1]).save(folder / "mirrored.jpg", quality=90)
    Image.fromarray(photo(2)[20:200, 30:280]).save(folder / "cropped.jpg", quality=90)
    shutil.copy(folder / "photo-3.jpg", folder / "same.jpg")
    shutil.copy(folder / "photo-4.jpg", folder / "within.jpg")  # in one split: no leak
    rows += ["mirrored.jpg,test", "cropped.jpg,test", "same.jpg,test", "within.jpg,train"]
    (folder / "splits.csv").write_text("\n".join(rows) + "\n")
    assert indexed("index", "photos", "--metadata", "photos/splits.csv").code == 0
    return indexed


def test_leaks_are_found_and_end_with_3(split: Shell, tmp_path: Path) -> None:
    ended = split("outliers", "--split", "split", "--csv", "leaks.csv", "--html", "leaks.html")
    assert ended.code == 3
    assert "test: photos/same.jpg" in ended.out
    assert "3 pictures are copies of ones in a larger split" in ended.out
    assert "(split: train 7, test 5)." in ended.out
    rows = table(tmp_path / "leaks.csv")
    found = {Path(row["path"]).name: (Path(row["other"]).name, row["kind"]) for row in rows}
    assert found == {
        "same.jpg": ("photo-3.jpg", "exact"),
        "mirrored.jpg": ("photo-1.jpg", "edited"),
        "cropped.jpg": ("photo-2.jpg", "edited"),
    }
    assert rows[0]["kind"] == "exact"
    as_json = split("outliers", "--split", "split", "--json")
    assert as_json.code == 3
    assert len(as_json.lines[0]["leaks"]) == 3
    clean = split("outliers", "--split", "split", "--where", 'path not contains "red" and split == "train"')
    assert clean.code == 2


def test_no_leaks_end_with_0(split: Shell) -> None:
    ended = split("outliers", "--split", "split", "--where", 'path contains "photo-"')
    assert ended.code == 0
    assert "No picture is shared by two splits (split: train 6, test 2)." in ended.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labels", "a", "--split", "b"], "--labels and --split exclude each other"),
        (["--labels", "categry"], "did you mean 'category'?"),
        (["--labels", "name"], "every picture has another value of 'name'"),
        (["--split", "name"], "12 values of 'name' for 12 pictures"),
        (["--where", "price > 900"], "none matches the filter"),
        (["--threshold", "2"], "2"),
        (["--split", "category", "--threshold", "0"], "--threshold is the least probability of a copy"),
        (["--labels", "category", "--threads", "2"], "leave out --threads"),
        (["--csv", "pictures/shop.csv"], "no table with the columns path, score"),
        (["--html", "pictures/red-circle.jpg"], "a page ends in .html"),
        (["-n", "0"], "0"),
    ],
)
def test_wrong_use_is_explained(indexed: Shell, arguments: list[str], message: str) -> None:
    ended = indexed("outliers", *arguments)
    assert ended.code == 2
    assert message in ended.err


def test_empty_and_single_collections(shell: Shell, pictures: Path) -> None:
    assert "no collection" in shell("outliers").err
    assert shell("index", "pictures/red-circle.jpg").code == 0
    assert shell("outliers").out.startswith("Nothing stands out among 1 picture.")
