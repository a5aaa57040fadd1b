"""What sets a cluster apart."""

from __future__ import annotations

from lookalike.clusters.labels import Label, Tally
from lookalike.results import Scalar


def label(inside: list[Scalar], outside: list[Scalar], column: str = "kind") -> Label | None:
    tally = Tally()
    for cluster, values in ((1, inside), (-1, outside)):
        for value in values:
            tally.add(cluster, {column: value})
    return tally.labels().get(1)


def test_what_most_have_and_few_others() -> None:
    assert label(["dress"] * 9 + ["hat"], ["hat"] * 20 + ["dress"] * 2) == Label("kind", "dress", 0.9)


def test_what_all_have_sets_nothing_apart() -> None:
    assert label(["dress"] * 9, ["dress"] * 20) is None
    assert label(["dress"] * 9, []) is None


def test_what_is_more_usual_but_not_usual_names_nothing() -> None:
    assert label(["dress"] * 3 + list("abcdefg"), ["hat"] * 90) is None


def test_few_pictures_prove_nothing() -> None:
    assert label(["dress"], ["hat"] * 3) is None


def test_what_is_missing_or_a_measure_does_not_count() -> None:
    assert label([None] * 9, ["hat"] * 20) is None
    assert label([""] * 9, ["hat"] * 20) is None
    assert label([0.5] * 9, ["hat"] * 20) is None


def test_one_and_true_are_not_the_same() -> None:
    assert label([True] * 9, [1] * 20) == Label("kind", True, 1.0)
    assert label([1] * 9, [True] * 20) == Label("kind", 1, 1.0)


def test_of_several_columns_the_one_that_sets_apart_most() -> None:
    tally = Tally()
    for number in range(10):
        tally.add(1, {"colour": "red" if number < 6 else "blue", "kind": "dress"})
    for number in range(30):
        tally.add(2, {"colour": "red" if number < 3 else "blue", "kind": "hat"})
    assert tally.labels() == {1: Label("kind", "dress", 1.0), 2: Label("kind", "hat", 1.0)}


def test_what_most_of_the_described_have_sets_nothing_apart() -> None:
    others: list[Scalar] = ["adult"] * 85 + ["child"] * 15
    undescribed: list[Scalar] = [None] * 900
    assert label(["adult"] * 78 + ["child"] * 22, others + undescribed) is None
    assert label(["child"] * 78 + ["adult"] * 22, others + undescribed) == Label("kind", "child", 0.78)


def test_a_cluster_is_called_by_its_most_usual_value() -> None:
    inside: list[Scalar] = ["hat"] * 43 + ["shoes"] * 49 + ["belt"] * 8
    found = label(inside, ["shoes"] * 60 + ["dress"] * 400)
    assert found == Label("kind", "shoes", 0.49)
