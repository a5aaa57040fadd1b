"""`lookalike calibrate`, `evaluate --consistency` and `export`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.evaluation import calibrating, calibration

Shell = Callable[..., Any]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve pictures are enough."""
    monkeypatch.setattr(calibrating, "FEWEST", 3)


def test_search_tells_chances_when_calibrated(indexed: Shell, few: None) -> None:
    before = indexed("search", "pictures/red-circle.jpg", "--json").json
    assert {hit["probability"] for hit in before["results"]} == {None}
    report = indexed(
        "calibrate", "--label", "category", "--precision", "0.9", "--recall", "0.5", "--json"
    ).json
    assert (report["model"], report["source"]) == ("efficientnet-lite0", "column category")
    assert report["hits"] == 12 * 11
    assert report["right"] == 12 * 3
    assert report["recall_threshold"]["recall"] >= 0.5
    hits = indexed("search", "pictures/red-circle.jpg", "--json").json["results"]
    chances = [hit["probability"] for hit in hits]
    assert chances == sorted(chances, reverse=True)
    assert all(0 < chance < 1 for chance in chances)
    assert [hit["id"] for hit in hits] == [hit["id"] for hit in before["results"]]
    said = indexed("search", "pictures/red-circle.jpg").out.splitlines()
    assert said[1].split()[:3] == ["similarity", "probability", "path"]
    assert f"  {chances[0]:.3f}  " in said[2]
    mixed = indexed("search", "pictures/red-circle.jpg", "--also", "pictures/red-square.jpg", "--json").json
    assert {hit["probability"] for hit in mixed["results"]} == {None}
    found = indexed("evaluate", "--label", "category", "--json").json
    assert 0 <= found["calibration_error"] <= 1
    assert sum(one["hits"] for one in found["reliability"]) == 12 * 10
    assert found["calibrated_by"] == "column category"
    said = indexed("evaluate", "--label", "category").out
    assert "Chances of efficientnet-lite0, calibrated by column category, are off by" in said


def test_each_model_has_its_own(indexed: Shell, few: None) -> None:
    indexed("calibrate", "--label", "category")
    indexed("index", "pictures", "--output", "texture")
    hits = indexed("search", "pictures/red-circle.jpg", "--output", "texture", "--json").json["results"]
    assert {hit["probability"] for hit in hits} == {None}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([], "No threshold gives a precision of 0.5; for a lower one, use --precision\n"),
        (["--precision", "0.9"], "No threshold gives a precision of 0.9\n"),
        (["--precision", "0.9", "--recall", "0.5"], "No threshold gives a precision of 0.9\n"),
    ],
)
def test_the_precision_that_no_threshold_gives_is_named(
    indexed: Shell, few: None, monkeypatch: pytest.MonkeyPatch, asked: list[str], said: str
) -> None:
    monkeypatch.setattr(calibration, "thresholds", lambda *_: ())
    assert indexed("calibrate", "--label", "category", *asked).out.endswith(said)


def test_edits_when_there_are_no_labels(indexed: Shell, few: None) -> None:
    ended = indexed("calibrate")
    assert ended.code == 0, ended.err
    assert "by edited pictures: 576 hits" in ended.out
    assert "threshold" in ended.out
    assert indexed("calibrate").out == ended.out


@pytest.mark.parametrize(
    ("by", "source"), [([], "edited pictures"), (["--label", "in_stock"], "column in_stock")]
)
def test_chances_of_another_kind_of_the_same_are_not_compared(
    indexed: Shell, few: None, by: list[str], source: str
) -> None:
    assert indexed("calibrate", *by).code == 0
    found = indexed("evaluate", "--label", "category", "--json").json
    assert (found["calibration_error"], found["reliability"]) == (None, [])
    assert found["calibrated_by"] == source
    said = indexed("evaluate", "--label", "category")
    assert "are off by" not in said.out
    assert said.err == (
        f"Chances of efficientnet-lite0 were calibrated by {source}, which is another question: "
        "how true they are is not measured here\n"
    )


