"""Pictures that cover a collection."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from lookalike.clusters.representatives import representatives
from lookalike.errors import UsageError
from lookalike.filters import parse
from lookalike.gallery.base import Space
from lookalike.gallery.memory import MemoryGallery

SPACE = Space("drawn", "drawn", "embedding", "none", 32)  # as in conftest.py

Blobs = Callable[..., np.ndarray]
Filled = Callable[..., MemoryGallery]


def test_what_is_said_is_so(filled: Filled, blobs: Blobs) -> None:
    with filled(blobs([30, 20, 10])) as gallery:
        found = representatives(gallery, SPACE, 7)
        rows = gallery.vectors(SPACE, range(1, 61)).astype(float)
    chosen = [one.id - 1 for one in found.representatives]
    mean = rows.mean(axis=0)
    assert chosen[0] == int(np.argmax(rows @ mean))
    for rank, one in enumerate(found.representatives, start=1):
        nearest = (rows @ rows[chosen[:rank]].T).max(axis=1)
        assert one.rank == rank
        assert one.path == f"/pictures/{one.id - 1:04}.jpg"
        assert one.reached == pytest.approx(nearest.min(), abs=1e-4)
        if rank < len(chosen):  # the one that was covered worst
            assert chosen[rank] == int(np.argmin(nearest))
    owner = np.argmax(rows @ rows[chosen].T, axis=1)
    assert [one.covers for one in found.representatives] == np.bincount(owner).tolist()
    assert found.images == 60
    assert found.similarity == found.representatives[-1].reached
    assert found.radius == pytest.approx(1 - found.similarity)


def test_every_group_has_one(filled: Filled, blobs: Blobs) -> None:
    with filled(blobs([30, 20, 10, 5])) as gallery:
        found = representatives(gallery, SPACE, 4)
    groups = np.repeat(np.arange(4), [30, 20, 10, 5])
    assert {groups[one.id - 1] for one in found.representatives} == {0, 1, 2, 3}


def test_no_choice_is_more_than_twice_as_good(filled: Filled, blobs: Blobs) -> None:
    with filled(blobs([4, 4, 4, 3])) as gallery:
        rows = gallery.vectors(SPACE, range(1, 16)).astype(float)
        for count in (1, 2, 3):
            found = representatives(gallery, SPACE, count)
            best = max(
                (rows @ rows[list(some)].T).max(axis=1).min() for some in combinations(range(15), count)
            )
            assert np.sqrt(2 - 2 * found.similarity) <= 2 * np.sqrt(2 - 2 * best) + 1e-3


def test_the_first_of_many_are_those_of_few(filled: Filled, blobs: Blobs) -> None:
    with filled(blobs([30, 20, 10])) as gallery:
        many = representatives(gallery, SPACE, 9).representatives
        few = representatives(gallery, SPACE, 4).representatives
    assert [one.id for one in few] == [one.id for one in many[:4]]


def test_copies_need_one(filled: Filled, blobs: Blobs) -> None:
    with filled(np.repeat(blobs([1] * 3), 10, axis=0)) as gallery:
        found = representatives(gallery, SPACE, 20)
    assert [one.covers for one in found.representatives] == [10, 10, 10]
    assert found.radius == pytest.approx(0, abs=1e-4)


def test_only_those_that_match(filled: Filled, blobs: Blobs) -> None:
    known = [{"number": number} for number in range(60)]
    with filled(blobs([30, 20, 10]), known) as gallery:
        found = representatives(gallery, SPACE, 5, parse("number >= 50"))
        assert found.images == 10
        assert all(one.id > 50 for one in found.representatives)
        for count in (0, 11):
            with pytest.raises(UsageError, match=f"from 1 to the number of pictures, 10; got {count}"):
                representatives(gallery, SPACE, count, parse("number >= 50"))


def test_one_picture_covers_itself(filled: Filled, blobs: Blobs) -> None:
    with filled(blobs([1])) as gallery:
        (one,) = representatives(gallery, SPACE, 1).representatives
    assert (one.covers, one.reached) == (1, 1.0)
