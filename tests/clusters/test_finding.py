"""From a gallery to its clusters, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lookalike.clusters import assigned
from lookalike.clusters import scope as scopes
from lookalike.clusters.finding import Request, find
from lookalike.clusters.stored import grouping
from lookalike.errors import CollectionError, UsageError
from lookalike.filters import parse
from lookalike.gallery.base import Picture, Space
from lookalike.gallery.memory import MemoryGallery
from lookalike.results import Clusters

SPACE = Space("drawn", "drawn", "embedding", "none", 32)  # as in conftest.py
SIZES = [60, 50, 40, 30, 20]
TRUTH = np.repeat(np.arange(len(SIZES)), SIZES)

Blobs = Callable[..., np.ndarray]
Filled = Callable[..., MemoryGallery]
Drawn = Callable[..., Picture]


@pytest.fixture(scope="module")
def groups(blobs: Blobs) -> np.ndarray:
    return blobs(SIZES)


def kinds() -> list[dict[str, str | int]]:
    return [{"kind": f"kind {kind}", "number": number} for number, kind in enumerate(TRUTH)]


def members(found: Clusters) -> list[set[int]]:
    return [{int(path[-8:-4]) for path in cluster.members} for cluster in found.clusters]


def test_groups_that_are_there_are_found(filled: Filled, groups: np.ndarray) -> None:
    with filled(groups, kinds()) as gallery:
        found = find(gallery, SPACE, Request())
    assert found.images == sum(SIZES)
    assert found.kept
    for own in members(found):  # large groups may be split, but none is mixed
        assert len({TRUTH[number] for number in own}) == 1
    assert [cluster.id for cluster in found.clusters] == list(range(1, len(found.clusters) + 1))
    sizes = [cluster.size for cluster in found.clusters]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) + len(found.noise) == sum(SIZES)
    for cluster in found.clusters:
        own = {TRUTH[int(path[-8:-4])] for path in cluster.members}
        assert cluster.label == f"kind {own.pop()}"
        assert cluster.share == 1.0


def test_what_is_said_of_a_cluster_is_so(filled: Filled, groups: np.ndarray) -> None:
    with filled(groups) as gallery:
        found = find(gallery, SPACE, Request())
        rows = gallery.vectors(SPACE, range(1, len(groups) + 1)).astype(float)
    centres = {}
    for cluster, own in zip(found.clusters, members(found), strict=True):
        inside = rows[sorted(own)] @ rows[sorted(own)].T
        np.fill_diagonal(inside, 0)
        typical = inside.sum(axis=1) / (len(own) - 1)
        assert sorted(own)[int(np.argmax(typical))] == int(cluster.medoid[-8:-4])
        assert cluster.medoid == cluster.members[0]
        assert cluster.cohesion == pytest.approx(typical.mean(), abs=1e-4)
        middle = rows[sorted(own)].sum(axis=0)
        centres[cluster.id] = middle / np.linalg.norm(middle)
    for cluster in found.clusters:
        cosines = {id: centres[cluster.id] @ other for id, other in centres.items() if id != cluster.id}
        nearest = sorted(cosines, key=lambda id: -cosines[id])[:3]
        assert [near.id for near in cluster.nearest] == nearest
        assert cluster.nearest[0].similarity == pytest.approx(cosines[nearest[0]], abs=1e-4)


def test_the_same_gallery_gives_the_same_clusters(filled: Filled, groups: np.ndarray) -> None:
    for request in (Request(), Request(k=7), Request(level=5)):
        first, second = (find(filled(groups), SPACE, request) for _ in range(2))
        assert replace(first, seconds=0) == replace(second, seconds=0)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_pictures_does_not_matter(filled: Filled, groups: np.ndarray, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(groups))
    plain = find(filled(groups), SPACE, Request(level=1))
    mixed = find(filled(groups[order]), SPACE, Request(level=1))
    back = [{int(order[number]) for number in own} for own in members(mixed)]
    assert sorted(map(sorted, back)) == sorted(map(sorted, members(plain)))


def test_a_finer_cluster_lies_within_its_parent(filled: Filled, groups: np.ndarray) -> None:
    coarser: list[set[int]] = []
    for level in range(1, 6):
        found = find(filled(groups), SPACE, Request(level=level))
        for cluster, own in zip(found.clusters, members(found), strict=True):
            if cluster.parent is None:
                assert level == 1
            else:
                assert own <= coarser[cluster.parent - 1]
        coarser = members(found)


def test_a_picture_like_no_other_is_noise(filled: Filled, groups: np.ndarray) -> None:
    lonely = np.random.default_rng(9).standard_normal((3, SPACE.dimension)).astype(np.float32)
    lonely /= np.linalg.norm(lonely, axis=1, keepdims=True)
    found = find(filled(np.concatenate([groups, lonely])), SPACE, Request())
    assert set(found.noise) >= {f"/pictures/{number:04}.jpg" for number in range(sum(SIZES), sum(SIZES) + 3)}


def test_copies_stay_together(filled: Filled, blobs: Blobs) -> None:
    rows = np.repeat(blobs([1] * 8), 40, axis=0)
    found = find(filled(rows), SPACE, Request())
    assert sorted(map(sorted, members(found))) == [list(range(i, i + 40)) for i in range(0, 320, 40)]


def test_what_is_next_to_copies_is_no_noise(filled: Filled, groups: np.ndarray) -> None:
    near = groups[:1] + 0.05 * np.random.default_rng(3).standard_normal((1, SPACE.dimension))
    near = (near / np.linalg.norm(near)).astype(np.float32)
    copies = np.repeat(groups[:1], 15, axis=0)
    found = find(filled(np.concatenate([groups, copies, near])), SPACE, Request())
    assert f"/pictures/{sum(SIZES) + 15:04}.jpg" not in found.noise


def test_pictures_at_right_angles_are_all_noise(filled: Filled) -> None:
    found = find(filled(np.eye(SPACE.dimension, dtype=np.float32)), SPACE, Request())
    assert found.clusters == ()
    assert len(found.noise) == SPACE.dimension


@pytest.mark.parametrize("count", [3, 12, 100])
def test_pictures_that_are_all_the_same_are_one_cluster(filled: Filled, blobs: Blobs, count: int) -> None:
    found = find(filled(np.repeat(blobs([1]), count, axis=0)), SPACE, Request())
    assert [cluster.size for cluster in found.clusters] == [count]
    assert found.clusters[0].cohesion == 1.0
    assert found.clusters[0].nearest == ()


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_pictures_are_noise(filled: Filled, blobs: Blobs, count: int) -> None:
    found = find(filled(blobs([count])), SPACE, Request())
    assert found.clusters == ()
    assert len(found.noise) == count


def test_k_means_finds_as_many_as_asked_for(filled: Filled, groups: np.ndarray) -> None:
    found = find(filled(groups), SPACE, Request(k=5))
    assert (found.method, found.level, found.noise) == ("kmeans", None, ())
    assert sorted(map(sorted, members(found))) == sorted(
        np.flatnonzero(kind == TRUTH).tolist() for kind in range(5)
    )
    assert [len(find(filled(groups), SPACE, Request(k=k)).clusters) for k in (1, 200)] == [1, 200]


def test_k_means_of_copies_has_no_empty_clusters(filled: Filled, blobs: Blobs) -> None:
    found = find(filled(np.repeat(blobs([1] * 3), 10, axis=0)), SPACE, Request(k=9))
    assert [cluster.size for cluster in found.clusters] == [10, 10, 10]
    assert found.k == 9


def test_wrong_requests_are_explained(filled: Filled, groups: np.ndarray) -> None:
    with filled(groups, kinds()) as gallery:
        for k in (0, 201):
            with pytest.raises(UsageError, match="k must be from 1 to the number of pictures, 200"):
                find(gallery, SPACE, Request(k=k))
        with pytest.raises(UsageError, match="no column 'knd'; did you mean 'kind'"):
            find(gallery, SPACE, Request(by="knd"))
        with pytest.raises(UsageError, match="none matches the filter"):
            find(gallery, SPACE, Request(where=parse("kind == 'x'")))
        with pytest.raises(UsageError, match=r"level must be a whole number, got 2[.]5"):
            Request(level=2.5)  # type: ignore[arg-type]
        for wrong in (2.5, "3", True):
            with pytest.raises(UsageError, match="k must be a whole number"):
                Request(k=wrong)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="weight of 'kind' must be a number from 0 to 1, got 'x'"):
            Request(blend=(("kind", "x"),))  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="expected the name of a column, got 3"):
            Request(by=3)  # type: ignore[arg-type]
        for level in (0, 6):
            with pytest.raises(UsageError, match="level must be from 1, coarse, to 5, fine"):
                Request(level=level)
        with pytest.raises(UsageError, match="weight of 'kind' must be from 0 to 1, got 2"):
            Request(blend=(("kind", 2),))
        for other in ({"level": 2}, {"by": "kind"}, {"blend": (("kind", 0.5),)}):
            with pytest.raises(UsageError, match="k-means has no level, by and blend"):
                Request(k=3, **other)
    with pytest.raises(UsageError, match="index some first"):
        find(MemoryGallery(), SPACE, Request())


def test_by_keeps_values_apart(filled: Filled, groups: np.ndarray) -> None:
    half = [{"half": "a" if number % 2 else "b"} for number in range(len(groups))]
    half[0] = {}
    found = find(filled(groups, half), SPACE, Request(by="half", level=2))
    for own in members(found):
        assert len({half[number].get("half") for number in own}) == 1
    (agreement,) = found.agreements
    assert agreement.column == "half"
    assert agreement.images == 199
    assert agreement.ami > agreement.ami_before


def test_blend_pulls_and_a_full_one_rules(filled: Filled, groups: np.ndarray) -> None:
    half = [{"half": number % 2 == 0} for number in range(len(groups))]
    with filled(groups, half) as gallery:
        amis = [
            find(gallery, SPACE, Request(blend=(("half", weight),))).agreements[0].ami
            for weight in (0.0, 0.5, 1.0)
        ]
        nothing = find(gallery, SPACE, Request(blend=(("half", 0.0),)))
        rules = find(gallery, SPACE, Request(blend=(("half", 1.0),)))
    assert amis == sorted(amis)
    assert nothing.agreements[0].ami == nothing.agreements[0].ami_before
    for own in members(rules):
        assert len({number % 2 for number in own}) == 1


def test_pictures_left_out_are_in_no_cluster(filled: Filled, groups: np.ndarray) -> None:
    with filled(groups, kinds()) as gallery:
        with gallery.writing() as writing:
            writing.mark_missing([200])
        for where, count in ((None, 199), ("number > 9", 189), ("number >= 100", 99)):
            found = find(gallery, SPACE, Request(where=parse(where) if where else None))
            assert found.images == count
            kept = assigned(gallery, SPACE)
            assert kept is not None
            assert len(kept.ids) == count
            for own in members(found):
                assert len({TRUTH[number] for number in own}) == 1
        assert gallery.count(parse("cluster == null")) == 101


def test_what_is_kept_is_what_was_found(filled: Filled, groups: np.ndarray) -> None:
    with filled(groups, kinds()) as gallery:
        assert assigned(gallery, SPACE) is None
        found = find(gallery, SPACE, Request())
        kept = assigned(gallery, SPACE)
        assert kept is not None
        assert (kept.ids.dtype, kept.clusters.dtype) == (np.int64, np.int32)
        for cluster, own in zip(found.clusters, members(found), strict=True):
            assert set(kept.ids[kept.clusters == cluster.id] - 1) == own
            assert kept.labels[cluster.id] == cluster.label
            assert gallery.count(parse(f"cluster == {cluster.id}")) == cluster.size
        assert assigned(gallery, replace(SPACE, identity="another")) is None
        with gallery.writing() as writing:
            writing.mark_missing([1])
            writing.remove([2])
        kept = assigned(gallery, SPACE)
        assert kept is not None
        assert kept.ids.tolist() == list(range(3, 201))


def test_clusters_are_found_while_another_writes_and_not_kept(filled: Filled, groups: np.ndarray) -> None:
    with filled(groups) as gallery, gallery.writing():
        found = find(gallery, SPACE, Request())
    assert found.clusters
    assert not found.kept
    assert "writing" in found.not_kept
    assert assigned(gallery, SPACE) is None


def test_an_interruption_keeps_the_graph_and_the_clusters_before(filled: Filled, groups: np.ndarray) -> None:
    def interrupt(stage: str, _done: int, _total: int) -> None:
        if stage == "communities":
            raise KeyboardInterrupt

    with filled(groups) as gallery:
        find(gallery, SPACE, Request(3))
        before = gallery.partition()
        with pytest.raises(KeyboardInterrupt):
            find(gallery, SPACE, Request(), interrupt)
        after = gallery.partition()
        assert before is not None
        assert after is not None
        assert after.clusters.tolist() == before.clusters.tolist()
        stages: list[str] = []
        find(gallery, SPACE, Request(), lambda stage, *_: stages.append(stage))
    assert "neighbours" not in stages  # that step is not taken again
    assert list(dict.fromkeys(stages)) == ["communities", "describing"]


def test_a_picture_that_goes_while_another_comes_is_noticed(
    filled: Filled, groups: np.ndarray, drawn_picture: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph has as many pictures as were looked at, but others."""
    whole = scopes.graph

    def meanwhile(gallery: MemoryGallery, *arguments: object, **options: object) -> object:
        with gallery.writing() as writing:
            writing.remove([7])
            writing.put(SPACE, [drawn_picture(999)], groups[:1])
        return whole(gallery, *arguments, **options)

    monkeypatch.setattr(scopes, "graph", meanwhile)
    with filled(groups) as gallery:
        with pytest.raises(CollectionError, match="changed while it was read: run again"):
            find(gallery, SPACE, Request())
        assert gallery.partition() is None


