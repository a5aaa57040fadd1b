"""`lookalike search` and `compare`: tables, JSON, paths, pages, mistakes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lookalike.collection import Collection
from lookalike.results import Hit, SearchResult

Shell = Callable[..., Any]

RESULT = SearchResult(
    "/shop/query.jpg",
    (
        Hit(1, 7, "/shop/chairs/oak.jpg", 1.0, metadata={"name": "Oak", "price": 120.5, "in_stock": True}),
        Hit(2, 9, "/shop/chairs/elm.jpg", 0.7512, missing=True, metadata={"name": "Elm", "in_stock": False}),
        Hit(3, 2, "/shop/table.jpg", -0.2, metadata={"price": 80, "maker": "Ada"}),
    ),
)


def table(shell: Shell, monkeypatch: pytest.MonkeyPatch, result: SearchResult, columns: int) -> list[str]:
    """The lines of `search` when it finds this."""
    monkeypatch.setattr(Collection, "search", lambda *_, **__: result)
    ended = shell("search", "query.jpg", columns=columns)
    assert (ended.code, ended.err) == (0, "")
    return [line.rstrip() for line in ended.out.splitlines()]


def test_the_table(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert table(shell, monkeypatch, RESULT, 100) == [
        "Like /shop/query.jpg",
        "   similarity       path                            name  price  in_stock  maker",
        "1  1.000 ████████   /shop/chairs/oak.jpg            Oak   120.5  yes",
        "2  0.751 ██████     /shop/chairs/elm.jpg (missing)  Elm          no",
        "3  -0.200           /shop/table.jpg                       80               Ada",
        "",
    ]


def test_chances_stand_beside_similarities(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    chances = (0.9876, 0.5, None)
    hits = tuple(
        replace(hit, probability=chance) for hit, chance in zip(RESULT.results, chances, strict=True)
    )
    result = SearchResult(RESULT.query, hits)
    assert table(shell, monkeypatch, result, 100) == [
        "Like /shop/query.jpg",
        "   similarity       probability  path                            name  price  in_stock  maker",
        "1  1.000 ████████         0.988  /shop/chairs/oak.jpg            Oak   120.5  yes",
        "2  0.751 ██████           0.500  /shop/chairs/elm.jpg (missing)  Elm          no",
        "3  -0.200                        /shop/table.jpg                       80               Ada",
        "",
    ]
    assert table(shell, monkeypatch, result, 60)[1:3] == [
        "   similarity  probability  path",
        "1  1.000             0.988  /shop/chairs/oak.jpg",
    ]


def test_in_a_narrow_window_columns_are_left_out_and_paths_stay_whole(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert table(shell, monkeypatch, RESULT, 62) == [
        "Like /shop/query.jpg",
        "   similarity       path                            name",
        "1  1.000 ████████   /shop/chairs/oak.jpg            Oak",
        "2  0.751 ██████     /shop/chairs/elm.jpg (missing)  Elm",
        "3  -0.200           /shop/table.jpg",
        "",
    ]
    assert table(shell, monkeypatch, RESULT, 46) == [
        "Like /shop/query.jpg",
        "   similarity  path",
        "1  1.000       /shop/chairs/oak.jpg",
        "2  0.751       /shop/chairs/elm.jpg (missing)",
        "3  -0.200      /shop/table.jpg",
        "",
    ]


def test_paths_below_the_current_folder_are_short(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = SearchResult(str(tmp_path / "q.jpg"), (Hit(1, 7, str(tmp_path / "in" / "a.jpg"), 0.5),))
    lines = table(shell, monkeypatch, result, 100)
    assert lines[0] == "Like q.jpg"
    assert lines[2].endswith("  in/a.jpg")


def test_strange_names_and_values_do_not_upset_the_table(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = {"note\n": "two\nlines", "long": "x" * 100, "[bold]": "[red]red[/red]"}
    result = SearchResult("/q\x1b[31m.jpg", (Hit(1, 7, "/a\n2  9.999.jpg", 0.5, metadata=metadata),))
    lines = table(shell, monkeypatch, result, 160)
    assert lines[0] == "Like /q\\x1b[31m.jpg"
    assert len(lines) == 4
    assert "/a\\n2  9.999.jpg  two\\nlines  " + "x" * 39 + "…  [red]red[/red]" in lines[2]


def test_nothing_found(indexed: Shell) -> None:
    ended = indexed("search", "pictures/red-circle.jpg", "--where", "price > 1000")
    assert ended.code == 0
    assert ended.out == (
        "Like pictures/red-circle.jpg\n"
        "  nothing found: loosen --where or --threshold, or index more pictures\n\n"
    )
    assert indexed("search", "id:1", "--where", "price > 1000", "--paths").out == ""
    assert indexed("search", "id:1", "--where", "price > 1000", "--json").json["results"] == []


def test_json_has_the_documented_keys_and_stands_alone(indexed: Shell, pictures: Path) -> None:
    ended = indexed("search", "pictures/red-circle.jpg", "id:3", "-k", "2", "--json")
    assert (ended.code, ended.err) == (0, "")
    first, second = ended.lines
    assert set(first) == set(second) == {"query", "results"}
    assert (first["query"], second["query"]) == ("pictures/red-circle.jpg", "#3")
    for answer in (first, second):
        assert [hit["rank"] for hit in answer["results"]] == [1, 2]
        for hit in answer["results"]:
            assert set(hit) == {
                *("rank", "id", "path", "similarity", "distance", "probability", "metadata"),
                *("missing", "cluster", "width", "height"),
            }
            assert hit["distance"] == 1 - hit["similarity"]
            assert os.path.isfile(hit["path"])
            assert set(hit["metadata"]) == {"name", "category", "price", "in_stock"}


def test_all_outputs_tell_what_the_library_finds(indexed: Shell, pictures: Path) -> None:
    query = pictures / "red-circle.jpg"
    with Collection.open(".lookalike") as collection:
        hits = collection.search(query, 4, where="in_stock").results
    arguments = ["search", query, "-k", "4", "--where", "in_stock"]
    assert [(h["path"], h["similarity"]) for h in indexed(*arguments, "--json").json["results"]] == [
        (hit.path, hit.similarity) for hit in hits
    ]
    assert indexed(*arguments, "--paths").out.splitlines() == [hit.path for hit in hits]
    rows = indexed(*arguments).out.splitlines()[2:-1]
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4"]
    assert [row.split()[1] for row in rows] == [f"{hit.similarity:.3f}" for hit in hits]
    for row, hit in zip(rows, hits, strict=True):
        assert os.path.relpath(hit.path) in row


def test_the_options_reach_the_search(indexed: Shell, pictures: Path) -> None:
    def paths(*arguments: str) -> list[str]:
        ended = indexed("search", *arguments, "--paths")
        assert ended.code == 0
        return [os.path.basename(line) for line in ended.out.splitlines()]

    query = "pictures/red-circle.jpg"
    assert len(paths(query)) == 10
    assert len(paths(query, "-k", "50")) == 11
    assert paths(query, "-k", "1", "--include-self") == ["red-circle.jpg"]
    assert paths(query, "--threshold", "0.9999") == []
    assert "blue-square.jpg" not in paths(query, "-k", "50", "--also", "pictures/blue-square.jpg")
    assert len(paths(query, "-k", "50", "--also", "id:1", "--against", "id:2", "--against", "id:3")) <= 10
    assert paths(query, "--region", "0,0,0.5,0.5") != paths(query)
    assert paths(query, "--exact") == paths(query)
    assert indexed("search", query, "--output", "texture").code == 1
    assert indexed("index", "pictures", "--output", "texture").code == 0
    assert len(paths(query, "--output", "texture")) == 10


def test_a_picture_on_standard_input(indexed: Shell, pictures: Path) -> None:
    data = (pictures / "red-circle.jpg").read_bytes()
    answer = indexed("search", "-", "-k", "3", "--json", stdin=data).json
    assert answer["query"] == "<bytes>"
    same = indexed("search", "pictures/red-circle.jpg", "-k", "3", "--json").json
    assert answer["results"] == same["results"]
    empty = indexed("search", "-")
    assert (empty.code, empty.out, empty.err) == (1, "", "Error: standard input: empty file\n")


def test_one_query_of_several_is_broken(indexed: Shell, pictures: Path) -> None:
    (pictures / "bad.jpg").write_bytes(b"x")
    arguments = ["search", "pictures/bad.jpg", "pictures/red-circle.jpg", "none.jpg", "id:99", "-k", "1"]
    ended = indexed(*arguments)
    assert ended.code == 0
    assert ended.out.count("Like ") == 1
    assert [line.split(":")[:2] for line in ended.err.splitlines()] == [
        ["Error", " pictures/bad.jpg"],
        ["Error", " none.jpg"],
        ["Error", " there is no picture 99 in this collection"],
    ]
    lines = indexed(*arguments, "--json").lines
    assert [line["query"] for line in lines] == arguments[1:5]
    assert [len(line["results"]) for line in lines] == [0, 1, 0, 0]
    assert ["error" in line for line in lines] == [True, False, True, True]


def test_all_queries_are_broken(indexed: Shell, pictures: Path) -> None:
    ended = indexed("search", "none.jpg", "pictures", "--json")
    assert ended.code == 1
    assert [set(line) for line in ended.lines] == [{"query", "error", "results"}] * 2
    assert "pictures: cannot be read: a folder" in ended.lines[1]["error"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'PICTURE...'"),
        (["id:1", "-k", "0"], "0 is not in the range x>=1"),
        (["id:1", "--threshold", "2"], "2.0 is not in the range -1<=x<=1"),
        (["id:1", "--threshold", "nan"], "threshold must be a similarity from -1 to 1, got nan"),
        (["id:1", "--region", "1,2"], "region must be four numbers"),
        (["id:1", "--paths", "--json"], "--paths and --json exclude each other"),
        (["id:x"], "an indexed picture is named id:NUMBER, got 'id:x'"),
        (
            ["id:1", "--where", 'in_stock and tint == "red"'],
            'name, path, price, width\n  in_stock and tint == "red"\n               ^\n',
        ),
        (
            ["id:1", "--where", 'catgory == "circle"'],
            'did you mean category?\n  catgory == "circle"\n  ^\n',
        ),
    ],
)
def test_mistakes(indexed: Shell, arguments: list[str], message: str) -> None:
    ended = indexed("search", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("none", "no model is called 'none': known are efficientnet-lite0, efficientnet-lite2"),
        ("none.onnx", "there is no model file none.onnx"),
        ("efficientnet-lite2", "Run `lookalike index` with that model first"),
    ],
)
def test_only_with_a_model_that_there_is_it_says_to_index(indexed: Shell, model: str, message: str) -> None:
    ended = indexed("search", "id:1", "--model", model)
    assert (ended.code, ended.out) == (1, "")
    assert f"has no vectors of model {model}: it has efficientnet-lite0, output embedding" in ended.err
    assert message in ended.err
    assert ("lookalike index" in ended.err) == (model == "efficientnet-lite2")


def test_a_page(indexed: Shell, tmp_path: Path) -> None:
    ended = indexed("search", "pictures/red-circle.jpg", "id:5", "-k", "3", "--html", "found.html")
    assert (ended.code, ended.err) == (0, "Wrote found.html\n")
    page = (tmp_path / "found.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") >= 8  # two queries, six pictures found
    assert "red-circle.jpg" in page
    ended = indexed("search", "id:1", "--html", "no/such/folder.html", "--paths")
    assert (ended.code, ended.out) == (2, "")
    assert "no/such/folder.html cannot be written: choose a file in a folder that exists" in ended.err


HOSTILE = [
    "a\nb.jpg",
    'it\'s "quoted".jpg',
    "<script>alert(1)</script>.jpg".replace("/", "∕"),
    "-k.jpg",
    "ü ☃.jpg",
]


def test_hostile_names(shell: Shell, pictures: Path, tmp_path: Path) -> None:
    for name, source in zip(HOSTILE, sorted(pictures.glob("*.jpg")), strict=False):
        source.rename(tmp_path / name)
    shutil.rmtree(pictures)
    with open(os.fsencode(tmp_path) + b"/caf\xe9.jpg", "wb") as file:
        file.write((tmp_path / "-k.jpg").read_bytes())
    report = shell("index", ".", "--json").json
    assert report["added"] == 5
    assert report["failed"] == [
        {"path": f"{tmp_path}/caf\\xe9.jpg", "reason": "file name is not valid UTF-8: rename the file"}
    ]
    found = shell("search", "--json", "-k", "9", "--html", "page.html", "--", "-k.jpg", "a\nb.jpg")
    assert found.code == 0
    assert [line["query"] for line in found.lines] == ["-k.jpg", "a\nb.jpg"]
    names = {os.path.basename(hit["path"]) for line in found.lines for hit in line["results"]}
    assert names == set(HOSTILE)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    rows = shell("search", "--", "-k.jpg").out.splitlines()
    assert len(rows) == 2 + 4 + 1
    assert any(row.endswith("a\\nb.jpg") for row in (row.rstrip() for row in rows))
    # A query with such a name works, though it cannot be indexed.
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    assert shell("search", strange, "-k", "1", "--json").json["query"] == f"{tmp_path}/caf\\xe9.jpg"


# --- compare ---------------------------------------------------------------------------------


def test_compare(shell: Shell, pictures: Path) -> None:
    a, b = "pictures/red-circle.jpg", "pictures/blue-stripes.jpg"
    same = shell("compare", a, a)
    assert (same.code, same.out, same.err) == (0, "1.0000  same file\n", "")
    answer = shell("compare", a, b, "--json").json
    assert set(answer) == {"similarity", "distance", "probability", "verdict", "overlap", "transform"}
    assert answer["distance"] == 1 - answer["similarity"]
    assert answer == shell("compare", b, a, "--json").json
    assert shell("compare", a, b).out == f"{answer['similarity']:.4f}  {answer['verdict']}\n"
    assert shell("compare", a, b, "--output", "texture", "--json").json["similarity"] != answer["similarity"]


def test_explain(shell: Shell, pictures: Path) -> None:
    a, b = "pictures/red-circle.jpg", "pictures/blue-stripes.jpg"
    answer = shell("explain", a, b, "--json").json
    assert answer["similarity"] == shell("compare", a, b, "--json").json["similarity"]
    lines = shell("explain", a, b).out.splitlines()
    assert lines[0] == f"{answer['similarity']:.4f}"
    for place, heat in ((3, answer["queries"][0]), (12, answer["found"])):
        assert lines[place - 1] == heat["picture"]
        printed = [[int(number) for number in line.split()] for line in lines[place : place + 7]]
        assert printed == [[round(share * 1000) for share in row] for row in heat["shares"]]
    region = shell("explain", a, b, "--region", "0,0,0.5,0.5", "--json").json
    assert region["queries"][0]["width"] == 160
    assert region["queries"][0]["box"] == pytest.approx([2.67, 2.67, 74.67, 74.67], abs=0.01)


def test_explain_writes_a_page(shell: Shell, pictures: Path, tmp_path: Path) -> None:
    a, b = "pictures/red-circle.jpg", "pictures/blue-stripes.jpg"
    ended = shell("explain", a, b, "--html", "heat.html")
    assert (ended.code, ended.err) == (0, "Wrote heat.html\n")
    page = (tmp_path / "heat.html").read_text("utf-8")
    assert "<title>red-circle.jpg and blue-stripes.jpg</title>" in page
    assert "import " not in page.split("<script>")[-1]
    assert shell("explain", a, b, "--html", "pictures/shop.csv").code == 2


def test_explain_with_a_model_without_a_map(shell: Shell, pictures: Path) -> None:
    ended = shell("explain", "pictures/red-circle.jpg", "pictures/blue-stripes.jpg", "--output", "texture")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(
        "Error: output 'texture' of model 'efficientnet-lite0' has no feature map: its"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["pictures/red-circle.jpg"], 2, "Missing argument 'B'"),
        (["pictures/red-circle.jpg", "none.jpg"], 1, "Error: none.jpg: cannot be read: no such file"),
        (["pictures/red-circle.jpg", "pictures/shop.csv"], 1, "Error: pictures/shop.csv: not a picture"),
        (["pictures/red-circle.jpg", "pictures"], 1, "Error: pictures: cannot be read: a folder"),
    ],
)
def test_compare_mistakes(
    shell: Shell, pictures: Path, arguments: list[str], code: int, message: str
) -> None:
    ended = shell("compare", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err
