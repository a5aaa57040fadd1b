"""Affinity, noise and communities against slow, obvious ways, and what holds for any pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from lookalike.clusters.affinity import Blend, affinity, cut, joined, same_vectors
from lookalike.clusters.communities import LEVELS, SMALLEST, communities, levels, numbered
from lookalike.clusters.noise import SHARED, SPARSE, lonely
from lookalike.gallery.knn import Lists

Blobs = Callable[..., np.ndarray]


def lists(rows: np.ndarray, count: int = 24) -> Lists:
    """The nearest others of each row, by a sort of all."""
    cosines = rows.astype(float) @ rows.T.astype(float)
    np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, : min(count, len(rows) - 1)]
    found = Lists.empty(len(rows), count)
    found.places[:, : order.shape[1]] = order
    found.similarities[:, : order.shape[1]] = np.take_along_axis(cosines, order, 1)
    return found


@st.composite
def points(draw: st.DrawFn) -> np.ndarray:
    """Unit vectors in some groups, with copies and single ones among them."""
    dice = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=6))
    spread = draw(st.sampled_from([0.0, 0.05, 0.3, 2.0]))
    rows = np.repeat(dice.standard_normal((len(sizes), 8)), sizes, axis=0)
    rows += spread * dice.standard_normal(rows.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(points())
def test_affinity_is_what_it_says(rows: np.ndarray) -> None:
    nearest = lists(rows)
    weights = np.zeros((len(rows), len(rows)))
    for first in range(len(rows)):
        distances = [1 - float(s) for s in nearest.similarities[first][:10] if s > 0]
        if not distances:
            continue
        beyond = [max(distance - distances[0], 0) for distance in distances]
        scale = max(beyond[min(len(beyond) // 2, 9)] if len(beyond) > 1 else 0, 1e-6)
        for second, far in zip(nearest.places[first][:10], beyond, strict=False):
            weights[first, second] = np.exp(-far / scale)
    expected = weights + weights.T - weights * weights.T
    found = affinity(nearest).toarray()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (found == found.T).all()


def test_what_is_known_pulls() -> None:
    nearest = lists(np.array([[1, 0], [0.99, 0.14], [0.96, 0.28], [0.9, 0.43]], np.float32))
    plain = affinity(nearest).toarray()
    codes = np.array([0, 0, 1, -1])
    blended = affinity(nearest, [Blend(codes, 0.3)]).toarray()
    assert blended[0, 1] == pytest.approx(0.7 * plain[0, 1] + 0.3)
    assert blended[0, 2] == pytest.approx(0.7 * plain[0, 2])
    assert blended[0, 3] == plain[0, 3]  # nothing is known of one of them
    assert affinity(nearest, [Blend(codes, 1.0)]).toarray()[0, 2] == 0


@given(points())
def test_noise_is_what_it_says(rows: np.ndarray) -> None:
    nearest, found = lists(rows), lonely(lists(rows))
    near = [
        [int(p) for p, s in zip(places[:10], cosines[:10], strict=True) if p >= 0 and s > 0]
        for places, cosines in zip(nearest.places, nearest.similarities, strict=True)
    ]
    far = np.sqrt(np.maximum(2 - 2 * rows.astype(float) @ rows.T.astype(float), 1e-4))
    reach = [max((far[i, j] for j in near[i]), default=0.0) for i in range(len(rows))]
    density = [
        len(near[i]) / max(sum(max(far[i, j], reach[j]) for j in near[i]), 1e-9) for i in range(len(rows))
    ]
    for i, own in enumerate(near):
        if not own:
            assert found[i]
            continue
        factor = np.mean([density[j] for j in own]) / density[i]
        common = np.mean([len({i, *own} & {j, *near[j]}) for j in own])
        middle = float(np.median(density))
        if abs(factor - SPARSE) > 1e-3 and abs(density[i] - middle) > 1e-6 and len(own) == 10:
            sparse = factor > SPARSE and density[i] < middle
            assert found[i] == (sparse or common < SHARED)


@given(points())
def test_levels_are_nested_numbered_and_the_same_again(rows: np.ndarray) -> None:
    nearest = lists(rows)
    graph, same = affinity(nearest, (), lonely(nearest)), same_vectors(nearest)
    found = levels(graph, same)
    assert found.shape == (len(rows), LEVELS)
    assert (found == levels(graph, same)).all()
    for column in found.T:
        numbers, sizes = np.unique(column[column > 0], return_counts=True)
        assert numbers.tolist() == list(range(1, len(numbers) + 1))
        assert (np.diff(sizes) <= 0).all()
        assert (sizes >= SMALLEST).all()
        assert set(column[column < 0]) <= {-1}
    for coarse, fine in zip(found.T[:-1], found.T[1:], strict=True):
        for number in set(fine[fine > 0]):
            assert len(set(coarse[fine == number])) == 1
        assert (fine[coarse < 0] < 0).all()
    for number in set(same):
        assert (found[same == number] == found[same == number][0]).all()


@given(points(), st.randoms(use_true_random=False))
def test_nodes_may_be_renamed(rows: np.ndarray, dice: object) -> None:
    """Pieces that nothing holds together are found whatever their order."""
    graph = affinity(lists(rows))
    groups = np.arange(len(rows)) % 3
    apart = cut(graph, groups)
    order = list(range(len(rows)))
    dice.shuffle(order)  # type: ignore[attr-defined]
    found = communities(apart, 1e-9)  # so coarse that only what is apart stays apart
    mixed = communities(apart[order][:, order].tocsr(), 1e-9)
    assert partition_of(found[order]) == partition_of(mixed)


def partition_of(groups: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(groups == number).tolist()) for number in set(groups)}


@given(points())
def test_communities_are_in_one_piece(rows: np.ndarray) -> None:
    graph = affinity(lists(rows))
    found = communities(graph, 1.0)
    for number in set(found):
        own = np.flatnonzero(found == number)
        reached, edge = {own[0]}, [own[0]]
        while edge:
            node = edge.pop()
            for other in graph[node].indices:
                if found[other] == number and other not in reached:
                    reached.add(other)
                    edge.append(other)
        assert reached == set(own)


@given(st.lists(st.integers(-2, 5), max_size=30), st.integers(1, 4), st.permutations(range(6)))
def test_numbers_go_by_size_whatever_groups_are_called(
    groups: list[int], smallest: int, names: list[int]
) -> None:
    found = numbered(np.array(groups, np.int64), smallest)
    sizes = {g: groups.count(g) for g in set(groups) if g >= 0}
    order = sorted((g for g in sizes if sizes[g] >= smallest), key=lambda g: (-sizes[g], groups.index(g)))
    assert found.tolist() == [order.index(g) + 1 if g in order else -1 for g in groups]
    renamed = np.array([names[g] if g >= 0 else g for g in groups], np.int64)
    assert numbered(renamed, smallest).tolist() == found.tolist()


def test_joining_and_cutting() -> None:
    graph = csr_matrix(np.array([[0, 1, 2, 0], [1, 0, 0, 3], [2, 0, 0, 0], [0, 3, 0, 0]], float))
    groups = np.array([0, 0, 1, 1])
    assert joined(graph, groups).toarray().tolist() == [[2, 5], [5, 0]]
    assert cut(graph, groups).toarray().tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0] * 4, [0] * 4]


def test_vectors_drawn_blindly_are_noise_or_small(blobs: Blobs) -> None:
    rows = np.random.default_rng(0).standard_normal((1500, 256)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert lonely(lists(rows)).mean() > 0.3
    assert not lonely(lists(blobs([60, 50, 40]))).any()
