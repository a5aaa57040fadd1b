"""From a gallery to doubtful labels and outliers: what is answered, refused, and kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.duplicates.reading import Reading
from lookalike.errors import UsageError
from lookalike.filters import parse
from lookalike.outliers import doubts, finding, measuring
from lookalike.results import Reason


def labelled(blob: Any) -> tuple[np.ndarray, list[dict[str, Any]]]:
    rows = np.concatenate([blob(20, 1), blob(20, 2)])
    metadata: list[dict[str, Any]] = [{"kind": "a" if i < 20 else "b", "n": i, "one": 1} for i in range(40)]
    metadata[3]["kind"] = "b"
    metadata[5]["kind"] = None
    metadata[6]["kind"] = " "
    return rows, metadata


def test_a_wrong_label_is_found_with_the_right_one(blob: Any, filled: Any, space: Any) -> None:
    gallery = filled(*labelled(blob))
    found = doubts.find(gallery, space, "kind")
    (one,) = found.doubtful
    assert (one.path, one.label, one.suggested) == ("/p/0003.jpg", "b", "a")
    assert one.score > 0.7
    assert one.share > 0.8 > 0.2 > one.own_share
    assert len(one.neighbours) == 3
    assert {near.label for near in one.neighbours} == {"a"}
    assert (found.images, found.unlabelled, found.labels) == (38, 2, 2)
    assert not doubts.find(gallery, space, "kind", where=parse("n >= 10", gallery.columns())).doubtful


def test_a_lower_threshold_lists_more(blob: Any, filled: Any, space: Any) -> None:
    gallery = filled(*labelled(blob))
    every = doubts.find(gallery, space, "kind", threshold=0.0).doubtful
    assert [one.score for one in every] == sorted((one.score for one in every), reverse=True)
    assert every[:1] == doubts.find(gallery, space, "kind").doubtful


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("knd", "did you mean 'kind'"),
        ("one", "one value only, 1"),
        ("n", "every picture has another value of 'n'"),
    ],
)
def test_columns_that_tell_nothing_are_refused(
    column: str, message: str, blob: Any, filled: Any, space: Any
) -> None:
    with pytest.raises(UsageError, match=message):
        doubts.find(filled(*labelled(blob)), space, column)


def test_without_labels_or_pictures_it_says_so(blob: Any, filled: Any, space: Any) -> None:
    gallery = filled(*labelled(blob))
    with pytest.raises(UsageError, match="no picture that was looked at has a value"):
        doubts.find(gallery, space, "kind", where=parse("n == 5", gallery.columns()))
    with pytest.raises(UsageError, match="none matches the filter"):
        doubts.find(gallery, space, "kind", where=parse("n > 500", gallery.columns()))
    with pytest.raises(UsageError, match="threshold must be"):
        doubts.find(gallery, space, "kind", threshold=1.5)


def test_an_interruption_keeps_what_was_measured(tmp_path: Path, photo: Any) -> None:
    from lookalike import Collection

    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(12):
        Image.fromarray(photo(number)).save(folder / f"{number:02}.png")

    def interrupt(stage: str, done: int, _total: int) -> None:
        if stage == "measuring" and done == 5:
            raise KeyboardInterrupt

    with Collection.open(tmp_path / "collection") as one:
        one.add(folder)
        with pytest.raises(KeyboardInterrupt):
            one.outliers(progress=interrupt)
        seen: list[tuple[str, int, int]] = []
        found = one.outliers(progress=lambda *told: seen.append(told))
        assert [told for told in seen if told[0] == "measuring"][-1] == ("measuring", 7, 7)
        assert found.images == 12
        assert one.outliers().outliers == found.outliers


def test_the_strongest_reason_comes_first_and_what_can_be_seen_on_ties() -> None:
    def ordered(*reasons: Reason) -> list[str]:
        return [reason.name for reason in finding.strongest_first(reasons)]

    assert ordered(Reason("tiny", 0.6, ""), Reason("isolated", 0.9, "")) == ["isolated", "tiny"]
    assert ordered(Reason("isolated", 0.90004, ""), Reason("tiny", 0.9, "")) == ["tiny", "isolated"]
    assert ordered(Reason("tiny", 0.6, ""), Reason("blurred", 0.8, "")) == ["blurred", "tiny"]


def test_score_and_reason_belong_together(blob: Any, filled: Any, space: Any) -> None:
    rows = np.concatenate([blob(40, 1, 0.1), blob(1, 2)])  # the last one is like no other
    gallery = filled(rows)
    *_, last = gallery.pictures()
    strip = replace(last, width=400, height=100)
    with gallery.writing() as writing:
        writing.put(space, [strip], rows[-1:])
    with Reading(1) as reading:
        (found,) = finding.find(gallery, space, reading).outliers
    assert {reason.name for reason in found.reasons} == {"isolated", "odd aspect"}
    assert found.isolation > 0.8
    assert (found.reason, found.score) == ("isolated", found.isolation)


def test_measures_go_by_the_bytes_and_not_by_the_name(tmp_path: Path, photo: Any) -> None:
    from lookalike import Collection

    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(photo(1)).save(folder / "a.png")
    with Collection.open(tmp_path / "collection") as one:
        one.add(folder)
        one.outliers()
        (folder / "a.png").rename(folder / "b.png")
        Image.new("RGB", (200, 200), "grey").save(folder / "a.png")
        one.add(folder)
        known = measuring.Measures(one.gallery)
        by_name = {picture.path[-5:]: known[picture] for picture in one.gallery.pictures()}
        assert by_name["b.png"] is not None
        assert by_name["a.png"] is None
        (found,) = one.outliers().outliers
        assert (found.path[-5:], found.reason) == ("a.png", "nearly blank")


def test_thresholds_and_threads_are_checked(tmp_path: Path) -> None:
    from lookalike import Collection

    Image.new("RGB", (200, 200), "grey").save(tmp_path / "a.png")
    with Collection.open(tmp_path / "collection") as one:
        one.add(tmp_path / "a.png")
        with pytest.raises(UsageError, match="threshold must be"):
            one.outliers(threshold=-1)
        with pytest.raises(UsageError, match="threads must be"):
            one.outliers(threads=0)
    with pytest.raises(UsageError, match="threshold must be"):
        finding.check_threshold(float("nan"))
