"""AMI and ARI against slow, obvious ways."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.evaluation.partitions import agreement, ami, ari, with_singletons

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3)), min_size=2, max_size=14)


def split(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(rows, np.int64)
    return table[:, 0], table[:, 1]


@given(pairs)
def test_ari_counts_pairs(rows: list[tuple[int, int]]) -> None:
    truth, clusters = split(rows)
    both = in_truth = in_clusters = total = 0
    for i, j in combinations(range(len(rows)), 2):
        alike, together = truth[i] == truth[j], clusters[i] == clusters[j] >= 0
        both, total = both + (alike and together), total + 1
        in_truth, in_clusters = in_truth + alike, in_clusters + together
    chance, most = in_truth * in_clusters / total, (in_truth + in_clusters) / 2
    expected = 1.0 if most == chance else (both - chance) / (most - chance)
    assert ari(truth, clusters) == pytest.approx(expected)


@given(pairs, st.permutations(range(4)))
def test_names_do_not_matter_and_noise_is_alone(rows: list[tuple[int, int]], names: list[int]) -> None:
    truth, clusters = split(rows)
    renamed = np.where(clusters < 0, -1, np.array(names)[clusters])
    alone = with_singletons(clusters)
    assert (alone >= 0).all()
    assert len(set(alone[clusters < 0]) - set(clusters)) == (clusters < 0).sum()
    for figure in (ami, ari):
        assert figure(truth, clusters) == pytest.approx(figure(truth, renamed), abs=1e-9)
        assert figure(truth, clusters) == figure(truth, alone)
        assert figure(truth, truth) == pytest.approx(1.0)


def test_ami_is_about_nothing_by_chance() -> None:
    dice = np.random.default_rng(0)
    truth = np.repeat(np.arange(8), 50)
    found = [ami(truth, dice.integers(0, count, 400)) for count in (2, 8, 100) for _ in range(5)]
    assert abs(np.mean(found)) < 0.01


def test_what_is_not_known_does_not_count() -> None:
    truth = np.array([0, 0, 1, 1, -1, -1])
    found = agreement("kind", truth, np.array([1, 1, 1, 1, 1, 1]), np.array([1, 1, 2, 2, 1, 2]))
    assert (found.column, found.images) == ("kind", 4)
    assert (found.ami, found.ari, found.ami_before, found.ari_before) == (1.0, 1.0, 0.0, 0.0)