def test_what_calibrates_is_chosen_by_where(indexed: Shell, few: None) -> None:
    ended = indexed("calibrate", "--label", "category", "--where", "price > 1000")
    assert (ended.code, ended.out) == (2, "")
    assert "no picture has a value in column category among those that --where takes" in ended.err
    none = indexed("calibrate", "--where", "price > 1000")
    assert (none.code, none.out) == (2, "")
    assert "there is nothing to calibrate from" in none.err
    some = indexed("calibrate", "--where", "category == 'circle'")
    assert "by edited pictures: 192 hits" in some.out
    assert indexed("calibrate", "--where", "prize > 1").code == 2


def test_too_little(indexed: Shell) -> None:
    ended = indexed("calibrate", "--label", "in_stock", "--where", "name == 'red circle'")
    assert ended.code == 2
    assert "too little to calibrate from: 5 right and 6 wrong hits by column in_stock" in ended.err
    assert indexed("calibrate", "--label", "category", "--pairs", "x.csv").code == 2


def test_consistency(indexed: Shell) -> None:
    found = indexed("evaluate", "--consistency", "--json").json
    assert (found["pictures"], found["repeatable"]) == (12, True)
    assert [one["name"] for one in found["changes"]][-1] == "mirrored"
    for one in found["changes"]:
        assert -1 <= one["least"] <= one["similarity"] <= 1.0001
        assert 0 <= one["moved"] <= one["most"]
    said = indexed("evaluate", "--consistency").out
    assert "Embedded again they are the stored vectors, bit for bit" in said
    assert indexed("evaluate", "--consistency", "--label", "name").code == 2


def test_consistency_leaves_out_what_has_changed(indexed: Shell, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "red-circle.jpg").unlink()
    assert indexed("evaluate", "--consistency", "--json").json["pictures"] == 11
    for path in (tmp_path / "pictures").glob("*.jpg"):
        path.unlink()
    ended = indexed("evaluate", "--consistency")
    assert (ended.code, "no picture of the collection can be read" in ended.err) == (2, True)


# --- export ----------------------------------------------------------------------------------


def test_export_for_numpy(indexed: Shell, tmp_path: Path) -> None:
    report = indexed("export", "vectors.npz", "--json").json
    assert (report["images"], report["dimension"]) == (12, 256)
    with np.load(tmp_path / "vectors.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"vectors", "ids", "paths", "name", "category", "price", "in_stock"}
        assert arrays["vectors"].shape == (12, 256)
        assert arrays["vectors"].dtype == np.float32
        assert np.linalg.norm(arrays["vectors"], axis=1) == pytest.approx(1)
        assert arrays["ids"].tolist() == list(range(1, 13))
        assert arrays["price"].dtype == np.float64
        assert arrays["in_stock"].dtype == np.bool_
        first = arrays["paths"][0]
    hits = indexed("search", first, "--include-self", "-k", "1", "--json").json["results"]
    assert hits[0]["id"] == 1


def test_export_to_parquet(indexed: Shell, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert indexed("export", "some.parquet", "--where", "in_stock").code == 0
    table = parquet.read_table(tmp_path / "some.parquet")
    assert table.num_rows == 6
    assert table.column_names[:2] == ["ids", "paths"]
    assert set(table.column_names[2:-1]) == {"name", "category", "price", "in_stock"}
    assert table.column_names[-1] == "vectors"
    assert len(table["vectors"][0]) == 256
    assert set(table["in_stock"].to_pylist()) == {True}


def test_export_overwrites_nothing(indexed: Shell, tmp_path: Path) -> None:
    (tmp_path / "precious.npz").write_text("mine")
    ended = indexed("export", "precious.npz")
    assert (ended.code, "nothing is overwritten" in ended.err) == (2, True)
    assert (tmp_path / "precious.npz").read_text() == "mine"
    assert indexed("export", "vectors.txt").code == 2
    assert indexed("export", "x.npz", "--where", "price > 99").err.endswith("--where matches none\n")
    assert indexed("export", "nowhere/x.npz").code == 1
