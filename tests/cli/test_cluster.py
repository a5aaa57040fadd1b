"""`lookalike cluster` on twelve drawn pictures: three shapes in four colours."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lookalike.collection import Collection
from lookalike.errors import CollectionError
from lookalike.gallery.local_writing import LocalWriting

Shell = Callable[..., Any]

TABLE = """\
   pictures  cohesion  near  label         medoid
1         4      0.92     2  circle 100%   pictures/green-circle.jpg
2         4      0.92     1  square 100%   pictures/green-square.jpg
3         4      0.88     2  stripes 100%  pictures/green-stripes.jpg
"""

SEARCH = "Search one: lookalike search PICTURE --where 'cluster == 1'\n"


def trimmed(text: str) -> str:
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def test_the_groups_are_shown_and_kept(indexed: Shell) -> None:
    ended = indexed("cluster")
    assert (ended.code, ended.err) == (0, "")
    assert trimmed(ended.out) == f"{TABLE}\n12 pictures: 3 clusters on level 3\n{SEARCH}"
    paths = indexed("search", "pictures/red-circle.jpg", "--where", "cluster == 2", "--paths").out.split()
    assert sorted(Path(path).name for path in paths) == [
        f"{colour}-square.jpg" for colour in ("blue", "green", "red", "yellow")
    ]
    (hit,) = indexed("search", "id:1", "-k", "1", "--json").json["results"]
    assert hit["cluster"] == 1
    assert "clusters        3 of 12 pictures (level 3)\n" in trimmed(indexed("info").out)


def test_json(indexed: Shell) -> None:
    found = indexed("cluster", "--json").json
    assert set(found) == {
        *("clusters", "noise", "method", "level", "images", "k", "agreements"),
        *("added", "kept", "not_kept", "seconds"),
    }
    assert (found["method"], found["level"], found["images"], found["noise"]) == ("communities", 3, 12, [])
    first = found["clusters"][0]
    assert set(first) == {
        *("id", "size", "medoid", "label", "cohesion", "share", "column", "parent", "nearest", "members")
    }
    assert (first["id"], first["size"], first["label"], first["column"]) == (1, 4, "circle", "category")
    assert first["medoid"] == first["members"][0]
    assert {near["id"] for near in first["nearest"]} == {2, 3}
    coarse = indexed("cluster", "--level", "1", "--json").json
    assert (coarse["level"], [one["parent"] for one in coarse["clusters"]]) == (1, [None])


def test_k_means(indexed: Shell) -> None:
    ended = indexed("cluster", "-k", "3")
    assert trimmed(ended.out) == f"{TABLE}\n12 pictures: 3 clusters by k-means\n{SEARCH}"
    assert indexed("cluster", "--method", "kmeans", "-k", "3").out == ended.out


def test_what_is_known_and_what_it_does(indexed: Shell) -> None:
    by = indexed("cluster", "--by", "in_stock", "--level", "1")
    assert "12 pictures: 2 clusters on level 1\nAgreement with in_stock: AMI 0.000 by looks alone, " in by.out
    assert "1.000 now; ARI 0.000, 1.000 now\n" in by.out
    blend = indexed("cluster", "--blend", "category=0.5", "--blend", "in_stock=0.1", "--json").json
    assert [one["column"] for one in blend["agreements"]] == ["category", "in_stock"]
    assert blend["agreements"][0]["ami"] == 1.0


def test_files(indexed: Shell, tmp_path: Path) -> None:
    ended = indexed("cluster", "--csv", "groups.csv", "--html", "groups.html")
    assert ended.err == "Wrote groups.csv\nWrote groups.html\n"
    with (tmp_path / "groups.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 12
    assert [row["cluster"] for row in rows] == [number for number in "123" for _ in range(4)]
    assert [row["path"] for row in rows if row["medoid"] == "true"] == [
        str(tmp_path / "pictures" / f"green-{shape}.jpg") for shape in ("circle", "square", "stripes")
    ]
    page = (tmp_path / "groups.html").read_text()
    for said in ("1 · circle", "2 · square", "3 · stripes", "12 pictures: 3 clusters on level 3"):
        assert said in page


def test_representatives(indexed: Shell, tmp_path: Path) -> None:
    ended = indexed("cluster", "--representatives", "3", "--csv", "few.csv", "--html", "few.html")
    assert (ended.code, ended.err) == (0, "Wrote few.csv\nWrote few.html\n")
    assert trimmed(ended.out).splitlines()[0] == "   covers  reached  path"
    assert "3 pictures for 12: every one has a similarity of at least 0.8" in ended.out
    found = indexed("cluster", "--representatives", "3", "--json").json
    assert set(found) == {"representatives", "images", "similarity", "radius"}
    names = [Path(one["path"]).name for one in found["representatives"]]
    assert {name.split("-")[1] for name in names} == {"circle.jpg", "square.jpg", "stripes.jpg"}
    with (tmp_path / "few.csv").open() as lines:
        assert [Path(row["path"]).name for row in csv.DictReader(lines)] == names
    assert "Pictures that cover all others" in (tmp_path / "few.html").read_text()
    assert indexed("info", "--json").json["clusters"] is None


def test_new_pictures_join(indexed: Shell, tmp_path: Path) -> None:
    moved = tmp_path / "red-square.jpg"
    (tmp_path / "pictures" / "red-square.jpg").rename(moved)
    indexed("remove", "pictures/red-square.jpg")
    assert indexed("cluster", "--level", "2").code == 0
    moved.rename(tmp_path / "pictures" / "red-square.jpg")
    indexed("index", "pictures")
    assert "; 1 not looked at (lookalike cluster --update)" in indexed("info", columns=160).out
    ended = indexed("cluster", "--update")
    assert "12 pictures: " in ended.out
    assert "; 1 picture new\n" in ended.out
    assert indexed("info", "--json").json["clusters"]["new"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-k", "20"], "k must be from 1 to the number of pictures, 12; got 20"),
        (
            ["--representatives", "13"],
            "expected from 1 to the number of pictures, 12; got 13",
        ),
        (["--by", "tint"], "there is no column 'tint'; there are bytes, category, cluster, folder, "),
        (["--blend", "categry=0.3"], "there is no column 'categry'; did you mean 'category'?"),
        (["--blend", "category"], "--blend takes COLUMN=WEIGHT with a weight from 0 to 1"),
        (["--blend", "category=2"], "--blend takes COLUMN=WEIGHT with a weight from 0 to 1"),
        (["--where", "price > 1000"], "there are no pictures to look at: none matches the filter"),
        (["--method", "kmeans"], "--method kmeans needs the number of clusters: -k N"),
        (["--method", "communities", "-k", "3"], "communities find their number themselves"),
        (["-k", "3", "--level", "2"], "k-means has no --level: leave it out, or leave out -k"),
        (["--update", "--by", "category"], "--update goes by how the clusters were found: leave out --by"),
        (["--update", "--where", "in_stock"], "leave out --where"),
        (["--update"], "there are no clusters yet: find them first with `lookalike cluster`"),
        (["--representatives", "3", "-k", "3"], "--representatives finds no clusters: leave out -k"),
        (["--where", "cluster == 1"], "there are no clusters yet: `lookalike cluster` finds them"),
        (["--csv", "pictures/shop.csv"], "pictures/shop.csv exists and is no table with the columns path, "),
        (["--html", "pictures/red-circle.jpg"], "a page ends in .html"),
        (["--level", "6"], "6 is not in the range 1<=x<=5"),
    ],
)
def test_wrong_requests_are_explained(indexed: Shell, arguments: list[str], message: str) -> None:
    ended = indexed("cluster", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_one_picture_is_no_cluster(shell: Shell, pictures: Path) -> None:
    shell("index", "pictures/red-circle.jpg")
    ended = shell("cluster")
    assert ended.code == 0
    assert ended.out.startswith("No clusters: no three pictures are more like each other")
    assert "1 picture: 0 clusters on level 3, 1 picture in none" in ended.out


def test_without_a_collection(shell: Shell) -> None:
    ended = shell("cluster")
    assert ended.code == 1
    assert "holds no collection" in ended.err


def test_a_busy_collection_is_read_and_told_of(indexed: Shell, tmp_path: Path) -> None:
    with Collection.open(tmp_path / ".lookalike") as other, other.gallery.writing():
        ended = indexed("cluster")
    assert ended.code == 0
    assert trimmed(ended.out).startswith(TABLE)
    assert ended.err.startswith("Not kept: this process is already writing to ")


def test_why_clusters_are_not_kept_is_said(indexed: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise CollectionError("store.db cannot be written: No space left on device")

    monkeypatch.setattr(LocalWriting, "set_partition", full)
    ended = indexed("cluster", "--json")
    assert ended.err == "Not kept: store.db cannot be written: No space left on device\n"
    assert ended.json["not_kept"] == "store.db cannot be written: No space left on device"


def test_a_column_of_our_name_is_told_of(indexed: Shell, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("path,cluster\npictures/red-circle.jpg,7\n")
    indexed("index", "pictures", "--metadata", "own.csv")
    ended = indexed("cluster")
    assert ended.out.endswith("\nFilters mean your own column cluster: rename it to ask for these\n")


def test_fewer_by_k_means_than_asked_for_is_said(shell: Shell, pictures: Path) -> None:
    for copy in ("one", "two"):
        (pictures / f"{copy}.jpg").write_bytes((pictures / "red-circle.jpg").read_bytes())
    shell("index", "pictures/one.jpg", "pictures/two.jpg")
    ended = shell("cluster", "-k", "2")
    assert "\n2 pictures: 1 cluster by k-means, not 2: too few pictures differ\n" in ended.out
