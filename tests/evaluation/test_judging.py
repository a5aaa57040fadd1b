"""Judging a gallery: what is asked, what is left out, what is said when there is nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import UsageError
from lookalike.evaluation.judging import Asked, judge
from lookalike.evaluation.truth import read_pairs
from lookalike.files import FileIdentity
from lookalike.filters import parse
from lookalike.gallery.base import Gallery, Picture, Space, Vectors
from lookalike.gallery.memory import MemoryGallery
from lookalike.results import Metadata
from lookalike.vectors import canonical, cosines

SPACE = Space("e" * 32, "made-up", "embedding", "onnxruntime", 8)


def clusters(labels: Sequence[int], *, spread: float = 0.6, seed: int = 0) -> Vectors:
    """A unit vector (8,) for each label, scattered around the label's own place."""
    dice = np.random.default_rng(seed)
    places = dice.normal(size=(max(labels) + 1, 8))
    return canonical(places[list(labels)] + spread * dice.normal(size=(len(labels), 8)))


@pytest.fixture
def fill() -> Fill:
    """Makes a gallery: call it with vectors and the metadata of each picture, and perhaps contents."""

    def make(
        vectors: Vectors, metadata: Sequence[Metadata], contents: Sequence[str] | None = None
    ) -> Gallery:
        gallery = MemoryGallery()
        texts = contents or [f"{number:064x}" for number in range(len(vectors))]
        rows = [
            Picture(FileIdentity(f"/p/{n:04}.jpg", 1, 2), texts[n], 4, 3, "JPEG", n, metadata=metadata[n])
            for n in range(len(vectors))
        ]
        with gallery.writing() as writing:
            writing.register(SPACE)
            writing.put(SPACE, rows, vectors)
        return gallery

    return make


Fill = Callable[..., Gallery]
LABELS = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]


@pytest.fixture
def gallery(fill: Fill) -> Gallery:
    """Ten pictures of four kinds; of the last kind there is one."""
    return fill(clusters(LABELS), [{"kind": f"k{n}", "number": i} for i, n in enumerate(LABELS)])


def test_leave_one_out(gallery: Gallery) -> None:
    found = judge(gallery, SPACE, Asked("kind"))
    assert (found.queries, found.gallery, found.alone, found.unlabelled) == (9, 10, 1, 0)
    vectors = gallery.vectors(SPACE, list(range(1, 11)))
    hits = []
    for row in range(9):
        scores = cosines(vectors[row], vectors)
        scores[row] = -np.inf
        hits.append(LABELS[int(scores.argmax())] == LABELS[row])
    assert found.figures["recall@1"] == pytest.approx(np.mean(hits))
    assert set(found.figures) == {"recall@1", "recall@5", "recall@10", "precision@10", "map@r"}
    assert all(low <= found.figures[name] <= high for name, (low, high) in found.intervals.items())


def test_classes_are_means_of_their_queries(gallery: Gallery) -> None:
    found = judge(gallery, SPACE, Asked("kind", worst=100))
    assert sorted(group.label for group in found.classes) == ["k0", "k1", "k2"]
    for group in found.classes:
        own = [query.figures["map@r"] for query in found.worst if query.label == group.label]
        assert group.queries == len(own) == 3
        assert group.figures["map@r"] == pytest.approx(np.mean(own))
    values = [group.figures["map@r"] for group in found.classes]
    assert values == sorted(values)


def test_the_worst_queries_come_first_with_what_they_found(gallery: Gallery) -> None:
    found = judge(gallery, SPACE, Asked("kind", worst=4))
    assert len(found.worst) == 4
    values = [query.figures["map@r"] for query in found.worst]
    assert values == sorted(values)
    for query in found.worst:
        similarities = [hit.similarity for hit in query.found]
        assert similarities == sorted(similarities, reverse=True)
        assert query.id not in [hit.id for hit in query.found]
        assert [hit.right for hit in query.found] == [hit.label == query.label for hit in query.found]
        if query.first is not None and query.first <= len(query.found):
            assert query.found[query.first - 1].right


def test_queries_and_gallery_are_chosen_by_filters(gallery: Gallery) -> None:
    columns = gallery.columns()
    asked = Asked("kind", queries=parse("number < 2", columns), gallery=parse("number >= 2", columns))
    found = judge(gallery, SPACE, asked)
    assert (found.queries, found.gallery) == (2, 8)


def test_the_same_bytes_are_the_same_picture(fill: Fill) -> None:
    vectors = canonical(np.array([[1.0, 0, 0, 0, 0, 0, 0, 0]] * 2 + [[1, 1, 0, 0, 0, 0, 0, 0]] * 2))
    contents = ["a" * 64, "a" * 64, "b" * 64, "c" * 64]
    copies = fill(vectors, [{"kind": "x"}] * 2 + [{"kind": "y"}] * 2, contents)
    found = judge(copies, SPACE, Asked("kind"))
    # The two with the same bytes have nothing else of their kind.
    assert (found.queries, found.alone) == (2, 2)
    assert found.figures["recall@1"] == 1.0


