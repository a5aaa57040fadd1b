"""`lookalike map`: a page or a figure, what is said, and what is refused."""

from __future__ import annotations

import base64
import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike import maps
from lookalike.collection import Collection

Shell = Callable[..., Any]


def page_data(page: Path) -> dict[str, Any]:
    """What the page's script reads."""
    block = re.search(
        r'<script type="application/json" id="map-data">(.*?)</script>', page.read_text("utf-8")
    )
    assert block
    data: dict[str, Any] = json.loads(block[1])
    return data


def unpacked(packed: dict[str, str]) -> np.ndarray:
    kind = {"Uint8": "u1", "Uint16": "<u2", "Uint32": "<u4", "Int8": "i1", "Int32": "<i4", "Float64": "<f8"}
    return np.frombuffer(base64.b64decode(packed["data"]), kind[packed["type"].removesuffix("Array")])


def test_a_page_is_written_and_the_quality_is_said(indexed: Shell, tmp_path: Path) -> None:
    ended = indexed("map", "map.html")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0] == "12 pictures, 12 with a thumbnail"
    quality = (
        r"\d+% of the 5 nearest points are among the 5 most similar pictures; trustworthiness [01]\.\d{3}"
    )
    assert re.fullmatch(quality, lines[1])
    assert re.fullmatch(r"Wrote map\.html \([\d.]+ [kM]B\)\n", ended.err)
    data = page_data(tmp_path / "map.html")
    assert data["count"] == 12
    assert {column["name"] for column in data["columns"]} == {"category", "in_stock", "name", "price"}
    assert data["colour"] == "category"
    assert sorted(data["paths"]["names"])[0] == "blue-circle.jpg"
    assert unpacked(data["places"]).shape == (24,)


def test_json_has_the_places(indexed: Shell, tmp_path: Path) -> None:
    found = indexed("map", "map.html", "--json").json
    assert [point["id"] for point in found["points"]] == list(range(1, 13))
    assert found["points"][0]["path"].startswith(str(tmp_path))
    assert found["images"] == found["thumbnails"] == 12
    assert found["file"] == "map.html"
    assert found["bytes"] == (tmp_path / "map.html").stat().st_size
    assert 0 <= found["trustworthiness"] <= 1
    assert found["placed"] == 0
    assert found["failed"] == []


def test_where_colour_and_title(indexed: Shell, tmp_path: Path) -> None:
    where = ("--where", 'category == "circle"')
    found = indexed("map", "m.html", *where, "--colour", "price", "--title", "<b>", "--json").json
    assert len(found["points"]) == 4
    assert found["images"] == 12
    data = page_data(tmp_path / "m.html")
    assert data["colour"] == "price"
    assert data["title"] == "<b>"
    assert (unpacked(data["neighbours"]) < 4).all()
    assert "<b>" not in (tmp_path / "m.html").read_text("utf-8").split('<script type="application/json"')[0]


def test_clusters_are_a_column_and_the_first_colour(
    indexed: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "plane", None)  # refused before anything is laid out
    ended = indexed("map", "map.html", "--colour", "cluster")
    assert (ended.code, "there are no clusters yet: run" in ended.err) == (2, True)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert indexed("cluster", "-k", "3").code == 0
    assert indexed("map", "map.html").code == 0
    data = page_data(tmp_path / "map.html")
    assert data["colour"] == "cluster"
    column = next(column for column in data["columns"] if column["name"] == "cluster")
    assert len(column["values"]) == 3
    assert set(unpacked(column["codes"])) == {1, 2, 3}


def test_clusters_of_another_model_are_told_apart(indexed: Shell) -> None:
    assert indexed("cluster", "-k", "3").code == 0
    with Collection.open() as pictures:
        partition = pictures.gallery.partition()
        assert partition is not None
        about = json.loads(partition.about) | {"space": "another"}
        with pictures.gallery.writing() as writing:
            writing.set_partition(replace(partition, about=json.dumps(about)))
    ended = indexed("map", "map.html", "--colour", "cluster")
    assert ended.code == 2
    assert "the clusters are those of another model or output" in ended.err


def test_metadata_count_before_columns_of_the_map(indexed: Shell, tmp_path: Path, pictures: Path) -> None:
    (pictures / "deep").mkdir()
    (pictures / "red-circle.jpg").rename(pictures / "deep" / "red-circle.jpg")
    names = sorted(str(path.relative_to(pictures)) for path in pictures.rglob("*.jpg"))
    rows = [f"{name},{'first' if n < 4 else 'second'},{n % 3}" for n, name in enumerate(names)]
    (tmp_path / "more.csv").write_text("\n".join(["path,cluster,folder", *rows, ""]))
    assert indexed("index", "pictures", "--metadata", "more.csv").code == 0
    assert indexed("cluster", "-k", "3").code == 0
    assert indexed("map", "map.html", "--colour", "cluster").code == 0
    data = page_data(tmp_path / "map.html")
    columns = {column["name"]: column for column in data["columns"]}
    assert len(columns) == len(data["columns"])
    assert columns["cluster"]["values"] == ["second", "first"]
    assert data["colour"] == "cluster"


