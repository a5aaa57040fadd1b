"""The neighbour graph against comparing everything with everything, whatever happened before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike import neighbours
from lookalike.errors import CollectionError, UsageError
from lookalike.files import FileIdentity
from lookalike.gallery import knn
from lookalike.gallery.all_nearest import Rows
from lookalike.gallery.base import Gallery, Ids, Picture, Space, Vectors
from lookalike.gallery.local import LocalGallery
from lookalike.gallery.memory import MemoryGallery
from lookalike.neighbours import Graph, graph
from lookalike.vectors import canonical, cosines

SPACE = Space("a" * 64, "small", "embedding", "onnxruntime", 8)
WIDE = Space("c" * 64, "wide", "embedding", "onnxruntime", 32)


def picture(number: int, content: str = "") -> Picture:
    return Picture(FileIdentity(f"/p/{number:06}", 1, 2), content or f"{number:064x}", 4, 3, "PNG", number)


def drawn(count: int, seed: int, kinds: int | None = None) -> Vectors:
    """Unit vectors of 8 numbers; with `kinds`, only so many different ones, whatever the seed."""
    if kinds is None:
        return canonical(np.random.default_rng(seed).standard_normal((count, 8)))
    rows = np.random.default_rng(0).standard_normal((kinds, 8))
    return canonical(rows)[np.random.default_rng(seed).integers(0, kinds, count)]


def clustered(count: int, seed: int = 0) -> Vectors:
    """Vectors of 32 numbers: groups, and groups of groups."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((count, 32))
    for kinds, size in ((12, 1.0), (90, 0.6), (count // 8, 0.5), (count, 0.4)):
        rows += size * rng.standard_normal((kinds, 32))[rng.integers(0, kinds, count)]
    return canonical(rows)


def put(gallery: Gallery, rows: Vectors, space: Space = SPACE, first: int = 0) -> list[int]:
    with gallery.writing() as writing:
        return writing.put(space, [picture(first + i) for i in range(len(rows))], rows)


def slow(gallery: Gallery, k: int, space: Space = SPACE) -> list[list[tuple[int, float]]]:
    """The graph by the obvious loop: for each picture (id, similarity) of its nearest others."""
    parts = list(gallery.scan(space))
    if not parts:
        return []
    ids, rows = (np.concatenate(some) for some in zip(*parts, strict=True))
    lists = []
    for id, row in zip(ids, rows, strict=True):
        others = zip(cosines(row, rows).tolist(), ids.tolist(), strict=True)
        ordered = sorted((-similarity, other) for similarity, other in others if other != id)
        lists.append([(other, -similarity) for similarity, other in ordered[:k]])
    return lists


def as_lists(found: Graph) -> list[list[tuple[int, float]]]:
    return [
        [(int(found.ids[place]), float(s)) for place, s in zip(places, row, strict=True) if place >= 0]
        for places, row in zip(found.neighbours, found.similarities, strict=True)
    ]


@pytest.fixture(params=["memory", "local"])
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gallery]:
    made = MemoryGallery() if request.param == "memory" else LocalGallery(tmp_path / "collection")
    with made:
        yield made


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures each building of a whole graph was about."""
    seen: list[int] = []
    build = neighbours.all_nearest

    def counted(rows: Rows, *args: object, **kwargs: object) -> object:
        seen.append(len(rows))
        return build(rows, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(neighbours, "all_nearest", counted)
    return seen


# --- what it is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "kinds"), [(0, None), (1, None), (2, None), (30, None), (300, None), (200, 3)]
)
def test_a_graph_has_the_nearest_others(gallery: Gallery, count: int, kinds: int | None) -> None:
    put(gallery, drawn(count, 1, kinds=kinds))
    found = graph(gallery, SPACE, k=24)
    assert found.ids.tolist() == [p.id for p in gallery.pictures()]
    assert found.neighbours.shape == found.similarities.shape == (count, 24)
    assert found.neighbours.dtype == np.int32
    assert found.similarities.dtype == np.float32
    assert found.recall == 1.0
    assert as_lists(found) == slow(gallery, 24)
    assert ((found.neighbours < 0) == np.isneginf(found.similarities)).all()
    for array in (found.ids, found.neighbours, found.similarities):
        assert not array.flags.writeable


def test_similarities_are_those_of_a_search(gallery: Gallery) -> None:
    put(gallery, drawn(50, 2))
    found = graph(gallery, SPACE, k=5)
    for row, matches in enumerate(gallery.search(SPACE, drawn(50, 2), 6)):
        others = matches.ids != found.ids[row]
        assert found.ids[found.neighbours[row]].tolist() == matches.ids[others].tolist()
        assert found.similarities[row].tobytes() == matches.similarities[others].tobytes()


def test_k_must_be_at_least_one(gallery: Gallery) -> None:
    with pytest.raises(UsageError, match="at least 1, got 0"):
        graph(gallery, SPACE, k=0)


@pytest.mark.parametrize("block", [7, 1000])
def test_edges_are_each_pair_once(gallery: Gallery, block: int) -> None:
    put(gallery, drawn(120, 3))
    found = graph(gallery, SPACE, k=6)
    expected = {
        (min(row, int(place)), max(row, int(place))): float(similarity)
        for row in range(120)
        for place, similarity in zip(found.neighbours[row], found.similarities[row], strict=True)
    }
    for threshold in (-1.0, 0.7):
        pairs = [
            (min(a, b), max(a, b), s)
            for parts in found.edges(threshold, block)
            for a, b, s in zip(*(part.tolist() for part in parts), strict=True)
        ]
        assert sorted(pairs) == sorted((a, b, s) for (a, b), s in expected.items() if s >= threshold)


# --- keeping and bringing up to date ---------------------------------------------------------


def test_a_current_graph_is_only_read(gallery: Gallery, builds: list[int]) -> None:
    put(gallery, drawn(60, 4))
    first = graph(gallery, SPACE, k=10)
    again = graph(gallery, SPACE, k=10)
    fewer = graph(gallery, SPACE, k=4)
    assert builds == [60]
    assert as_lists(again) == as_lists(first)
    assert as_lists(fewer) == slow(gallery, 4)
    graph(gallery, SPACE, k=11)
    assert builds == [60, 60]


def test_few_changes_are_worked_in_and_many_are_not(gallery: Gallery, builds: list[int]) -> None:
    ids = put(gallery, drawn(100, 5))
    graph(gallery, SPACE, k=5)
    put(gallery, drawn(10, 6), first=500)
    with gallery.writing() as writing:
        writing.remove(ids[40:45])
        writing.put_vectors(SPACE, ids[:5], drawn(5, 7))
    assert as_lists(graph(gallery, SPACE, k=5)) == slow(gallery, 5)
    assert builds == [100]
    put(gallery, drawn(50, 8), first=900)
    assert as_lists(graph(gallery, SPACE, k=5)) == slow(gallery, 5)
    assert builds == [100, 155]


def test_marks_and_moves_leave_the_graph_as_it_is(gallery: Gallery, builds: list[int]) -> None:
    ids = put(gallery, drawn(20, 9))
    graph(gallery, SPACE)
    with gallery.writing() as writing:
        writing.mark_missing(ids[:3])
        writing.touch({ids[4]: FileIdentity("/elsewhere", 5, 6)})
    assert graph(gallery, SPACE).ids.tolist() == ids
    assert builds == [20]


CHANGES = st.lists(
    st.tuples(st.sampled_from(["put", "remove", "change"]), st.integers(0, 10**6), st.integers(1, 12)),
    max_size=6,
)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    start=st.integers(0, 60),
    kinds=st.sampled_from([None, 2, 15]),
    changes=CHANGES,
    k=st.sampled_from([1, 3, 24]),
    spare=st.sampled_from([0, 2, 8]),
)
def test_any_sequence_of_changes_gives_the_graph_of_a_new_start(
    start: int, kinds: int | None, changes: list[tuple[str, int, int]], k: int, spare: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "SPARE", spare)
        patch.setattr(neighbours, "REBUILD_SHARE", 1.0)  # so that as much as possible is worked in
        gallery = MemoryGallery()
        ids = put(gallery, drawn(start, start, kinds=kinds))
        graph(gallery, SPACE, k=k)
        for step, (change, seed, count) in enumerate(changes):
            some = np.random.default_rng(seed).permutation(ids)[:count].tolist()
            with gallery.writing() as writing:
                if change == "remove":
                    writing.remove(some)
                    ids = [id for id in ids if id not in some]
                elif change == "change":
                    writing.put_vectors(SPACE, some, drawn(len(some), seed % 5, kinds=kinds))
            if change == "put":
                ids += put(gallery, drawn(count, seed % 5, kinds=kinds), first=1000 * (step + 1))
            assert as_lists(graph(gallery, SPACE, k=k)) == slow(gallery, k)


def test_who_cannot_write_gets_the_graph_all_the_same(gallery: Gallery, builds: list[int]) -> None:
    put(gallery, drawn(30, 1))
    with gallery.writing():
        thread_found: list[Graph] = []
        thread = threading.Thread(target=lambda: thread_found.append(graph(gallery, SPACE, k=3)))
        thread.start()
        thread.join()
    assert as_lists(thread_found[0]) == slow(gallery, 3)
    graph(gallery, SPACE, k=3)
    assert builds == [30, 30]


def test_a_damaged_or_foreign_graph_is_made_anew(tmp_path: Path, builds: list[int]) -> None:
    with LocalGallery(tmp_path) as gallery:
        put(gallery, drawn(30, 1))
        graph(gallery, SPACE, k=3)
        (file,) = tmp_path.glob("neighbours-*.arrays")
        file.write_bytes(file.read_bytes()[:-100])
        assert as_lists(graph(gallery, SPACE, k=3)) == slow(gallery, 3)
        with gallery.writing() as writing:
            writing.keep_arrays(file.stem, {"layout": np.array(99)})
        assert as_lists(graph(gallery, SPACE, k=3)) == slow(gallery, 3)
    assert builds == [30, 30, 30]


class Changing(LocalGallery):
    """Somebody writes to it while it is read."""

    def scan(self, space: Space, batch: int = 7) -> Iterator[tuple[Ids, Vectors]]:
        for number, part in enumerate(super().scan(space, batch)):
            yield part
            if number == 1:
                with self.writing() as writing:
                    writing.remove([2, 20])
                    writing.put_vectors(space, [3, 25], drawn(2, 50))
                    writing.put(space, [picture(900)], drawn(1, 51))


def test_pictures_that_change_meanwhile_are_left_out_until_the_next_time(tmp_path: Path) -> None:
    with Changing(tmp_path) as gallery:
        ids = put(gallery, drawn(30, 1))
        found = graph(gallery, SPACE, k=3)
        assert found.ids.tolist() == [id for id in ids if id not in (2, 3, 20, 25)]
    with LocalGallery(tmp_path) as gallery:
        assert as_lists(graph(gallery, SPACE, k=3)) == slow(gallery, 3)


def test_interrupting_changes_nothing(gallery: Gallery) -> None:
    put(gallery, drawn(30, 1))
    before = as_lists(graph(gallery, SPACE, k=3))
    put(gallery, drawn(30, 2), first=100)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        graph(gallery, SPACE, k=3, progress=interrupt)
    assert as_lists(graph(gallery, SPACE, k=3)) == slow(gallery, 3) != before


def test_progress_ends_with_all(gallery: Gallery) -> None:
    put(gallery, drawn(600, 1))
    seen: list[tuple[int, int]] = []
    graph(gallery, SPACE, k=3, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (600, 600)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


# --- many pictures ---------------------------------------------------------------------------


def test_many_pictures_by_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "EXACT_LIMIT", 1000)
    gallery, rows = MemoryGallery(), clustered(6000)
    put(gallery, rows, WIDE)
    found = graph(gallery, WIDE, k=10)
    exact = knn.nearest_rows(rows, rows, 10, np.arange(6000))
    true = (found.similarities >= exact.similarities[:, -1:]).mean()
    assert 0.97 <= true < 1.0
    assert found.recall == pytest.approx(true, abs=0.01)
    assert not (found.neighbours == np.arange(6000)[:, None]).any()
    assert (np.diff(found.similarities, axis=1) <= 0).all()
    assert all(len(set(row)) == 10 for row in found.neighbours.tolist())
    for row in range(0, 6000, 500):
        assert (cosines(rows[row], rows[found.neighbours[row]]) == found.similarities[row]).all()


def test_many_pictures_are_brought_up_to_date(monkeypatch: pytest.MonkeyPatch, builds: list[int]) -> None:
    monkeypatch.setattr(neighbours, "EXACT_LIMIT", 1000)
    gallery, rows = MemoryGallery(), clustered(3050)
    ids = put(gallery, rows[:3000], WIDE)
    before = graph(gallery, WIDE, k=10).recall
    put(gallery, rows[3000:], WIDE, first=5000)
    with gallery.writing() as writing:
        writing.remove(ids[::60])
    found = graph(gallery, WIDE, k=10)
    assert builds == [3000]
    assert found.recall == before
    left = np.delete(rows, np.arange(0, 3000, 60), axis=0)
    exact = knn.nearest_rows(left, left, 10, np.arange(len(left)))
    assert (found.similarities >= exact.similarities[:, -1:]).mean() > 0.97
    assert (found.similarities[-50:] == exact.similarities[-50:]).all()


def test_thousands_of_equal_vectors_are_split_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "EXACT_LIMIT", 100)
    gallery = MemoryGallery()
    put(gallery, drawn(2000, 1, kinds=1))
    found = graph(gallery, SPACE, k=5)
    assert found.recall == 1.0
    assert (found.neighbours >= 0).all()
    assert not (found.neighbours == np.arange(2000)[:, None]).any()


@settings(deadline=None)
@given(st.integers(1, 60), st.randoms(use_true_random=False))
def test_the_graph_among_some_has_their_lists_without_the_others(count: int, dice: object) -> None:
    with MemoryGallery() as gallery:
        put(gallery, drawn(count, seed=3, kinds=20))
        whole = graph(gallery, SPACE, k=6)
    chosen = sorted(dice.sample(whole.ids.tolist(), dice.randint(1, count)))  # type: ignore[attr-defined]
    some = whole.among(np.array(chosen))
    assert some.ids.tolist() == chosen
    for own, places, near in zip(chosen, some.neighbours, some.similarities, strict=True):
        row = int(np.searchsorted(whole.ids, own))
        pairs = zip(whole.neighbours[row], whole.similarities[row], strict=True)
        expected = [(int(whole.ids[p]), s) for p, s in pairs if p >= 0 and whole.ids[p] in chosen]
        found = [(chosen[p], s) for p, s in zip(places, near, strict=True) if p >= 0]
        assert found == expected
        assert (places[len(found) :] == -1).all()
        assert (near[len(found) :] == -np.inf).all()


def test_the_graph_among_pictures_that_it_lacks_is_refused() -> None:
    with MemoryGallery() as gallery:
        put(gallery, drawn(5, seed=0))
        whole = graph(gallery, SPACE)
    for ids in ([1, 2, 9], [1, 2, 3, 4, 6], [0, 1]):
        with pytest.raises(CollectionError, match="changed while it was read: run again"):
            whole.among(np.array(ids))


def test_the_graph_of_some_pictures_has_no_similarity_without_a_neighbour() -> None:
    neighbours = np.array([[1, 2, 3], [0, 3, 2], [3, 0, 1], [2, 1, -1]], np.int32)
    similarities = np.array(
        [[0.9, 0.8, 0.7], [0.9, 0.6, 0.5], [0.8, 0.7, 0.5], [0.8, 0.6, -np.inf]], np.float32
    )
    some = Graph(np.array([3, 5, 8, 9]), neighbours, similarities, 1.0).among(np.array([3, 8, 9]))
    assert some.ids.tolist() == [3, 8, 9]
    assert some.neighbours.tolist() == [[1, 2, -1], [2, 0, -1], [1, -1, -1]]
    expected = np.array([[0.8, 0.7, -np.inf], [0.8, 0.7, -np.inf], [0.8, -np.inf, -np.inf]], np.float32)
    assert np.array_equal(some.similarities, expected)
