"""From a gallery to the labels of a column that the pictures' neighbours deny."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from lookalike.clusters.scope import Scope, lists_of, scope
from lookalike.errors import UsageError
from lookalike.filters import Filter, value_of
from lookalike.gallery.base import Gallery, Space
from lookalike.gallery.knn import Lists
from lookalike.outliers.finding import NEIGHBOURS, check_threshold, rows
from lookalike.outliers.votes import Codes, Verdict, vote
from lookalike.progress import Stages, silent
from lookalike.results import DoubtfulLabel, DoubtfulLabels, Neighbour, Scalar

THRESHOLD = 0.7
"""Least score unless told otherwise. (With 5 % of the labels changed, what is listed has precision 0.97 on
fruits, and 0.34 to 0.52 on garments and groceries, whose own labels are in doubt as well, at recall 0.83 to
0.98; from 0.5 on it had 0.74 and 0.14 to 0.22, at recall 0.96 to 1.00.)"""


def find(
    gallery: Gallery,
    space: Space,
    column: str,
    *,
    where: Filter | None = None,
    threshold: float = THRESHOLD,
    progress: Stages | None = None,
) -> DoubtfulLabels:
    """The pictures whose neighbours disagree with their label.

    Args:
        gallery: whose pictures.
        space: whose vectors say what is alike.
        column: of the metadata, with the labels.
        where: only pictures it matches are looked at, and compared among themselves.
        threshold: the least score, in [0, 1].
        progress: called now and then.

    Raises:
        UsageError: the column is unknown, or has no labels that could be told apart; the threshold is
            out of range; there are no pictures.
    """
    check_threshold(threshold)
    started, tell = time.perf_counter(), progress or silent
    seen = scope(gallery, space, where, [column])
    values = _values(gallery, seen, column)
    ids, labels = _labelled(seen, column, values)
    lists = lists_of(gallery, space, ids, tell)
    tell("voting", 0, 0)
    verdict = vote(lists, labels)
    doubted = np.flatnonzero((verdict.score >= threshold) & (verdict.suggested >= 0))
    order = doubted[np.lexsort((ids[doubted], -np.round(verdict.score[doubted], 4)))]
    found = _described(gallery, ids, lists, labels, values, verdict, order)
    return DoubtfulLabels(
        tuple(found),
        column,
        len(set(labels.tolist())),
        len(ids),
        len(seen.ids) - len(ids),
        round(time.perf_counter() - started, 3),
    )


def _values(gallery: Gallery, seen: Scope, column: str) -> list[Scalar]:
    """What the codes of a column stand for, which the first picture with each one says."""
    codes, first = np.unique(seen.known[column], return_index=True)
    values: list[Scalar] = [None] * (int(codes.max()) + 1)
    for code, picture in zip(codes.tolist(), rows(gallery, seen.ids[first].tolist()), strict=True):
        if code >= 0:
            values[code] = value_of(picture, column)
    return values


def _labelled(seen: Scope, column: str, values: Sequence[Scalar]) -> tuple[Codes, Codes]:
    """The pictures that have a label, and the codes of their labels.

    Raises:
        UsageError: nothing can be told from these labels.
    """
    codes = seen.known[column]
    empty = [code for code, value in enumerate(values) if isinstance(value, str) and not value.strip()]
    known = (codes >= 0) & ~np.isin(codes, empty)
    found, counts = np.unique(codes[known], return_counts=True)
    if not len(found):
        raise UsageError(f"no picture that was looked at has a value of {column!r}")
    if len(found) == 1:
        raise UsageError(
            f"{column!r} has one value only, {values[found[0]]!r}: labels can be doubted where there are more"
        )
    if counts.max() == 1:
        raise UsageError(
            f"every picture has another value of {column!r}: name a column whose values many pictures share"
        )
    return seen.ids[known], codes[known]


def _described(
    gallery: Gallery,
    ids: Codes,
    lists: Lists,
    labels: Codes,
    values: Sequence[Scalar],
    verdict: Verdict,
    order: Codes,
) -> list[DoubtfulLabel]:
    """What was found, with paths and words; only these pictures' rows are read."""
    near = lists.places[order, :NEIGHBOURS]
    wanted = np.unique(np.concatenate([order, near[near >= 0]])).tolist()
    paths = {place: row.path for place, row in zip(wanted, rows(gallery, ids[wanted].tolist()), strict=True)}
    return [
        DoubtfulLabel(
            int(ids[place]),
            paths[int(place)],
            values[labels[place]],
            values[verdict.suggested[place]],
            round(float(verdict.score[place]), 4),
            round(float(verdict.share[place]), 4),
            round(float(verdict.own[place]), 4),
            tuple(
                Neighbour(paths[int(other)], round(float(value), 6), values[labels[other]])
                for other, value in zip(near[row], lists.similarities[place, :NEIGHBOURS], strict=True)
                if other >= 0
            ),
        )
        for row, place in enumerate(order)
    ]