def test_places_without_a_drawing(indexed: Shell, tmp_path: Path) -> None:
    points = indexed("map", "--json").json["points"]
    ended = indexed("map", "--csv", "places.csv")
    assert (ended.code, ended.err) == (0, "Wrote places.csv\n")
    assert ended.out.splitlines()[0] == "12 pictures"
    with (tmp_path / "places.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = {"id": int, "path": str, "x": float, "y": float}
    assert [{name: kind(row[name]) for name, kind in kinds.items()} for row in rows] == points
    assert indexed("map", "--csv", "places.csv", "--where", "price > 1000").code == 0  # ours is written over
    assert (tmp_path / "places.csv").read_text().splitlines() == ["id,path,x,y"]
    both = indexed("map", "map.html", "--csv", "places.csv", "--json")
    assert both.json["points"] == points
    assert both.err == "Wrote places.csv\n"


def test_vanished_pictures_are_not_shown(indexed: Shell, pictures: Path) -> None:
    (pictures / "blue-square.jpg").unlink()
    assert indexed("index", "pictures").code == 0
    found = indexed("map", "map.html", "--json").json
    assert len(found["points"]) == found["thumbnails"] == 11
    assert found["images"] == 12
    assert found["failed"] == []
    for picture in pictures.glob("*.jpg"):
        picture.unlink()
    assert indexed("index", "pictures").code in (0, 3)
    assert indexed("map", "map.html").code == 2


@pytest.mark.parametrize("name", ["map.svg", "map.png"])
def test_figures(indexed: Shell, tmp_path: Path, name: str) -> None:
    assert indexed("map", name, "--colour", "category").code == 0
    first = (tmp_path / name).read_bytes()
    assert indexed("map", name, "--colour", "category").code == 0
    assert (tmp_path / name).read_bytes() == first
    if name.endswith("svg"):
        text = first.decode("utf-8")
        assert text.count("<circle") == 12 + 3
        assert "circle (4)" in text
    else:
        assert first.startswith(b"\x89PNG")


def test_a_file_that_is_not_ours_is_not_written_over(indexed: Shell, tmp_path: Path, pictures: Path) -> None:
    picture = next(pictures.glob("*.jpg"))
    (tmp_path / "a.png").write_bytes(picture.read_bytes())
    (tmp_path / "a.html").write_text("dear diary")
    for name in ("a.png", "a.html"):
        before = (tmp_path / name).read_bytes()
        ended = indexed("map", name)
        assert ended.code == 2
        assert "choose another name" in ended.err
        assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give a FILE to draw the map into, such as map.html; or --json or --csv"),
        (["--json", "--colour", "price"], "--colour and --title need a FILE"),
        (["--csv", "pictures"], "pictures"),
        (["map.jpg"], "a map is drawn into .html, .png, .svg"),
        (["nowhere/map.html"], "folder that exists"),
        (
            ["map.html", "--colour", "taste"],
            "there is no column 'taste'; there are category, in_stock, name,",
        ),
        (["map.html", "--colour", "folder"], "all pictures shown lie in one folder"),
        (["map.html", "--size", "0"], "--size"),
        (["map.html", "--where", "price <"], "price <"),
    ],
)
def test_wrong_use_is_explained(indexed: Shell, arguments: list[str], said: str) -> None:
    ended = indexed("map", *arguments)
    assert ended.code == 2
    assert said in ended.err


def test_nothing_to_draw_is_said(indexed: Shell, tmp_path: Path) -> None:
    ended = indexed("map", "map.html", "--where", "price > 1000")
    assert ended.code == 2
    assert ended.err == "Error: no picture to draw: loosen --where, or index pictures with this model\n"
    assert not (tmp_path / "map.html").exists()


def test_new_pictures_are_placed_and_unreadable_ones_are_dots(
    indexed: Shell, tmp_path: Path, pictures: Path
) -> None:
    before = {point["id"]: point for point in indexed("map", "map.html", "--json").json["points"]}
    (pictures / "more.jpg").write_bytes((pictures / "red-circle.jpg").read_bytes())
    assert indexed("index", "pictures").code == 0
    (pictures / "blue-square.jpg").unlink()
    found = indexed("map", "map.html", "--json").json
    assert found["placed"] == 1
    assert {p["id"]: p for p in found["points"] if p["id"] in before} == before
    assert [failure["path"] for failure in found["failed"]] == [str(pictures / "blue-square.jpg")]
    assert found["thumbnails"] == 12
    ended = indexed("map", "map.html")
    assert ended.err.endswith("no such file or directory\nSuch pictures are dots without a thumbnail.\n")
    assert "1 picture placed into the layout that was there; --fresh lays out anew" in ended.out
    assert indexed("map", "map.html", "--fresh", "--json").json["placed"] == 0


def test_a_smaller_page_has_smaller_thumbnails(indexed: Shell, tmp_path: Path) -> None:
    sides = []
    for size in ("0.02", "30"):
        assert indexed("map", "map.html", "--size", size).code == 0
        sides.append([sheet["side"] for sheet in page_data(tmp_path / "map.html")["sheets"]])
    assert sides[0][-1] < sides[1][-1] == 160