def test_pictures_without_a_label_are_left_out(fill: Fill) -> None:
    known = fill(clusters([0, 0, 1, 1, 0]), [{"kind": "x"}, {"kind": "x"}, {"kind": None}, {}, {"kind": 1}])
    found = judge(known, SPACE, Asked("kind"))
    assert (found.queries, found.gallery, found.alone, found.unlabelled) == (2, 3, 1, 2)


def test_true_and_one_are_two_labels(fill: Fill) -> None:
    known = fill(clusters([0, 0, 1, 1]), [{"kind": True}, {"kind": True}, {"kind": 1}, {"kind": 1}])
    assert [group.queries for group in judge(known, SPACE, Asked("kind")).classes] == [2, 2]


def test_a_built_in_column_can_be_the_label(gallery: Gallery) -> None:
    found = judge(gallery, SPACE, Asked("folder"))
    assert (found.queries, found.figures["recall@1"]) == (10, 1.0)


# --- nothing to measure ----------------------------------------------------------------------


def test_an_unknown_column_is_named(gallery: Gallery) -> None:
    with pytest.raises(UsageError, match=r"there is no column kidn; did you mean kind\?"):
        judge(gallery, SPACE, Asked("kidn"))


def test_classes_of_one_only(gallery: Gallery) -> None:
    with pytest.raises(UsageError, match="no two pictures have the same value in column number"):
        judge(gallery, SPACE, Asked("number"))


def test_filters_that_leave_nothing(gallery: Gallery) -> None:
    nothing = parse("number > 99", gallery.columns())
    with pytest.raises(UsageError, match="no picture has a value in column kind among those"):
        judge(gallery, SPACE, Asked("kind", queries=nothing))


# --- pairs -----------------------------------------------------------------------------------


def written(folder: Path, text: str, name: str = "pairs.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_pairs_go_both_ways(gallery: Gallery, tmp_path: Path) -> None:
    pairs = read_pairs(written(tmp_path, "first,second\n/p/0000.jpg,/p/0001.jpg\n3,4\n"), gallery)
    assert pairs.ids.tolist() == [[1, 2], [3, 4]] or pairs.ids.tolist() == [[1, 2]]
    found = judge(gallery, SPACE, Asked(pairs=pairs))
    assert found.queries == 2 * len(pairs.ids)
    assert found.classes == ()


def test_choices_have_a_direction(gallery: Gallery, tmp_path: Path) -> None:
    file = written(tmp_path, "query,chosen\n0000.jpg,0001.jpg\n0000.jpg,0003.jpg\n")
    pairs = read_pairs(file, gallery)
    assert pairs.directed
    found = judge(gallery, SPACE, Asked(pairs=pairs))
    assert found.queries == 1
    right = {hit.id for query in found.worst for hit in query.found if hit.right}
    assert right <= {2, 4}


def test_numbers_name_pictures(gallery: Gallery, tmp_path: Path) -> None:
    pairs = read_pairs(written(tmp_path, "first,second,same\n1,2,true\n1,4,false\n"), gallery)
    assert pairs.ids.tolist() == [[1, 2], [1, 4]]
    assert pairs.together.tolist() == [True, False]


def test_names_that_are_no_pictures_are_told(gallery: Gallery, tmp_path: Path) -> None:
    pairs = read_pairs(written(tmp_path, "first,second\n0000.jpg,0001.jpg\n0000.jpg,gone.jpg\n"), gallery)
    assert pairs.unmatched == ("gone.jpg",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\nx,y\n", "query and chosen, or first and second; the columns are a, b"),
        (
            "first,second\nx.jpg,y.jpg\n",
            "no pair is of two different pictures .* it has no x",
        ),
        ("first,second\n0000.jpg,0000.jpg\n", "no pair is of two different pictures"),
        (
            "first,second,same\n1,2,true\n2,1,false\n",
            "belong together in line 2 and do not in line 3",
        ),
        ("first,second,same\n1,2,maybe\n", "line 2: same must be true or false"),
        ("first,second\n1.5,2\n", "line 2: a picture is named by its path or number, got 1.5"),
    ],
)
def test_pairs_that_cannot_be_used(gallery: Gallery, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_pairs(written(tmp_path, text), gallery)


def test_a_file_name_that_several_have(fill: Fill, tmp_path: Path) -> None:
    gallery = fill(clusters([0, 0]), [{}, {}])
    twin = Picture(FileIdentity("/q/0000.jpg", 1, 2), "f" * 64, 4, 3, "JPEG", 9)
    with gallery.writing() as writing:
        writing.put(SPACE, [twin], clusters([0]))
    rows = [{"first": "0000.jpg", "second": "0001.jpg"}]
    file = written(tmp_path, json.dumps(rows), "pairs.json")
    with pytest.raises(UsageError, match=r"several pictures are called 0000\.jpg: write it with its folder"):
        read_pairs(file, gallery)