def test_a_column_of_our_name_is_not_mixed_with_our_clusters(filled: Filled, groups: np.ndarray) -> None:
    own: list[dict[str, str | int]] = [{"cluster": number % 2 + 1} for number in range(len(groups))]
    own[:50] = [{} for _ in range(50)]
    with filled(groups, own) as gallery:
        first = find(gallery, SPACE, Request(by="cluster"))
        second = find(gallery, SPACE, Request(by="cluster"))
    assert first.agreements[0].images == second.agreements[0].images == 150
    assert replace(second, seconds=0) == replace(first, seconds=0)


def test_a_picture_that_changes_before_its_cluster_is_kept_has_none(
    filled: Filled, groups: np.ndarray, drawn_picture: Drawn
) -> None:
    def meanwhile(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("describing", total):
            with gallery.writing() as writing:
                writing.put(SPACE, [replace(drawn_picture(6), content="new")], groups[-1:])
                writing.remove([9])

    with filled(groups) as gallery:
        found = find(gallery, SPACE, Request(), meanwhile)
        kept = assigned(gallery, SPACE)
    assert found.kept
    assert kept is not None
    assert sorted(set(range(1, 201)) - set(kept.ids.tolist())) == [7, 9]
    assert "/pictures/0008.jpg" in {path for cluster in found.clusters for path in cluster.members}


def test_vanished_pictures_are_not_counted(filled: Filled, groups: np.ndarray, drawn_picture: Drawn) -> None:
    with filled(groups) as gallery:
        find(gallery, SPACE, Request(5))
        with gallery.writing() as writing:
            writing.put(SPACE, [drawn_picture(300), drawn_picture(301)], groups[:2])
            writing.mark_missing([1, 2, 202])
        counted = grouping(gallery)
    assert counted is not None
    assert (counted.clusters, counted.images, counted.noise, counted.new) == (5, 198, 0, 1)


def test_numbers_of_numpy_are_taken(filled: Filled, groups: np.ndarray) -> None:
    half = [{"half": number % 2 == 0} for number in range(len(groups))]
    with filled(groups, half) as gallery:
        assert len(find(gallery, SPACE, Request(k=np.int64(5))).clusters) == 5  # type: ignore[arg-type]
        asked = Request(level=np.int64(2), blend=(("half", np.float32(0.5)),))  # type: ignore[arg-type]
        assert find(gallery, SPACE, asked).level == 2
