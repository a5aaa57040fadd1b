"""From a gallery to the pictures that stand out: far from all others, or unusable by themselves."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence

from lookalike.clusters.scope import lists_of, scope
from lookalike.duplicates.reading import Reading
from lookalike.errors import UsageError
from lookalike.filters import Filter
from lookalike.gallery.base import Gallery, Picture, Space
from lookalike.gallery.knn import Lists
from lookalike.outliers.isolation import REACH, isolation
from lookalike.outliers.measuring import Measures
from lookalike.outliers.traits import of_file, of_pixels
from lookalike.progress import Stages, silent
from lookalike.results import Neighbour, Outlier, Outliers, Reason

COMMON = 0.1
"""A trait that more than this share of the pictures have makes none of them stand out: scans are bright, and
thumbnails tiny."""

_FEW = 3  # and that many may have it in any case
NEIGHBOURS = 3
"""Neighbours named for each picture that is found."""

_PART = 4096


def find(
    gallery: Gallery,
    space: Space,
    reading: Reading,
    *,
    where: Filter | None = None,
    threshold: float = 0.5,
    progress: Stages | None = None,
) -> Outliers:
    """The pictures that stand out.

    Args:
        gallery: whose pictures.
        space: whose vectors say what is alike.
        reading: reads the pictures that have not been measured yet.
        where: only pictures it matches are looked at, and compared among themselves.
        threshold: the least score, in [0, 1].
        progress: called now and then.

    Raises:
        UsageError: the threshold is out of range, or there are no pictures.
    """
    check_threshold(threshold)
    started, tell = time.perf_counter(), progress or silent
    seen = scope(gallery, space, where)
    lists = lists_of(gallery, space, seen.ids, tell)
    alone = isolation(lists)
    pictures = rows(gallery, seen.ids.tolist())
    measures = Measures(gallery)
    failed = measures.measure(pictures, reading, tell)
    traits = [[*of_file(one), *(of_pixels(known) if (known := measures[one]) else ())] for one in pictures]
    usual = _usual(traits)
    found = []
    for place, own in enumerate(traits):
        reasons = [reason for reason in own if reason.name not in usual]
        if alone[place] > 0:
            reasons.append(_isolated(lists, place, float(alone[place])))
        reasons = strongest_first(reason for reason in reasons if reason.score >= threshold)
        if reasons:
            found.append(_outlier(pictures, lists, place, reasons, float(alone[place])))
    found.sort(key=lambda one: (-one.score, one.id))
    seconds = round(time.perf_counter() - started, 3)
    return Outliers(tuple(found), len(pictures), usual, tuple(failed), seconds)


def strongest_first(reasons: Iterable[Reason]) -> list[Reason]:
    """The reasons with their scores as they are told, the strongest first; on ties what can be seen in the
    picture itself comes before `isolated`."""
    told = (Reason(one.name, round(one.score, 4), one.detail) for one in reasons)
    return sorted(told, key=lambda one: (-one.score, one.name == "isolated"))


def check_threshold(threshold: float) -> None:
    """Raise UsageError unless it is a score."""
    if not 0 <= threshold <= 1:
        raise UsageError(f"threshold must be a score from 0 to 1, got {threshold}")


def rows(gallery: Gallery, ids: Sequence[int]) -> list[Picture]:
    """The pictures with these ids, in order."""
    parts = (ids[start : start + _PART] for start in range(0, len(ids), _PART))
    return [picture for part in parts for picture in gallery.get(part)]


def neighbours(pictures: Sequence[Picture], lists: Lists, place: int) -> tuple[Neighbour, ...]:
    """The nearest others of one picture."""
    near = zip(lists.places[place, :NEIGHBOURS], lists.similarities[place, :NEIGHBOURS], strict=True)
    return tuple(
        Neighbour(pictures[other].path, round(float(value), 6)) for other, value in near if other >= 0
    )


def _usual(traits: Sequence[Sequence[Reason]]) -> tuple[str, ...]:
    """Reasons that too many have."""
    counts = Counter(reason.name for own in traits for reason in own)
    most = max(_FEW, COMMON * len(traits))
    return tuple(sorted(name for name, number in counts.items() if number > most))


def _isolated(lists: Lists, place: int, score: float) -> Reason:
    there = lists.places[place] >= 0
    if not there.any():
        return Reason("isolated", score, "no other picture")
    nearest = float(lists.similarities[place, 0])
    last = min(int(there.sum()), REACH)
    far = float(lists.similarities[place, last - 1])
    return Reason("isolated", score, f"similarity {nearest:.2f} to the nearest, {far:.2f} to the {last}th")


def _outlier(
    pictures: Sequence[Picture], lists: Lists, place: int, reasons: Sequence[Reason], alone: float
) -> Outlier:
    picture = pictures[place]
    near = neighbours(pictures, lists, place)
    return Outlier(picture.id, picture.path, reasons[0].score, tuple(reasons), round(alone, 4), near)
