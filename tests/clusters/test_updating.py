"""New pictures in clusters that were there before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from lookalike.clusters import assigned
from lookalike.clusters.communities import UNKNOWN, spread
from lookalike.clusters.finding import Request, find, kept_before
from lookalike.clusters.updating import update
from lookalike.errors import UsageError
from lookalike.filters import parse
from lookalike.gallery.base import Picture, Space
from lookalike.gallery.memory import MemoryGallery

SPACE = Space("drawn", "drawn", "embedding", "none", 32)  # as in conftest.py
SIZES = [40, 30, 20]

Blobs = Callable[..., np.ndarray]
Filled = Callable[..., MemoryGallery]
Drawn = Callable[..., Picture]


def add(gallery: MemoryGallery, rows: np.ndarray, pictures: list[Picture]) -> list[int]:
    with gallery.writing() as writing:
        return writing.put(SPACE, pictures, rows)


@pytest.mark.parametrize("k", [None, 3])
def test_what_is_kept_is_told_again(
    filled: Filled, blobs: Blobs, drawn_picture: Drawn, k: int | None
) -> None:
    rows = blobs(SIZES)
    with filled(rows) as gallery:
        assert kept_before(gallery, SPACE) is None
        before = find(gallery, SPACE, Request(k))
        told = kept_before(gallery, SPACE)
        assert told == replace(before, k=None, seconds=0)
        add(gallery, rows[:1], [drawn_picture(200)])  # a new one is in none of them
        assert kept_before(gallery, SPACE) == told
        gone = gallery.at_path(before.clusters[0].members[0])
        assert gone is not None
        with gallery.writing() as writing:
            writing.remove([gone.id])
        left = kept_before(gallery, SPACE)
        assert left is not None
        assert sum(one.size for one in left.clusters) == sum(one.size for one in before.clusters) - 1
        with gallery.writing() as writing:
            writing.remove([row.id for row in gallery.pictures()])
        nothing = kept_before(gallery, SPACE)
        assert nothing is None or nothing.clusters == ()


@pytest.mark.parametrize("k", [None, 3])
def test_a_new_picture_goes_where_its_like_are(
    filled: Filled, blobs: Blobs, drawn_picture: Drawn, k: int | None
) -> None:
    rows = blobs(SIZES)
    order = np.random.default_rng(0).permutation(len(rows))
    truth = np.repeat(np.arange(3), SIZES)[order]
    with filled(rows[order[:75]]) as gallery:
        before = find(gallery, SPACE, Request(k))
        ids = add(gallery, rows[order[75:]], [drawn_picture(i) for i in range(75, 90)])
        assert gallery.count(parse("cluster == null")) == 15
        after = update(gallery, SPACE)
        kept = assigned(gallery, SPACE)
        again = update(gallery, SPACE)
    assert (after.added, again.added) == (15, 0)
    assert after.kept
    assert kept is not None
    cluster_of = dict(zip(kept.ids.tolist(), kept.clusters.tolist(), strict=True))
    by_number = sorted(after.clusters, key=lambda cluster: cluster.id)
    for old, new in zip(before.clusters, by_number, strict=True):
        assert set(old.members) <= set(new.members)
        assert (old.id, old.parent) == (new.id, new.parent)
    kind_of = {cluster_of[id]: truth[id - 1] for id in range(1, 76) if cluster_of[id] > 0}
    for id in ids:
        assert cluster_of[id] == -1 or kind_of[cluster_of[id]] == truth[id - 1]
    assert sum(cluster_of[id] > 0 for id in ids) >= 14
    assert replace(again, seconds=0, added=15) == replace(after, seconds=0)


def test_a_new_picture_like_no_other_is_noise(filled: Filled, blobs: Blobs, drawn_picture: Drawn) -> None:
    lonely = np.random.default_rng(9).standard_normal((1, SPACE.dimension)).astype(np.float32)
    with filled(blobs(SIZES)) as gallery:
        find(gallery, SPACE, Request())
        add(gallery, lonely / np.linalg.norm(lonely), [drawn_picture(90)])
        assert "/pictures/0090.jpg" in update(gallery, SPACE).noise


def test_a_changed_picture_leaves_its_cluster_and_finds_another(
    filled: Filled, blobs: Blobs, drawn_picture: Drawn
) -> None:
    rows = blobs(SIZES)
    with filled(rows) as gallery:
        find(gallery, SPACE, Request(3))
        (old,) = [row.cluster for row in gallery.get([1])]
        add(gallery, rows[[89]], [replace(drawn_picture(0), content="new")])
        assert gallery.get([1])[0].cluster is None
        update(gallery, SPACE)
        assert gallery.get([1])[0].cluster == gallery.get([90])[0].cluster != old


def test_a_cluster_whose_pictures_are_gone_is_gone(filled: Filled, blobs: Blobs) -> None:
    with filled(blobs(SIZES)) as gallery:
        find(gallery, SPACE, Request(3))
        with gallery.writing() as writing:
            writing.remove(range(1, 41))  # the largest
        found = update(gallery, SPACE)
    assert [(cluster.id, cluster.size) for cluster in found.clusters] == [(2, 30), (3, 20)]
    assert [near.id for near in found.clusters[0].nearest] == [3]


def test_clusters_come_by_size_whatever_their_numbers(
    filled: Filled, blobs: Blobs, drawn_picture: Drawn
) -> None:
    rows = blobs(SIZES)
    with filled(rows) as gallery:
        find(gallery, SPACE, Request(3))
        add(gallery, np.repeat(rows[-1:], 25, axis=0), [drawn_picture(90 + i) for i in range(25)])
        found = update(gallery, SPACE)
    assert [(cluster.id, cluster.size) for cluster in found.clusters] == [(3, 45), (1, 40), (2, 30)]


def test_k_means_puts_what_is_new_to_the_nearest_mean(
    filled: Filled, blobs: Blobs, drawn_picture: Drawn
) -> None:
    rows, odd = blobs(SIZES), np.random.default_rng(9).standard_normal((40, SPACE.dimension))
    odd = (odd / np.linalg.norm(odd, axis=1, keepdims=True)).astype(np.float32)
    with filled(rows) as gallery:
        find(gallery, SPACE, Request(3))
        of = np.array([row.cluster for row in gallery.pictures()])
        ids = add(gallery, odd, [drawn_picture(90 + i) for i in range(40)])
        found = update(gallery, SPACE)
        put = [row.cluster for row in gallery.get(ids)]
    means = np.array([rows[of == number].mean(axis=0) for number in (1, 2, 3)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert put == (np.argmax(odd @ means.T, axis=1) + 1).tolist()
    assert (found.noise, found.added) == ((), 40)


def test_k_means_without_any_of_its_pictures_is_explained(
    filled: Filled, blobs: Blobs, drawn_picture: Drawn
) -> None:
    rows = blobs([5])
    with filled(rows) as gallery:
        find(gallery, SPACE, Request(1))
        add(gallery, rows[:1], [drawn_picture(90)])
        with gallery.writing() as writing:
            writing.remove(range(1, 6))
        with pytest.raises(UsageError, match="all pictures of these clusters are gone: find them anew"):
            update(gallery, SPACE)


def test_other_clusters_found_meanwhile_stay(filled: Filled, blobs: Blobs, drawn_picture: Drawn) -> None:
    rows = blobs(SIZES)
    with filled(rows) as gallery:
        find(gallery, SPACE, Request(3))
        add(gallery, rows[:1], [drawn_picture(90)])
        done: list[str] = []

        def meanwhile(stage: str, _done: int, _total: int) -> None:
            if not done:
                done.append(stage)
                find(gallery, SPACE, Request(2))

        found = update(gallery, SPACE, meanwhile)
        kept = assigned(gallery, SPACE)
        again = update(gallery, SPACE)
    assert kept is not None
    assert set(kept.clusters) == {1, 2}
    assert (found.kept, found.not_kept) == (False, "other clusters were found meanwhile: run again")
    assert (again.kept, again.not_kept, len(again.clusters)) == (True, "", 2)


def test_a_picture_that_goes_meanwhile_does_not_stop_an_update(
    filled: Filled, blobs: Blobs, drawn_picture: Drawn
) -> None:
    rows = blobs(SIZES)
    with filled(rows) as gallery:
        find(gallery, SPACE, Request(3))
        add(gallery, rows[:1], [drawn_picture(90)])

        def meanwhile(stage: str, done: int, total: int) -> None:
            if (stage, done) == ("describing", total):
                add(gallery, rows[-1:], [replace(drawn_picture(1), content="new")])

        assert update(gallery, SPACE, meanwhile).kept
        assert gallery.count(parse("cluster == null")) == 1
        assert gallery.get([2])[0].cluster is None


def test_clusters_by_a_column_of_our_name_are_updated(
    filled: Filled, blobs: Blobs, drawn_picture: Drawn
) -> None:
    rows = blobs([60])
    own = [{"cluster": number % 2 + 1} for number in range(60)]
    for request in (
        Request(level=1, by="cluster"),
        Request(level=1, blend=(("cluster", 1.0),)),
        Request(k=2, where=parse("cluster == 2")),
    ):
        with filled(rows, own) as gallery:
            find(gallery, SPACE, request)
            add(gallery, rows[1:2], [replace(drawn_picture(60), metadata={"cluster": 2})])
            found = update(gallery, SPACE)
            (mine,) = [one for one in found.clusters if "/pictures/0060.jpg" in one.members]
            assert all(int(path[-8:-4]) % 2 for path in mine.members if "0060" not in path)
    with filled(rows, [{}, *own[1:]]) as gallery:  # the first one is chosen by our number
        find(gallery, SPACE, Request(k=2, where=parse("cluster != 2")))
        with pytest.raises(UsageError, match="found within earlier ones"):
            update(gallery, SPACE)


def test_new_pictures_stay_within_their_value(filled: Filled, blobs: Blobs, drawn_picture: Drawn) -> None:
    rows = blobs([60])
    known = [{"half": "a" if number < 30 else "b"} for number in range(60)]
    with filled(rows, known) as gallery:
        find(gallery, SPACE, Request(level=1, by="half"))
        add(gallery, rows[:1], [replace(drawn_picture(60), metadata={"half": "b"})])
        found = update(gallery, SPACE)
    (mine,) = [cluster for cluster in found.clusters if "/pictures/0060.jpg" in cluster.members]
    assert all(int(path[-8:-4]) >= 30 for path in mine.members)


def test_without_clusters_there_is_nothing_to_update(filled: Filled, blobs: Blobs) -> None:
    with filled(blobs(SIZES)) as gallery, pytest.raises(UsageError, match="no clusters yet"):
        update(gallery, SPACE)


def test_clusters_within_earlier_ones_cannot_be_updated(filled: Filled, blobs: Blobs) -> None:
    with filled(blobs(SIZES)) as gallery:
        find(gallery, SPACE, Request(3))
        within = find(gallery, SPACE, Request(2, where=parse("cluster == 1")))
        assert within.images == 40
        with pytest.raises(UsageError, match="found within earlier ones, which are gone"):
            update(gallery, SPACE)


def test_clusters_spread_along_the_strongest_edges() -> None:
    edges = {(0, 1): 0.5, (1, 2): 0.4, (2, 3): 0.9, (1, 4): 0.2, (4, 5): 0.2, (6, 7): 1.0}
    graph = np.zeros((8, 8))
    for (a, b), weight in edges.items():
        graph[a, b] = graph[b, a] = weight
    known = np.array([3, UNKNOWN, UNKNOWN, 1, UNKNOWN, -1, UNKNOWN, UNKNOWN])
    # 4 is held as strongly by 5, which is noise, as by 1, which is not known before it.
    assert spread(csr_matrix(graph), known).tolist() == [3, 3, 1, 1, -1, -1, -1, -1]
