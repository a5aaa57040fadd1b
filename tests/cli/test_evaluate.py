"""`lookalike evaluate`: the table, JSON, the page, mistakes."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Shell = Callable[..., Any]


def test_json_is_one_line_a_model(indexed: Shell) -> None:
    assert indexed("index", "pictures", "--output", "texture").code == 0
    ended = indexed(
        "evaluate", "--label", "category", "--output", "embedding", "--output", "texture", "--json"
    )
    assert (ended.code, ended.err) == (0, "")
    first, second = ended.lines
    assert list(first)[:7] == [
        "model", "output", "recall@1", "recall@5", "recall@10", "precision@10", "map@r",
    ]  # fmt: skip
    assert (first["output"], second["output"]) == ("embedding", "texture")
    assert (first["queries"], first["gallery"], first["alone"], first["unlabelled"]) == (12, 12, 0, 0)
    assert {group["label"] for group in first["classes"]} == {"circle", "square", "stripes"}
    assert sum(group["queries"] * group["recall@1"] for group in first["classes"]) == pytest.approx(
        12 * first["recall@1"]
    )
    assert len(first["worst"]) == 12
    assert set(first["intervals"]) == set(list(first)[2:7])


def test_the_same_figures_every_time(indexed: Shell) -> None:
    command = ("evaluate", "--label", "category", "--json")
    assert indexed(*command).out == indexed(*command).out


def test_the_table(indexed: Shell) -> None:
    ended = indexed("evaluate", "--label", "category", columns=160)
    assert ended.code == 0
    heading, line, blank, classes, *rows = ended.out.splitlines()
    assert heading.split() == [
        "model", "output", "recall@1", "recall@5", "recall@10", "precision@10", "map@r", "queries",
    ]  # fmt: skip
    assert line.split()[:2] == ["efficientnet-lite0", "embedding"]
    assert line.split()[-1] == "12"
    assert (blank, classes.split()[0], len(rows)) == ("", "worst", 3)


def test_what_is_left_out_is_said(indexed: Shell) -> None:
    ended = indexed("evaluate", "--label", "name", "--queries", "name == 'red circle' or price < 3")
    assert ended.code == 2
    assert "no two pictures have the same value in column name among those" in ended.err
    ended = indexed("evaluate", "--label", "in_stock", "--gallery", "in_stock")
    assert ended.err == "6 pictures were not searched for: nothing else belongs to them\n"


def test_the_page_and_the_table_of_classes(indexed: Shell, tmp_path: Path) -> None:
    ended = indexed(
        "evaluate", "--label", "category", "--html", "worst.html", "--csv", "classes.csv", "--worst", "3"
    )
    assert ended.err.endswith("Wrote worst.html\nWrote classes.csv\n")
    page = (tmp_path / "worst.html").read_text(encoding="utf-8")
    assert page.count('<section class="part"') == 3
    assert "recall@1" in page
    assert ">wrong<" in page
    with (tmp_path / "classes.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["queries"] for row in rows] == ["4", "4", "4"]


def test_the_page_draws_how_true_chances_are(indexed: Shell, tmp_path: Path) -> None:
    assert indexed("evaluate", "--label", "category", "--html", "before.html").code == 0
    assert 'class="chart"' not in (tmp_path / "before.html").read_text(encoding="utf-8")
    assert indexed("calibrate", "--label", "category").code == 0
    assert indexed("evaluate", "--label", "category", "--html", "after.html").code == 0
    page = (tmp_path / "after.html").read_text(encoding="utf-8")
    assert page.count('<figure class="chart">') == 1
    assert "efficientnet-lite0, embedding: chances are off by" in page


def test_pairs(indexed: Shell, tmp_path: Path) -> None:
    text = "query,chosen\npictures/red-circle.jpg,pictures/green-circle.jpg\n"
    (tmp_path / "clicks.csv").write_text(text)
    found = indexed("evaluate", "--pairs", "clicks.csv", "--json").json
    assert (found["queries"], found["gallery"], found["classes"]) == (1, 12, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give what belongs together: --label COLUMN or --pairs FILE"),
        (["--label", "category", "--pairs", "x.csv"], "give what belongs together"),
        (["--label", "prize"], "there is no column prize; did you mean price?"),
        (["--label", "category", "--queries", "prize < 3"], "there is no column prize; did you mean price?"),
        (["--pairs", "none.csv"], "none.csv: No such file or directory"),
        (["--label", "category", "--html", "pictures/shop.csv"], "pictures/shop.csv"),
    ],
)
def test_mistakes(indexed: Shell, arguments: list[str], message: str) -> None:
    ended = indexed("evaluate", *arguments)
    assert ended.code == 2, ended.err
    assert message in ended.err
    assert not ended.out


def test_models_are_compared_on_the_pictures_that_both_know(indexed: Shell, tmp_path: Path) -> None:
    circles = sorted((tmp_path / "pictures").glob("*-circle.jpg"))
    for path in circles[:3]:
        path.unlink()
    assert indexed("models", "use", "efficientnet-lite0", "--output", "texture").code == 0
    both = ("evaluate", "--label", "category", "--output", "embedding", "--output", "texture")
    first, second = indexed(*both, "--json").lines
    assert first["without_vector"] == second["without_vector"] == 3
    assert first["gallery"] == second["gallery"] == 9
    assert first["queries"] == second["queries"] == 8
    told = indexed(*both).err
    assert told.startswith("3 pictures without a vector of each of these models and outputs left out\n")
    told = indexed("evaluate", "--label", "category", "--output", "texture").err
    assert told.startswith("3 pictures without a vector of efficientnet-lite0 left out\n")
    assert indexed("evaluate", "--label", "category", "--output", "embedding", "--json").json["gallery"] == 12


def test_that_vectors_are_missing_is_said(indexed: Shell, tmp_path: Path) -> None:
    for path in (tmp_path / "pictures").glob("*-circle.jpg"):
        path.unlink()
    assert indexed("models", "use", "efficientnet-lite0", "--output", "texture").code == 0
    ended = indexed("evaluate", "--label", "category", "--queries", "category == 'circle'")
    assert (ended.code, ended.out) == (2, "")
    assert (
        "no picture with a vector of model efficientnet-lite0, output texture, has a value in column "
        "category among those that --queries and --gallery take; 4 have no vector of it" in ended.err
    )


def test_outputs_that_a_model_does_not_have_are_left_out(indexed: Shell) -> None:
    asked = ("evaluate", "--label", "category", "--model", "efficientnet-lite0", "--output", "nix")
    ended = indexed(*asked, "--output", "embedding", "--json")
    assert ended.json["output"] == "embedding"
    has = "model 'efficientnet-lite0' has no output 'nix': it has embedding, plain, texture"
    assert ended.err == f"Left out: {has}\n"
    nothing = indexed(*asked)
    assert (nothing.code, nothing.out, nothing.err) == (1, "", f"Error: {has}\n")
    consistent = indexed("evaluate", "--consistency", *asked[3:], "--output", "embedding", "--json")
    assert (consistent.json["output"], consistent.err) == ("embedding", f"Left out: {has}\n")


@pytest.mark.parametrize("command", [["evaluate", "--label", "category"], ["search", "id:1"]])
def test_an_output_that_no_model_here_has_is_not_to_be_indexed(indexed: Shell, command: list[str]) -> None:
    ended = indexed(*command, "--output", "nix")
    assert (ended.code, ended.out) == (1, "")
    assert "model 'efficientnet-lite0' has no output 'nix': choose one of embedding, plain, text" in ended.err
    assert "Run `lookalike index`" not in ended.err
    assert "Run `lookalike index`" in indexed(*command, "--output", "plain").err


def test_a_model_without_vectors(indexed: Shell) -> None:
    ended = indexed("evaluate", "--label", "category", "--output", "plain")
    assert ended.code == 1
    assert "has no vectors of output plain" in ended.err
    assert not ended.out
