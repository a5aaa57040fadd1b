"""What every gallery promises, run on each of them: `src/lookalike/gallery/base.py` in tests."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lookalike.errors import CollectionBusy, CollectionError, NotInCollection, UsageError
from lookalike.files import FileIdentity
from lookalike.filters import parse
from lookalike.gallery.base import Gallery, Partition, Picture, Space, Writing
from lookalike.gallery.local import LocalGallery
from lookalike.gallery.memory import MemoryGallery
from lookalike.results import Facet, Failure, Metadata, ValueCount
from lookalike.vectors import canonical

SPACE = Space("a" * 64, "small", "embedding", "onnxruntime", 8)
OTHER = Space("b" * 64, "other", "texture", "onnxruntime", 3)

Make = Callable[[], Gallery]


@pytest.fixture(params=["memory", "local"])
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gallery]:
    made = MemoryGallery() if request.param == "memory" else LocalGallery(tmp_path / "collection")
    with made:
        yield made


def picture(name: str, content: str = "", **facts: object) -> Picture:
    path = name if name.startswith("/") else f"/pictures/{name}"
    row = Picture(FileIdentity(path, 1000, 10**18 + 1), content or f"content of {name!a}", 40, 30, "JPEG", -5)
    return dataclasses.replace(row, **facts)


def vectors(count: int, dimension: int = 8, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((count, dimension))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def put(gallery: Gallery, *names: str, space: Space = SPACE, seed: int = 0) -> list[int]:
    with gallery.writing() as writing:
        rows = [picture(name) for name in names]
        return writing.put(space, rows, vectors(len(names), space.dimension, seed))


# --- rows ------------------------------------------------------------------------------------


def test_a_new_gallery_is_empty(gallery: Gallery) -> None:
    assert gallery.spaces() == []
    assert list(gallery.pictures()) == []
    assert gallery.count() == 0
    assert gallery.columns() == {}
    assert list(gallery.failures()) == []
    assert gallery.failed("/a") is None
    assert gallery.at_path("/a") is None
    assert gallery.with_content("c") == []
    assert list(gallery.scan(SPACE)) == []
    assert [len(m.ids) for m in gallery.search(SPACE, vectors(2), 3)] == [0, 0]
    assert gallery.index_info(SPACE).vectors == 0


def test_a_picture_comes_back_as_it_was_put(gallery: Gallery) -> None:
    given_row = picture("a.jpg", truncated=True, metadata={"price": 2.5, "name": "ä", "new": True, "x": None})
    with gallery.writing() as writing:
        (id,) = writing.put(SPACE, [given_row], vectors(1))
    expected = dataclasses.replace(given_row, id=id)
    assert id > 0
    assert gallery.get([id]) == [expected]
    assert gallery.at_path("/pictures/a.jpg") == expected
    assert gallery.with_content(given_row.content) == [expected]
    assert list(gallery.pictures()) == [expected]
    assert gallery.spaces() == [SPACE]


def test_get_keeps_order_and_repetition(gallery: Gallery) -> None:
    a, b = put(gallery, "a", "b")
    assert [p.id for p in gallery.get([b, a, b])] == [b, a, b]


def test_those_still_there_keep_their_order(gallery: Gallery) -> None:
    a, b, c, d = put(gallery, "a", "b", "c", "d")
    with gallery.writing() as writing:
        writing.remove([b, d])
    assert [p.id for p in gallery.still_there([d, c, b, a, c, 99])] == [c, a, c]
    assert gallery.still_there([b]) == gallery.still_there([]) == []


@pytest.mark.parametrize("unknown", [0, 99])
def test_unknown_ids_are_named(gallery: Gallery, unknown: int) -> None:
    (a,) = put(gallery, "a")
    with pytest.raises(NotInCollection, match=str(unknown)):
        gallery.get([a, unknown])
    with pytest.raises(NotInCollection, match=str(unknown)):
        gallery.vectors(SPACE, [a, unknown])
    with pytest.raises(NotInCollection):
        gallery.vectors(OTHER, [a])


def test_a_known_path_keeps_its_id_and_its_metadata(gallery: Gallery) -> None:
    with gallery.writing() as writing:
        (old,) = writing.put(SPACE, [picture("a", metadata={"price": 1})], vectors(1))
        (new,) = writing.put(SPACE, [picture("a", content="new", width=7)], vectors(1, seed=1))
        assert new == old
        assert gallery.get([old])[0].metadata == {"price": 1}
        assert gallery.get([old])[0].width == 7
        writing.put(SPACE, [picture("a", metadata={"size": 2})], vectors(1))
        assert gallery.get([old])[0].metadata == {"size": 2}


def test_the_same_path_twice_in_one_batch_is_one_picture(gallery: Gallery) -> None:
    first, second = put(gallery, "a", "a")
    assert first == second
    assert gallery.count() == 1
    assert (gallery.vectors(SPACE, [first]) == canonical(vectors(2))[1]).all()


def test_new_content_drops_the_vectors_of_other_spaces(gallery: Gallery) -> None:
    with gallery.writing() as writing:
        (a,) = writing.put(SPACE, [picture("a")], vectors(1))
        writing.put_vectors(OTHER, [a], vectors(1, 3))
        writing.put(SPACE, [picture("a")], vectors(1, seed=1))
        assert len(gallery.vectors(OTHER, [a])) == 1
        writing.put(SPACE, [picture("a", content="new")], vectors(1, seed=1))
    with pytest.raises(NotInCollection):
        gallery.vectors(OTHER, [a])
    assert [p.id for p in gallery.without_vector(OTHER)] == [a]


def test_ids_are_never_used_again(gallery: Gallery) -> None:
    a, b = put(gallery, "a", "b")
    with gallery.writing() as writing:
        writing.remove([b, 12345])
    (c,) = put(gallery, "c")
    assert c > b > a
    assert gallery.at_path("/pictures/b") is None


def test_under_is_a_folder_or_a_file_and_not_a_prefix(gallery: Gallery) -> None:
    names = ["/p/a/1", "/p/a/b/2", "/p/a", "/p/a.jpg", "/p/ab/3", "/p/a0", "/p/A/4", "/p/a%/5"]
    put(gallery, *names)
    found = {
        under: {p.path for p in gallery.pictures(under=under)} for under in ("/p/a", "/p/a/", "/", "/p/a%")
    }
    assert found["/p/a"] == {"/p/a/1", "/p/a/b/2", "/p/a"}
    assert {"/p/a/1", "/p/a/b/2"} <= found["/p/a/"]
    assert found["/"] == set(names)
    assert found["/p/a%"] == {"/p/a%/5"}


def test_a_path_that_is_no_text_is_kept(gallery: Gallery) -> None:
    path = os.fsdecode(b"/pictures/\xff\xfe.jpg")
    (a,) = put(gallery, path)
    assert gallery.at_path(path).id == a
    assert [p.path for p in gallery.pictures(under="/pictures")] == [path]
    with gallery.writing() as writing:
        writing.remember_failures([(FileIdentity(path, 1, 2), Failure(path, "empty file"))])
    assert gallery.failed(path) == (FileIdentity(path, 1, 2), "empty file")
    assert gallery.count() == 0


def test_filters(gallery: Gallery) -> None:
    with gallery.writing() as writing:
        rows = [
            picture(f"{i}", metadata={"price": i, "kind": "chair" if i % 2 else "table"}) for i in range(10)
        ]
        ids = writing.put(SPACE, rows, vectors(10))
    where = parse('kind == "chair" and price < 6')
    assert [p.id for p in gallery.pictures(where)] == [ids[1], ids[3], ids[5]]
    assert [p.id for p in gallery.pictures(where, after=ids[1])] == [ids[3], ids[5]]
    assert [p.id for p in gallery.pictures(after=ids[4])] == ids[5:]
    assert gallery.count(where) == 3
    assert [p.id for p in gallery.pictures(where, under="/pictures/3")] == [ids[3]]
    (found,) = gallery.search(SPACE, vectors(1), 10, where=where)
    assert set(found.ids.tolist()) == {ids[1], ids[3], ids[5]}


def test_skipping_goes_to_any_place(gallery: Gallery) -> None:
    ids = put(gallery, *(f"{number}/a" for number in range(7)))
    where = parse("width > 0", gallery.columns())
    for skip in (0, 3, 6, 7, 1000):
        assert [one.id for one in gallery.pictures(skip=skip)] == ids[skip:]
        assert [one.id for one in gallery.pictures(where, after=ids[0], skip=skip)] == ids[1:][skip:]


def test_totals(gallery: Gallery) -> None:
    assert gallery.totals() == (0, 0, 0)
    with gallery.writing() as writing:
        ids = writing.put(SPACE, [picture(f"{i}") for i in range(5)], vectors(5))
        writing.mark_missing(ids[:2])
    rows = list(gallery.pictures())
    assert gallery.totals() == (5, 2, sum(row.file.size for row in rows))
    assert gallery.totals()[2] > 0


def test_columns_know_their_kind(gallery: Gallery) -> None:
    with gallery.writing() as writing:
        rows = [
            picture("a", metadata={"n": 1, "t": "x", "b": True}),
            picture("b", metadata={"n": 2.5, "m": 1}),
        ]
        ids = writing.put(SPACE, rows, vectors(2))
        assert gallery.columns() == {"n": "number", "t": "text", "b": "truth", "m": "number"}
        writing.set_metadata([(ids[0], {"m": "text", "none": None, "unknown": float("nan")})])
    assert gallery.columns() == {"n": "number", "t": "text", "b": "truth", "m": "mixed"}
    assert gallery.get(ids)[0].metadata == {"m": "text", "none": None, "unknown": None}


def test_facets_count_what_there_is_to_choose_by(gallery: Gallery) -> None:
    assert gallery.facets(["kind", "price"]) == [
        Facet("kind", "text", 0, 0, ()),
        Facet("price", "text", 0, 0, ()),
    ]
    told: list[Metadata] = [
        {"kind": "chair", "price": 1, "new": True, "odd": "x", "format": "poster"},
        {"kind": "chair", "price": 1.0, "new": False, "odd": 1, "key": "a"},
        {"kind": "table", "price": 25, "new": True, "odd": True, "key": "b"},
        {"kind": None, "price": 13, "odd": 0},
        {"kind": "long " * 50},
    ]
    with gallery.writing() as writing:
        writing.put(SPACE, [picture(f"{i}/a", metadata=row) for i, row in enumerate(told)], vectors(5))
    kind, price, new, odd, none = gallery.facets(["kind", "price", "new", "odd", "none"])
    assert kind == Facet("kind", "text", 4, 3, (ValueCount("chair", 2), ValueCount("table", 1)))
    assert (price.kind, price.pictures, price.distinct, price.least, price.greatest) == (
        "number",
        4,
        3,
        1,
        25,
    )
    assert price.values == (ValueCount(1, 2), ValueCount(13, 1), ValueCount(25, 1))
    assert price.decimals == 0
    assert [(at, count) for at, count in enumerate(price.bins) if count] == [(0, 2), (12, 1), (23, 1)]
    assert new.values == (ValueCount(True, 2), ValueCount(False, 1))
    assert [(type(one.value), one.value) for one in odd.values] == [
        (bool, True),
        (int, 0),
        (int, 1),
        (str, "x"),
    ]
    assert odd.kind == "mixed"
    assert none.distinct == 0
    # The built-in columns, and one that a picture's metadata take the place of.
    form, width, folder, missing = gallery.facets(["format", "width", "folder", "missing"], values=2)
    assert form.values == (ValueCount("JPEG", 4), ValueCount("poster", 1))
    assert (width.values, width.least, width.greatest, width.bins) == ((ValueCount(40, 5),), 40, 40, ())
    assert (folder.distinct, folder.values[0]) == (5, ValueCount("/pictures/0", 1))
    assert missing.values == (ValueCount(False, 5),)
    # Of some pictures only; columns that `json_each` has, too, mean the pictures' own.
    (few, of_key) = gallery.facets(["kind", "key"], parse('price == 1 or key == "b"'), values=1)
    assert (few.values, few.pictures) == ((ValueCount("chair", 2),), 3)
    assert of_key.values == (ValueCount("a", 1),)


@pytest.mark.parametrize("value", [float("inf"), [1], np.int64(3)])
def test_metadata_that_cannot_be_kept_is_refused(gallery: Gallery, value: object) -> None:
    with gallery.writing() as writing, pytest.raises(UsageError, match="price"):
        writing.put(SPACE, [picture("a", metadata={"price": value})], vectors(1))
    assert gallery.count() == 0


def test_touch_moves_and_finds_again(gallery: Gallery) -> None:
    a, b, c = put(gallery, "a", "b", "c")
    with gallery.writing() as writing:
        writing.mark_missing([a])
        assert gallery.get([a])[0].missing
        writing.remember_failures([(FileIdentity("/pictures/new", 1, 1), Failure("/pictures/new", "empty"))])
        files = {a: "/pictures/new", b: "/pictures/a", c: "/pictures/b"}
        writing.touch({id: FileIdentity(path, 5, 6) for id, path in files.items()})
    assert [p.file for p in gallery.get([a, b, c])] == [FileIdentity(path, 5, 6) for path in files.values()]
    assert not gallery.get([a])[0].missing
    assert gallery.failed("/pictures/new") is None


def test_a_picture_moved_over_another_takes_its_place(gallery: Gallery) -> None:
    a, b = put(gallery, "a", "b")
    with gallery.writing() as writing:
        writing.touch({a: FileIdentity("/pictures/b", 5, 6)})
    assert [p.id for p in gallery.pictures()] == [a]
    with pytest.raises(NotInCollection):
        gallery.vectors(SPACE, [b])


def test_failures_are_remembered_by_path(gallery: Gallery) -> None:
    (a,) = put(gallery, "a")
    files = [FileIdentity(f"/pictures/{name}", 1, 2) for name in ("z", "a", "sub/b")]
    with gallery.writing() as writing:
        writing.remember_failures((file, Failure(file.path, "no picture")) for file in files)
        assert [file.path for file, _ in gallery.failures()] == [
            "/pictures/a", "/pictures/sub/b", "/pictures/z",
        ]  # fmt: skip
        assert [file.path for file, _ in gallery.failures(under="/pictures/sub")] == ["/pictures/sub/b"]
        assert gallery.at_path("/pictures/a") is None
        writing.forget_failures(["/pictures/z", "/nowhere"])
        put_again = writing.put(SPACE, [picture("a")], vectors(1))
    assert put_again != [a]
    assert [file.path for file, _ in gallery.failures()] == ["/pictures/sub/b"]


@pytest.mark.parametrize("method", ["touch", "mark_missing", "set_metadata", "put_vectors"])
def test_changing_an_unknown_picture_changes_nothing(gallery: Gallery, method: str) -> None:
    (a,) = put(gallery, "a")
    before = gallery.get([a]), gallery.vectors(SPACE, [a]).tolist()
    arguments = {
        "touch": ({a: FileIdentity("/x", 1, 1), 99: FileIdentity("/y", 1, 1)},),
        "mark_missing": ([a, 99],),
        "set_metadata": ([(a, {"x": 1}), (99, {"x": 1})],),
        "put_vectors": (SPACE, [a, 99], vectors(2, seed=5)),
    }[method]
    with gallery.writing() as writing, pytest.raises(NotInCollection, match="99"):
        getattr(writing, method)(*arguments)
    assert (gallery.get([a]), gallery.vectors(SPACE, [a]).tolist()) == before


# --- what was found out and decided ----------------------------------------------------------


def test_a_new_gallery_knows_nothing_more(gallery: Gallery) -> None:
    assert gallery.note("key") is None
    assert gallery.distinct() == gallery.distinct(["a"]) == gallery.distinct([]) == set()
    assert gallery.arrays("name") is None
    assert list(gallery.same_content()) == []
    for empty in (*gallery.hashes(), *gallery.versions(SPACE)):
        assert empty.shape == (0,)


def test_notes_are_kept_replaced_and_forgotten(gallery: Gallery) -> None:
    with gallery.writing() as writing:
        for text in ("", '{"a": "ä"}', os.fsdecode(b"/pictures/\xff")):
            writing.set_note("rööts", text)
            assert gallery.note("rööts") == text
        writing.set_note("other", "x")
        writing.set_note("rööts", None)
        writing.set_note("never", None)
    assert gallery.note("rööts") is None
    assert gallery.note("other") == "x"


def test_the_stamp_changes_with_everything_that_is_written(gallery: Gallery, tmp_path: Path) -> None:
    [id] = put(gallery, "a")
    seen = {gallery.stamp()}
    if isinstance(gallery, LocalGallery):  # reading changes nothing
        list(gallery.pictures()), gallery.search(SPACE, vectors(1), 1), gallery.note("x")
        assert gallery.stamp() in seen
    steps: list[Callable[[Writing], object]] = [
        lambda writing: writing.set_metadata([(id, {"price": 1})]),
        lambda writing: writing.set_note("note", "text"),
        lambda writing: writing.set_partition(Partition(np.array([id]), np.array([1], np.int32), "{}")),
        lambda writing: writing.keep_arrays("some", {"x": np.arange(3)}),
        lambda writing: writing.drop_arrays("some"),
        lambda writing: writing.remove([id]),
    ]
    for step in steps:
        with gallery.writing() as writing:
            step(writing)
        assert gallery.stamp() not in seen
        seen.add(gallery.stamp())


def test_decisions_hold_whatever_becomes_of_the_pictures(gallery: Gallery) -> None:
    ids = put(gallery, "a", "b")
    with gallery.writing() as writing:
        writing.set_distinct([("c", "a"), ("a", "b"), ("d", "d"), ("b", "a")])
        writing.remove(ids)
        assert gallery.distinct() == {("a", "b"), ("a", "c"), ("d", "d")}
        assert gallery.distinct(["c", "d", "z"]) == {("a", "c"), ("d", "d")}
        assert gallery.distinct(["a", "b"]) == {("a", "b"), ("a", "c")}
        assert gallery.distinct([]) == set()
        writing.set_distinct([("b", "a"), ("x", "y")], distinct=False)
    assert gallery.distinct() == {("a", "c"), ("d", "d")}


def test_arrays_come_back_as_they_were_kept(gallery: Gallery) -> None:
    given_arrays = {
        "table": np.arange(12, dtype=np.int32).reshape(3, 4)[:, ::-1],
        "half": np.array([0.5, np.nan], np.float16),
        "big end": np.array([1, 2], ">i8"),
        "none": np.empty((0, 5), np.float32),
        "truths": np.array([True, False, True]),
        "one": np.array(7, np.uint64),
    }
    with gallery.writing() as writing:
        writing.keep_arrays("graph-1_a", given_arrays)
        writing.keep_arrays("other", {})
    found = gallery.arrays("graph-1_a")
    assert found is not None
    assert list(found) == list(given_arrays)
    for name, expected in given_arrays.items():
        assert found[name].dtype == expected.dtype.newbyteorder("<")
        assert found[name].shape == expected.shape
        np.testing.assert_array_equal(found[name], expected)
        assert not found[name].flags.writeable
    assert gallery.arrays("other") == {}


def test_arrays_are_replaced_as_a_whole_and_dropped(gallery: Gallery) -> None:
    first = np.arange(5)
    with gallery.writing() as writing:
        writing.keep_arrays("name", {"a": first, "b": first})
        first[:] = 0
        before = gallery.arrays("name")
        writing.keep_arrays("name", {"a": np.ones(3)})
        after = gallery.arrays("name")
        writing.drop_arrays("name")
        writing.drop_arrays("name")
    assert gallery.arrays("name") is None
    assert before is not None
    assert before["b"].tolist() == [0, 1, 2, 3, 4]
    assert after is not None
    assert {name: a.tolist() for name, a in after.items()} == {"a": [1, 1, 1]}


@pytest.mark.parametrize("name", ["", "../a", "a/b", "a b", "a.b"])
def test_arrays_with_a_name_that_cannot_be_a_files_are_refused(gallery: Gallery, name: str) -> None:
    with gallery.writing() as writing:
        for act in (lambda: writing.keep_arrays(name, {}), lambda: writing.drop_arrays(name)):
            with pytest.raises(UsageError, match="name"):
                act()
    with pytest.raises(UsageError, match="name"):
        gallery.arrays(name)


def test_arrays_of_objects_are_refused(gallery: Gallery) -> None:
    with gallery.writing() as writing:
        writing.keep_arrays("name", {"a": np.ones(1)})
        with pytest.raises(UsageError, match=r"'bad'.*object"):
            writing.keep_arrays("name", {"bad": np.array([None])})
    assert gallery.arrays("name") is not None


def partition(clusters: dict[int, int], about: str = "") -> Partition:
    ids = sorted(clusters)
    return Partition(np.array(ids, np.int64), np.array([clusters[id] for id in ids], np.int32), about)


def kept(gallery: Gallery) -> tuple[dict[int, int], str] | None:
    found = gallery.partition()
    assert (found is not None) == gallery.has_partition()
    if found is None:
        return None
    assert (found.ids.dtype, found.clusters.dtype) == (np.int64, np.int32)
    assert found.ids.tolist() == sorted(found.ids.tolist())
    return dict(zip(found.ids.tolist(), found.clusters.tolist(), strict=True)), found.about


def test_clusters_are_kept_replaced_and_forgotten(gallery: Gallery) -> None:
    a, b, c, d = put(gallery, "a", "b", "c", "d")
    assert kept(gallery) is None
    with gallery.writing() as writing:
        writing.set_partition(partition({a: 2, b: -1, c: 1, 10**6: 1}, "Ä"))
        assert kept(gallery) == ({a: 2, b: -1, c: 1}, "Ä")
        assert [p.cluster for p in gallery.get([a, b, c, d])] == [2, -1, 1, None]
        writing.set_partition(partition({d: 1}, ""))
        assert kept(gallery) == ({d: 1}, "")
        writing.set_partition(None)
    assert kept(gallery) is None
    assert [p.cluster for p in gallery.pictures()] == [None] * 4


def test_clusters_without_pictures_are_known_to_have_been_looked_for(gallery: Gallery) -> None:
    with gallery.writing() as writing:
        writing.set_partition(partition({}, "none"))
    assert kept(gallery) == ({}, "none")


def test_a_picture_keeps_its_cluster_until_its_content_changes(gallery: Gallery) -> None:
    a, b, c = put(gallery, "a", "b", "c")
    with gallery.writing() as writing:
        writing.set_partition(partition({a: 1, b: 1, c: 1}))
        writing.touch({a: FileIdentity("/moved", 1, 1)})
        writing.mark_missing([a])
        writing.set_metadata([(b, {"x": 1})])
        writing.put_vectors(OTHER, [b], vectors(1, 3))
        writing.put(SPACE, [picture("b", cluster=7), picture("new", cluster=7)], vectors(2))
        assert kept(gallery) == ({a: 1, b: 1, c: 1}, "")
        writing.put(SPACE, [picture("b", content="new")], vectors(1))
        writing.remove([c])
    assert kept(gallery) == ({a: 1}, "")


def test_clusters_can_be_asked_for_in_a_filter(gallery: Gallery) -> None:
    a, b, c, d = put(gallery, "a", "b", "c", "d")
    with gallery.writing() as writing:
        writing.set_metadata([(c, {"cluster": "my own"})])
        writing.set_partition(partition({a: 1, b: -1, c: 1}))
    for where, expected in {
        "cluster == 1": [a],
        "cluster > 0 or cluster == 'my own'": [a, c],  # a value of their own counts before ours
        "cluster == -1": [b],
        "cluster == null": [d],
        "cluster in (1, null)": [a, d],
        "not cluster": [d],
    }.items():
        assert [p.id for p in gallery.pictures(parse(where))] == expected, where
        assert gallery.count(parse(where)) == len(expected)
        found = gallery.search(SPACE, vectors(1), 9, where=parse(where))[0]
        assert sorted(found.ids.tolist()) == expected


def test_pictures_with_the_same_bytes_are_grouped(gallery: Gallery) -> None:
    with gallery.writing() as writing:
        rows = [picture(str(i), content) for i, content in enumerate("zabazcbad")]
        z, a, b, *_ = ids = writing.put(SPACE, rows, vectors(9))
        assert list(gallery.same_content()) == [[z, ids[4]], [a, ids[3], ids[7]], [b, ids[6]]]
        writing.mark_missing([z, a])
    assert list(gallery.same_content()) == [[b, ids[6]], [ids[3], ids[7]]]


def test_hashes_are_those_of_pictures_that_are_there(gallery: Gallery) -> None:
    with gallery.writing() as writing:
        rows = [picture(str(i), phash=phash) for i, phash in enumerate((-1, 5, -(2**63), 0))]
        ids = writing.put(SPACE, rows, vectors(4))
        writing.mark_missing([ids[1]])
    found, hashes = gallery.hashes()
    assert found.dtype == np.int64
    assert found.tolist() == [ids[0], ids[2], ids[3]]
    assert hashes.dtype == np.uint64
    assert hashes.tolist() == [2**64 - 1, 2**63, 0]


def test_a_version_is_never_used_again(gallery: Gallery) -> None:
    ids = put(gallery, "a", "b", "c")
    seen: set[int] = set()

    def versions(space: Space = SPACE) -> dict[int, int]:
        found, numbers = gallery.versions(space)
        assert found.dtype == numbers.dtype == np.int64
        assert (np.diff(found) > 0).all()
        return dict(zip(found.tolist(), numbers.tolist(), strict=True))

    first = versions()
    assert list(first) == ids
    with gallery.writing() as writing:
        seen |= set(first.values())
        writing.put_vectors(OTHER, ids, vectors(3, 3))
        assert versions() == first
        assert not seen & set(versions(OTHER).values())
        seen |= set(versions(OTHER).values())
        writing.put_vectors(SPACE, ids[2:], vectors(1, seed=4))  # the newest is written anew
        writing.touch({ids[0]: FileIdentity("/pictures/moved", 1, 2)})
        writing.mark_missing([ids[1]])
        second = versions()
        assert {id: second[id] for id in ids[:2]} == {id: first[id] for id in ids[:2]}
        assert second[ids[2]] not in seen
        seen |= set(second.values())
        writing.remove(ids[2:])
        writing.put(SPACE, [picture("d")], vectors(1))
    third = versions()
    assert list(third)[:2] == ids[:2]
    assert third.popitem()[1] not in seen


# --- writing ---------------------------------------------------------------------------------


def test_only_one_may_write_at_a_time(gallery: Gallery) -> None:
    with gallery.writing(), pytest.raises(CollectionBusy, match="already writing"), gallery.writing():
        pass
    put(gallery, "a")


def test_another_thread_may_read_and_not_write(gallery: Gallery) -> None:
    seen: list[object] = []

    def other() -> None:
        seen.append([p.path for p in gallery.pictures()])
        try:
            with gallery.writing():
                seen.append("wrote")
        except CollectionBusy:
            seen.append("busy")

    with gallery.writing() as writing:
        writing.put(SPACE, [picture("a")], vectors(1))
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert seen == [["/pictures/a"], "busy"]


def test_a_space_keeps_its_dimension(gallery: Gallery) -> None:
    with gallery.writing() as writing:
        writing.register(SPACE)
        writing.register(SPACE)
        with pytest.raises(CollectionError, match="8"):
            writing.register(dataclasses.replace(SPACE, dimension=9))
    assert gallery.spaces() == [SPACE]


def test_spaces_come_oldest_first(gallery: Gallery) -> None:
    with gallery.writing() as writing:
        for space in (OTHER, SPACE):
            writing.register(space)
    assert gallery.spaces() == [OTHER, SPACE]


@pytest.mark.parametrize("shape", [(1, 7), (2, 8), (8,)])
def test_vectors_of_another_shape_are_refused(gallery: Gallery, shape: tuple[int, ...]) -> None:
    with gallery.writing() as writing, pytest.raises(UsageError, match="shape"):
        writing.put(SPACE, [picture("a")], np.ones(shape, np.float32))
    with pytest.raises(UsageError, match="shape"):
        gallery.search(SPACE, np.ones((1, 7), np.float32), 1)
    with pytest.raises(UsageError, match="not finite"):
        gallery.search(SPACE, np.full((1, 8), np.nan, np.float32), 1)
    with pytest.raises(UsageError, match="at least 1"):
        gallery.search(SPACE, vectors(1), 0)


# --- vectors ---------------------------------------------------------------------------------


def test_vectors_come_back_canonical(gallery: Gallery) -> None:
    ids = put(gallery, *"abc")
    expected = canonical(vectors(3))
    assert (gallery.vectors(SPACE, ids[::-1]) == expected[::-1]).all()
    assert gallery.vectors(SPACE, []).shape == (0, 8)
    parts = list(gallery.scan(SPACE, batch=2))
    assert [part.tolist() for part, _ in parts] == [ids[:2], ids[2:]]
    assert (np.concatenate([rows for _, rows in parts]) == expected).all()


def test_without_vector_may_be_written_to_while_it_streams(gallery: Gallery) -> None:
    ids = put(gallery, *"abcdef")
    with gallery.writing() as writing:
        for row in list(gallery.without_vector(OTHER))[:2]:
            writing.put_vectors(OTHER, [row.id], vectors(1, 3))
        assert [p.id for p in gallery.without_vector(OTHER)] == ids[2:]
        seen = []
        for row in gallery.without_vector(OTHER):
            seen.append(row.id)
            if isinstance(gallery, LocalGallery):  # dicts cannot change while they are read
                writing.put_vectors(OTHER, [row.id], vectors(1, 3))
    assert seen == ids[2:]


def test_a_search_is_sorted_with_ties_by_id(gallery: Gallery) -> None:
    same = np.tile(vectors(1), (5, 1))
    with gallery.writing() as writing:
        ids = writing.put(SPACE, [picture(f"{i}") for i in range(5)], same)
        far = writing.put(SPACE, [picture("far")], -same[:1])
    (found,) = gallery.search(SPACE, same[:1], 3)
    assert found.ids.tolist() == ids[:3]
    assert found.similarities.dtype == np.float32
    (all_of_them,) = gallery.search(SPACE, same[:1], 100)
    assert all_of_them.ids.tolist() == [*ids, *far]
    assert all_of_them.similarities[-1] == pytest.approx(-1)


def test_a_search_finds_what_was_written_last(gallery: Gallery) -> None:
    a, b = put(gallery, "a", "b")
    query = vectors(1)
    assert gallery.search(SPACE, query, 1)[0].ids.tolist() == [a]
    with gallery.writing() as writing:
        (c,) = writing.put(SPACE, [picture("c")], query)
        writing.put(SPACE, [picture("a")], -query)
        assert gallery.search(SPACE, query, 3)[0].ids.tolist() == [c, b, a]
        writing.remove([c])
    assert gallery.search(SPACE, query, 3)[0].ids.tolist() == [b, a]


def test_a_query_is_answered_the_same_alone_and_in_company(gallery: Gallery) -> None:
    put(gallery, *(str(i) for i in range(50)))
    queries = vectors(30, seed=9)
    together = gallery.search(SPACE, queries, 7)
    for query, expected in zip(queries, together, strict=True):
        (alone,) = gallery.search(SPACE, query[None], 7)
        assert alone.ids.tolist() == expected.ids.tolist()
        assert alone.similarities.tobytes() == expected.similarities.tobytes()


def test_similarity_is_symmetric(gallery: Gallery) -> None:
    ids = put(gallery, *(str(i) for i in range(20)))
    rows = gallery.vectors(SPACE, ids)
    table = np.empty((20, 20), np.float32)
    for i, matches in enumerate(gallery.search(SPACE, rows, 20)):
        table[i, [ids.index(id) for id in matches.ids.tolist()]] = matches.similarities
    assert (table == table.T).all()


def test_closing_twice_is_harmless(gallery: Gallery) -> None:
    put(gallery, "a")
    gallery.close()
    gallery.close()


# --- the fast gallery against the slow one ---------------------------------------------------

NAMES = st.sampled_from([f"/p/{folder}/{name}" for folder in "ab" for name in "123456"])
CONTENT = st.sampled_from(["c1", "c2", "c3"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3),
    st.floats(-2, 2),
)
METADATA = st.dictionaries(st.sampled_from(["x", "y", 'a "b"', "ä"]), SCALARS, max_size=3)
# Few different vectors, so that there are many ties.
SEEDS = st.integers(0, 12)
WHERE = st.sampled_from([None, "x", "x == null", "x > 0", "missing", "cluster == 1", 'folder == "/p/a" or y'])


class SameAsMemory(RuleBasedStateMachine):
    """Any sequence of operations leaves the local gallery as it leaves the one in memory."""

    directory: Path  # set by the test

    @initialize(limit=st.sampled_from([1, 5, 1000]))
    def begin(self, limit: int) -> None:
        folder = self.directory / str(sum(1 for _ in self.directory.iterdir()))
        self.open = lambda: LocalGallery(folder, exact_limit=limit)
        self.galleries: list[Gallery] = [MemoryGallery(), self.open()]

    def teardown(self) -> None:
        for gallery in getattr(self, "galleries", []):
            gallery.close()

    def ids(self) -> list[int]:
        return [p.id for p in self.galleries[0].pictures()]

    def write(self, act: Callable[..., object]) -> None:
        results = []
        for gallery in self.galleries:
            with gallery.writing() as writing:
                results.append(act(writing))
        assert results[0] == results[1]

    @rule(
        rows=st.lists(st.tuples(NAMES, CONTENT, METADATA, SEEDS), max_size=5),
        space=st.sampled_from([SPACE, OTHER]),
    )
    def put(self, rows: Sequence[tuple[str, str, Metadata, int]], space: Space) -> None:
        pictures = [picture(path, content, metadata=metadata) for path, content, metadata, _ in rows]
        some = [vectors(1, space.dimension, seed)[0] for *_, seed in rows]
        array = np.array(some, np.float32).reshape(len(rows), space.dimension)
        self.write(lambda writing: writing.put(space, pictures, array))

    @rule(data=st.data(), seed=SEEDS)
    def put_vectors(self, data: st.DataObject, seed: int) -> None:
        ids = self.some_ids(data)
        self.write(lambda writing: writing.put_vectors(OTHER, ids, vectors(len(ids), 3, seed)))

    @rule(data=st.data(), paths=st.lists(NAMES, unique=True, max_size=3))
    def touch(self, data: st.DataObject, paths: list[str]) -> None:
        ids = self.some_ids(data)
        files = {id: FileIdentity(path, 7, 8) for id, path in zip(ids, paths, strict=False)}
        self.write(lambda writing: writing.touch(files))

    @rule(data=st.data(), missing=st.booleans())
    def mark_missing(self, data: st.DataObject, missing: bool) -> None:
        ids = self.some_ids(data)
        self.write(lambda writing: writing.mark_missing(ids, missing))

    @rule(data=st.data(), metadata=METADATA)
    def set_metadata(self, data: st.DataObject, metadata: Metadata) -> None:
        rows = [(id, metadata) for id in self.some_ids(data)]
        self.write(lambda writing: writing.set_metadata(rows))

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        ids = self.some_ids(data)
        self.write(lambda writing: writing.remove([*ids, 10**6]))

    @rule(pairs=st.lists(st.tuples(CONTENT, CONTENT), max_size=2), distinct=st.booleans())
    def set_distinct(self, pairs: list[tuple[str, str]], distinct: bool) -> None:
        self.write(lambda writing: writing.set_distinct(iter(pairs), distinct))

    @rule(data=st.data(), clusters=st.none() | st.lists(st.sampled_from([-1, 1, 2]), max_size=3))
    def set_partition(self, data: st.DataObject, clusters: list[int] | None) -> None:
        chosen = dict(zip(self.some_ids(data), clusters or [], strict=False))
        self.write(
            lambda writing: writing.set_partition(None if clusters is None else partition(chosen, "about"))
        )

    @rule(paths=st.lists(NAMES, max_size=3), forget=st.booleans())
    def failures(self, paths: list[str], forget: bool) -> None:
        rows = [(FileIdentity(path, 3, 4), Failure(path, "empty")) for path in paths]
        self.write(
            lambda writing: writing.forget_failures(paths) if forget else writing.remember_failures(rows)
        )

    @rule()
    def reopen(self) -> None:
        self.galleries[1].close()
        self.galleries[1] = self.open()

    @rule(seed=SEEDS, k=st.integers(1, 15), where=WHERE, space=st.sampled_from([SPACE, OTHER]))
    def search(self, seed: int, k: int, where: str | None, space: Space) -> None:
        slow, fast = (
            gallery.search(
                space, vectors(2, space.dimension, seed), k, where=where and parse(where), exact=True
            )
            for gallery in self.galleries
        )
        for expected, found in zip(slow, fast, strict=True):
            assert found.ids.tolist() == expected.ids.tolist()
            assert found.similarities.tobytes() == expected.similarities.tobytes()

    @invariant()
    def same_content(self) -> None:
        slow, fast = (self.content(gallery) for gallery in getattr(self, "galleries", [None, None]))
        assert fast == slow

    def content(self, gallery: Gallery | None) -> object:
        if gallery is None:
            return None
        return (
            list(gallery.pictures()),
            list(gallery.pictures(parse("x"), under="/p/a")),
            list(gallery.failures()),
            gallery.columns(),
            gallery.spaces(),
            [(ids.tolist(), rows.tolist()) for ids, rows in gallery.scan(SPACE, 3)],
            [(ids.tolist(), rows.tolist()) for ids, rows in gallery.scan(OTHER, 3)],
            list(gallery.without_vector(OTHER)),
            [p.id for p in gallery.with_content("c2")],
            gallery.index_info(SPACE).vectors,
            list(gallery.same_content()),
            [part.tolist() for part in gallery.hashes()],
            gallery.versions(SPACE)[0].tolist(),
            gallery.distinct(),
            gallery.distinct(["c1"]),
            kept(gallery),
        )

    def some_ids(self, data: st.DataObject) -> list[int]:
        ids = self.ids()
        return data.draw(st.lists(st.sampled_from(ids), max_size=3, unique=True)) if ids else []


def test_local_is_the_same_as_memory(tmp_path: Path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("Machine", (SameAsMemory,), {"directory": tmp_path})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=settings.default.max_examples // 2,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 9), dimension=st.sampled_from([1, 2, 7, 64, 300]))
def test_the_bits_of_a_vector_do_not_depend_on_its_batch(seed: int, count: int, dimension: int) -> None:
    rows = vectors(count, dimension, seed)
    together = canonical(rows)
    assert all((canonical(rows[i : i + 1])[0] == together[i]).all() for i in range(count))
