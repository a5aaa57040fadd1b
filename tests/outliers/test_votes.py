"""What the neighbours say a label is: against a slow count, and the two things that keep the vote fair."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lookalike.gallery.knn import Lists
from lookalike.outliers.votes import AT_LEAST, COPIES, HESITATION, PER_OTHER, QUARTER, vote


def slow(lists: Lists, labels: list[int]) -> list[tuple[int, float]]:
    """Suggested label and score of each picture, as the docstring has them."""
    known = [
        [(int(p), float(s)) for p, s in zip(*row, strict=True) if p >= 0]
        for row in zip(lists.places, lists.similarities, strict=True)
    ]
    nearest = [row[0][1] for row in known if row]
    usual = np.median(nearest)
    spread = 2 * max(0.02, float(np.median([row[0][1] - row[-1][1] for row in known if row])))
    found = []
    for place, row in enumerate(known):
        size = sum(label == labels[place] for label in labels)
        allowed = max(AT_LEAST, min(PER_OTHER * (size - 1), len(labels) // QUARTER))
        votes: dict[int, float] = {}
        for rank, (other, similarity) in enumerate(row[:allowed]):
            copies = sum(
                any(p == before and s >= COPIES for p, s in known[other])
                or any(p == other and s >= COPIES for p, s in known[before])
                for before, _ in row[:rank]
            )
            weight = min(1.0, np.exp((similarity - usual) / spread)) / (1 + copies)
            votes[labels[other]] = votes.get(labels[other], 0.0) + weight
        own = votes.pop(labels[place], 0.0)
        best = max(votes, key=lambda label: votes[label], default=-1)
        score = votes[best] / (votes[best] + own + HESITATION) if votes else 0.0
        found.append((best, score))
    return found


@given(st.integers(3, 40), st.integers(2, 4), st.integers(0, 10_000))
def test_is_what_the_slow_way_gives(count: int, kinds: int, seed: int) -> None:
    dice = np.random.default_rng(seed)
    rows = dice.standard_normal((count, 3)).astype(np.float32)  # few axes: some are near copies
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    places = np.argsort(-cosines, axis=1, kind="stable")[:, : min(24, count - 1)]
    lists = Lists(places.astype(np.int32), np.take_along_axis(cosines, places, 1))
    labels = dice.integers(0, kinds, count)
    verdict = vote(lists, labels)
    for place, (best, score) in enumerate(slow(lists, labels.tolist())):
        assert verdict.suggested[place] == best
        assert np.isclose(verdict.score[place], score, atol=1e-5)
    assert (verdict.share + verdict.own <= 1 + 1e-9).all()


def test_changed_labels_come_first(blob: Any, nearest: Any) -> None:
    rows = np.concatenate([blob(60, seed) for seed in range(5)])
    truth = np.repeat(np.arange(5), 60)
    labels = truth.copy()
    changed = np.random.default_rng(0).choice(300, 15, replace=False)
    labels[changed] = (labels[changed] + 1) % 5
    verdict = vote(nearest(rows), labels)
    first = np.argsort(-verdict.score, kind="stable")[:15]
    assert set(first) == set(changed)
    assert (verdict.suggested[changed] == truth[changed]).all()


def test_a_small_class_is_not_outvoted(blob: Any, nearest: Any) -> None:
    rows = np.concatenate([blob(100, 1, 0.3), blob(4, 2, 0.1)])
    labels = np.repeat([0, 1], [100, 4])
    verdict = vote(nearest(rows), labels)
    assert verdict.score[100:].max() < 0.5


def test_copies_of_one_picture_share_a_vote(blob: Any, nearest: Any) -> None:
    rows = blob(40, 1, 0.4)
    copies = np.repeat(rows[:1], 12, axis=0) + 0.01 * blob(12, 2)
    copies = (copies / np.linalg.norm(copies, axis=1, keepdims=True)).astype(np.float32)
    labels = np.repeat([0, 1], [40, 12])
    verdict = vote(nearest(np.concatenate([rows, copies])), labels)
    assert verdict.suggested[0] == 1
    assert verdict.score[0] < 0.8  # one of twelve copies counts in full; without sharing it is 0.91


def test_nobody_else_means_no_verdict(nearest: Any) -> None:
    rows = np.eye(3, dtype=np.float32)
    verdict = vote(nearest(rows), np.zeros(3, np.int64))
    assert verdict.suggested.tolist() == [-1, -1, -1]
    assert verdict.score.tolist() == [0, 0, 0]
    nothing = Lists(np.full((2, 24), -1, np.int32), np.full((2, 24), -np.inf, np.float32))
    assert vote(nothing, np.array([0, 1])).score.tolist() == [0, 0]
