"""What only the gallery on disk promises: files, formats, damage, other processes."""

from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from lookalike.errors import (
    CollectionBusy,
    CollectionDamaged,
    CollectionError,
    CollectionNotFound,
    CollectionTooNew,
)
from lookalike.files import FileIdentity
from lookalike.filters import parse
from lookalike.gallery import schema, space_search
from lookalike.gallery.base import Matches, Partition, Picture, Space
from lookalike.gallery.local import DATABASE, LocalGallery
from lookalike.gallery.memory import MemoryGallery
from lookalike.gallery.vector_index import peek

SPACE = Space("a" * 64, "small", "embedding", "onnxruntime", 16)
COUNT = 3000


def rows(start: int, count: int) -> list[Picture]:
    return [
        Picture(FileIdentity(f"/p/{i:06}", i, i), str(i), 4, 3, "PNG", i, metadata={"n": i})
        for i in range(start, start + count)
    ]


def clustered(count: int, seed: int, spread: float = 0.5) -> np.ndarray:
    drawn = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((60, SPACE.dimension))
    mixed = centres[drawn.integers(0, 60, count)] + spread * drawn.standard_normal((count, SPACE.dimension))
    return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)


def fill(gallery: LocalGallery | MemoryGallery, count: int = COUNT, start: int = 0) -> list[int]:
    with gallery.writing() as writing:
        return writing.put(SPACE, rows(start, count), clustered(count, start))


def close(count: int, seed: int) -> np.ndarray:
    """Rows so close to their cluster's centre that codes trained with them reach only a little."""
    return clustered(count, seed, spread=0.05)


def sparse(count: int, seed: int) -> np.ndarray:
    """Unit rows of one to three numbers: far outside the range in which clustered ones lie."""
    drawn = np.random.default_rng(seed)
    rows = np.zeros((count, SPACE.dimension), np.float32)
    for row in rows:
        row[drawn.choice(SPACE.dimension, drawn.integers(1, 4), replace=False)] = 1
    rows *= drawn.choice([-1, 1], rows.shape) * drawn.uniform(0.3, 1, rows.shape)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def put(gallery: LocalGallery | MemoryGallery, vectors: np.ndarray, start: int) -> list[int]:
    with gallery.writing() as writing:
        return writing.put(SPACE, rows(start, len(vectors)), vectors)


def same(found: list[Matches], expected: list[Matches]) -> bool:
    return [(m.ids.tolist(), m.similarities.tobytes()) for m in found] == [
        (m.ids.tolist(), m.similarities.tobytes()) for m in expected
    ]


@pytest.fixture(autouse=True)
def _small_index_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collections of tests are large enough for an index file."""
    monkeypatch.setattr(space_search, "SAVE_FROM", 1000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "collection"


@pytest.fixture(params=[100, 10**6], ids=["cells", "one cell"])
def pair(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[LocalGallery, MemoryGallery]]:
    """The same 3,000 pictures on disk, with and without an approximate index, and in memory."""
    with LocalGallery(folder, exact_limit=request.param) as local, MemoryGallery() as memory:
        assert fill(local) == fill(memory)
        yield local, memory


# --- the derived index -----------------------------------------------------------------------


def test_an_exact_search_is_the_same_with_any_index(pair: tuple[LocalGallery, MemoryGallery]) -> None:
    local, memory = pair
    queries = clustered(20, 7)
    for k in (1, 10, 500, 5000):
        assert same(local.search(SPACE, queries, k, exact=True), memory.search(SPACE, queries, k))


def test_a_filter_is_answered_exactly(
    pair: tuple[LocalGallery, MemoryGallery], monkeypatch: pytest.MonkeyPatch
) -> None:
    local, memory = pair
    queries = clustered(10, 7)
    for few in (1024, 10):  # straight from SQLite, and through the index
        monkeypatch.setattr("lookalike.gallery.space_search.FEW", few)
        for expression in ("n < 500", "n >= 1500", "n < 0", "n >= 0"):
            where = parse(expression)
            assert same(
                local.search(SPACE, queries, 10, where=where), memory.search(SPACE, queries, 10, where=where)
            )


def test_many_equal_vectors_are_found_in_order(pair: tuple[LocalGallery, MemoryGallery]) -> None:
    local, memory = pair
    blank = np.tile(clustered(1, 5), (700, 1))
    for gallery in pair:
        with gallery.writing() as writing:
            writing.put(SPACE, rows(50_000, 700), blank)
    assert same(local.search(SPACE, blank[:1], 10, exact=True), memory.search(SPACE, blank[:1], 10))


def test_additions_and_removals_after_the_index_was_written(pair: tuple[LocalGallery, MemoryGallery]) -> None:
    local, memory = pair
    queries = clustered(10, 7)
    near = local.search(SPACE, queries, 300, exact=True)
    gone = sorted({id for matches in near for id in matches.ids.tolist()})
    for gallery in pair:
        with gallery.writing() as writing:
            writing.remove(gone)
            writing.put(SPACE, rows(80_000, 30), clustered(30, 3))
    assert same(local.search(SPACE, queries, 10, exact=True), memory.search(SPACE, queries, 10))
    # An approximate search, too, gives as many as were asked for, though all it knew are gone.
    assert all(len(matches.ids) == 10 for matches in local.search(SPACE, queries, 10))


@pytest.mark.parametrize("reopened", [False, True])
def test_vectors_outside_the_trained_range_are_found_exactly(folder: Path, reopened: bool) -> None:
    """Their codes are cut off at the range's ends, and so are far from them."""
    with MemoryGallery() as memory:
        local = LocalGallery(folder, exact_limit=1000)
        for gallery in (local, memory):
            put(gallery, close(8000, 0), 0)
            put(gallery, sparse(1200, 1), 8000)
        if reopened:
            local.close()
            local = LocalGallery(folder, exact_limit=1000)
        with local:
            facts = peek(folder / "vectors-1.faiss")
            assert facts is not None
            assert (facts.vectors, facts.trained) == (9200, 8000)  # added to the index, not built anew
            queries = np.concatenate([sparse(100, 2), close(20, 3)])
            assert same(local.search(SPACE, queries, 10, exact=True), memory.search(SPACE, queries, 10))
            where = parse("n >= 2000")
            assert same(
                local.search(SPACE, queries, 10, where=where), memory.search(SPACE, queries, 10, where=where)
            )


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from(["close", "clustered", "sparse", "equal"]), st.sampled_from([3, 400, 1100])
        ),
        min_size=1,
        max_size=3,
    ),
    seed=st.integers(0, 1000),
    k=st.sampled_from([1, 10, 130]),
)
@example(parts=[("sparse", 1100), ("sparse", 3)], seed=0, k=10)  # was answered wrongly once
def test_exact_answers_are_those_of_comparing_with_everything(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[str, int]], seed: int, k: int
) -> None:
    """Whatever was added to an index that was trained with other vectors, before and after reopening."""
    draws = {
        "close": close,
        "clustered": clustered,
        "sparse": sparse,
        "equal": lambda count, seed: np.tile(sparse(1, seed), (count, 1)),
    }
    queries = np.concatenate([close(4, seed + 1), sparse(8, seed + 2)])
    where = parse("n >= 1500")
    folder = tmp_path_factory.mktemp("exact")

    def check(local: LocalGallery) -> None:
        assert same(local.search(SPACE, queries, k, exact=True), memory.search(SPACE, queries, k))
        assert same(
            local.search(SPACE, queries, k, where=where), memory.search(SPACE, queries, k, where=where)
        )

    with MemoryGallery() as memory:
        with LocalGallery(folder, exact_limit=1000) as local:
            for gallery in (local, memory):
                put(gallery, close(6000, 0), 0)  # 1,100 more are too few for measuring anew
            for number, (kind, count) in enumerate(parts):
                added = draws[kind](count, seed + number)
                for gallery in (local, memory):
                    put(gallery, added, 10_000 * (number + 1))
                check(local)
        with LocalGallery(folder, exact_limit=1000) as local:
            check(local)


def test_the_index_follows_many_changes(folder: Path) -> None:
    with LocalGallery(folder, exact_limit=2000) as local, MemoryGallery() as memory:
        for start, count in ((0, 1500), (2000, 1500), (4000, 1100), (6000, 5000)):
            fill(local, count, start)
            fill(memory, count, start)
            facts = peek(folder / "vectors-1.faiss")
            assert facts is not None
            assert facts.vectors == local.count()
            assert facts.kind == ("exact" if local.count() < 2000 else "approximate")
            queries = clustered(5, start + 1)
            assert same(local.search(SPACE, queries, 10, exact=True), memory.search(SPACE, queries, 10))
        with local.writing() as writing:
            writing.remove([p.id for p in local.pictures(parse("n > 1300"))])
        assert local.index_info(SPACE).kind == "exact"


def test_a_search_without_the_file_writes_it(folder: Path) -> None:
    with LocalGallery(folder) as gallery:
        fill(gallery)
        expected = gallery.search(SPACE, clustered(3, 1), 5)
    file = folder / "vectors-1.faiss"
    whole = file.read_bytes()
    file.unlink()
    with LocalGallery(folder) as gallery:
        assert same(gallery.search(SPACE, clustered(3, 1), 5), expected)
    assert file.stat().st_size == len(whole)


@pytest.mark.parametrize("harm", ["empty", "short", "flipped", "noise", "facts", "another", "older"])
def test_a_damaged_index_file_costs_nothing_but_time(folder: Path, tmp_path: Path, harm: str) -> None:
    with LocalGallery(folder, exact_limit=100) as gallery:
        fill(gallery)
        expected = gallery.search(SPACE, clustered(5, 1), 5, exact=True)
        file = folder / "vectors-1.faiss"
        whole = file.read_bytes()
        if harm == "older":
            fill(gallery, 3000, 10_000)
            expected = gallery.search(SPACE, clustered(5, 1), 5, exact=True)
    middle = len(whole) // 2
    file.write_bytes(
        {
            "empty": b"",
            "short": whole[:middle],
            "flipped": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
            "noise": np.random.default_rng(0).bytes(len(whole)),
            "facts": whole.replace(b'"probes"', b'"prooes"'),
            "another": other_index(tmp_path / "other"),
            "older": whole,
        }[harm]
    )
    with LocalGallery(folder, exact_limit=100) as gallery:
        assert same(gallery.search(SPACE, clustered(5, 1), 5, exact=True), expected)
        assert gallery.index_info(SPACE).vectors == gallery.count()
        facts = peek(file)
        assert facts is not None
        assert facts.vectors == gallery.count()


def other_index(folder: Path) -> bytes:
    """The index file of another collection with other pictures."""
    with LocalGallery(folder, exact_limit=100) as gallery:
        fill(gallery, COUNT, 77_000)
    return (folder / "vectors-1.faiss").read_bytes()


def test_a_reader_follows_a_writer_of_another_gallery(folder: Path) -> None:
    with LocalGallery(folder) as writer, LocalGallery(folder) as reader, MemoryGallery() as memory:
        queries = clustered(3, 1)
        for start in range(0, 8000, 1000):
            fill(writer, 1000, start)
            fill(memory, 1000, start)
            assert same(reader.search(SPACE, queries, 10), memory.search(SPACE, queries, 10))


def test_a_reader_that_may_not_write_still_searches(folder: Path) -> None:
    with LocalGallery(folder) as writer, LocalGallery(folder) as reader:
        fill(writer)
        expected = writer.search(SPACE, clustered(3, 1), 5)
        (folder / "vectors-1.faiss").unlink()
        with writer.writing():
            assert same(reader.search(SPACE, clustered(3, 1), 5), expected)


def test_an_index_that_cannot_be_written_is_only_slower(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with LocalGallery(folder) as gallery:
        (folder / "vectors-1.unfinished").mkdir(parents=True)
        fill(gallery)
        assert not (folder / "vectors-1.faiss").exists()
        assert len(gallery.search(SPACE, clustered(1, 1), 5)[0].ids) == 5
    assert "could not be written" in caplog.text


def test_approximate_search_reaches_its_recall_and_says_so(folder: Path) -> None:
    with LocalGallery(folder, exact_limit=1000) as gallery:
        fill(gallery, 6000)
        info = gallery.index_info(SPACE)
        assert info.kind == "approximate"
        assert info.vectors == 6000
        assert info.bytes == (folder / "vectors-1.faiss").stat().st_size
        assert info.recall is not None
        assert 0.985 <= info.recall <= 1
        queries = clustered(200, 12345)
        exact = gallery.search(SPACE, queries, 10, exact=True)
        fast = gallery.search(SPACE, queries, 10)
        share = np.mean([np.isin(e.ids, f.ids).mean() for e, f in zip(exact, fast, strict=True)])
        assert share >= 0.95
        # Whatever it finds has the same cosine as in the exact answer.
        for e, f in zip(exact, fast, strict=True):
            known = dict(zip(e.ids.tolist(), e.similarities.tolist(), strict=True))
            assert all(
                known.get(id, s) == s for id, s in zip(f.ids.tolist(), f.similarities.tolist(), strict=True)
            )


def test_an_approximate_query_is_answered_the_same_alone_and_in_company(folder: Path) -> None:
    with LocalGallery(folder, exact_limit=100) as gallery:
        fill(gallery)
        queries = clustered(40, 8)
        together = gallery.search(SPACE, queries, 10)
        assert same([gallery.search(SPACE, q[None], 10)[0] for q in queries], together)


def test_many_threads_search_while_one_writes(folder: Path) -> None:
    with LocalGallery(folder, exact_limit=2000) as gallery:
        fill(gallery)
        queries = clustered(5, 8)
        troubles: list[object] = []
        done = threading.Event()

        def read() -> None:
            try:
                while not done.is_set():
                    for matches in gallery.search(SPACE, queries, 20, exact=True):
                        assert len(set(matches.ids.tolist())) == 20
                        assert (np.diff(matches.similarities) <= 0).all()
            except BaseException as error:
                troubles.append(error)
                raise

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for start in range(10_000, 14_000, 500):
            fill(gallery, 500, start)
        done.set()
        for thread in threads:
            thread.join()
        assert troubles == []


# --- the database ----------------------------------------------------------------------------


def test_opening_without_creating(folder: Path) -> None:
    with pytest.raises(CollectionNotFound, match="collection"):
        LocalGallery(folder, create=False)
    assert not folder.exists()
    LocalGallery(folder).close()
    LocalGallery(folder, create=False).close()


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CollectionError, match="cannot be made"):
        LocalGallery(tmp_path / "file" / "collection")


def test_a_later_format_is_refused_and_left_alone(folder: Path) -> None:
    LocalGallery(folder).close()
    change(folder, f"PRAGMA user_version = {schema.FORMAT + 1}")
    before = (folder / DATABASE).read_bytes()
    with pytest.raises(CollectionTooNew, match="later version"):
        LocalGallery(folder)
    assert (folder / DATABASE).read_bytes() == before


def test_an_older_format_is_migrated_and_keeps_everything(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalGallery(folder) as gallery:
        fill(gallery, 5)
        before = list(gallery.pictures())
    monkeypatch.setattr(
        schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE next (x);\nINSERT INTO next VALUES (1);")
    )
    for module in ("schema", "store"):
        monkeypatch.setattr(
            f"lookalike.gallery.{module}.FORMAT", schema.FORMAT + 1 if module == "schema" else schema.FORMAT
        )
    with LocalGallery(folder) as gallery:
        assert list(gallery.pictures()) == before
    with sqlite3.connect(folder / DATABASE) as connection:
        assert connection.execute("SELECT x FROM next").fetchall() == [(1,)]
    connection.close()


def test_the_first_format_is_migrated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        older.setattr(schema, "FORMAT", 1)
        older.setattr("lookalike.gallery.store.FORMAT", 1)
        with LocalGallery(folder) as gallery:
            ids = fill(gallery, 5)
    with LocalGallery(folder.with_name("new")) as gallery:
        fill(gallery, 5)
        expected = list(gallery.pictures())
    with LocalGallery(folder) as gallery:
        assert list(gallery.pictures()) == expected
        assert gallery.versions(SPACE)[0].tolist() == ids
        with gallery.writing() as writing:
            writing.set_note("key", "text")
            writing.set_distinct([("b", "a")])
            writing.keep_arrays("name", {"a": np.arange(3)})
            writing.set_partition(Partition(np.array(ids[:1]), np.array([3], np.int32), "about"))
        assert [picture.cluster for picture in gallery.pictures()] == [3, None, None, None, None]
        assert (gallery.note("key"), gallery.distinct()) == ("text", {("a", "b")})
        assert gallery.arrays("name") is not None


@pytest.mark.parametrize("harm", ["cut", "zeros", "one bit", "empty", "other", "gone", "older copy"])
def test_damaged_arrays_are_no_arrays(folder: Path, harm: str) -> None:
    with LocalGallery(folder) as gallery, gallery.writing() as writing:
        writing.keep_arrays("name", {"a": np.arange(1000), "b": np.ones((3, 3))})
        file = folder / "name.arrays"
        whole = file.read_bytes()
        harmed = {
            "cut": whole[:-1],
            "zeros": bytes(len(whole)),
            "one bit": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
            "empty": b"",
            "other": b"something else that is long enough to be read",
            "older copy": whole,
        }
        if harm == "older copy":
            writing.keep_arrays("name", {"a": np.zeros(1000)})
        file.unlink()
        if harm != "gone":
            file.write_bytes(harmed[harm])
        assert gallery.arrays("name") is None
        writing.keep_arrays("name", {"a": np.arange(4)})
        found = gallery.arrays("name")
        assert found is not None
        assert found["a"].tolist() == [0, 1, 2, 3]


def test_arrays_that_cannot_be_written_leave_nothing_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with LocalGallery(folder) as gallery, gallery.writing() as writing:
        writing.keep_arrays("name", {"a": np.arange(4)})
        monkeypatch.setattr("lookalike.gallery.array_files.os.replace", full)
        with pytest.raises(CollectionError, match=r"name\.arrays.*No space"):
            writing.keep_arrays("name", {"a": np.arange(5)})
        monkeypatch.undo()
        found = gallery.arrays("name")
        assert found is not None
        assert len(found["a"]) == 4
        assert not list(folder.glob("*.unfinished"))
        used = gallery.bytes_used()
        writing.keep_arrays("more", {"a": np.zeros(10_000)})
        assert gallery.bytes_used() >= used + 80_000


def test_a_migration_that_fails_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LocalGallery(folder).close()
    monkeypatch.setattr(
        schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE next (x);\nINSERT INTO nowhere VALUES (1);")
    )
    monkeypatch.setattr(schema, "FORMAT", schema.FORMAT + 1)
    monkeypatch.setattr("lookalike.gallery.store.FORMAT", schema.FORMAT)
    with pytest.raises(CollectionError):
        LocalGallery(folder)
    monkeypatch.undo()
    LocalGallery(folder).close()


@pytest.mark.parametrize("content", [b"this is no database" * 1000, b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_is_no_database(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / DATABASE).write_bytes(content)
    with pytest.raises(CollectionDamaged, match=DATABASE):
        LocalGallery(folder).count()


def test_the_database_of_something_else(folder: Path) -> None:
    folder.mkdir()
    change(folder, "CREATE TABLE theirs (x)")
    with pytest.raises(CollectionDamaged, match="not a collection"):
        LocalGallery(folder)


def test_a_torn_database_is_reported(folder: Path) -> None:
    with LocalGallery(folder) as gallery:
        fill(gallery, 500)
    file = folder / DATABASE
    whole = file.read_bytes()
    file.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    with pytest.raises(CollectionDamaged, match="restore"), LocalGallery(folder) as gallery:
        list(gallery.pictures())


def test_what_was_interrupted_while_being_made_is_made_again(folder: Path) -> None:
    folder.mkdir()
    (folder / DATABASE).touch()
    with LocalGallery(folder) as gallery:
        fill(gallery, 3)
        assert gallery.count() == 3


def test_a_batch_is_kept_whole_or_not_at_all(folder: Path) -> None:
    with LocalGallery(folder) as gallery, gallery.writing() as writing:
        good = rows(0, 3)
        bad = dataclasses.replace(good[2], width=None)
        with pytest.raises(CollectionError):
            writing.put(SPACE, [*good[:2], bad], clustered(3, 0))
        assert gallery.count() == 0
        assert gallery.spaces() == []
        writing.put(SPACE, good, clustered(3, 0))
    assert gallery_count(folder) == 3


def test_closed_means_closed(folder: Path) -> None:
    gallery = LocalGallery(folder)
    gallery.close()
    with pytest.raises(CollectionError, match="closed"):
        gallery.count()


def test_writing_after_the_end_is_refused(folder: Path) -> None:
    with LocalGallery(folder) as gallery:
        with gallery.writing() as writing:
            pass
        with pytest.raises(CollectionError, match="inside"):
            writing.remove([1])


def test_bytes_used_are_those_of_the_directory(folder: Path) -> None:
    with LocalGallery(folder) as gallery:
        fill(gallery)
        assert gallery.bytes_used() == sum(file.stat().st_size for file in folder.iterdir())


def gallery_count(folder: Path) -> int:
    with LocalGallery(folder) as gallery:
        return gallery.count()


def change(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / DATABASE)
    connection.execute(statement)
    connection.commit()
    connection.close()


# --- other processes -------------------------------------------------------------------------

HOLD = """
    import sys
    from pathlib import Path
    from lookalike.gallery.local import LocalGallery
    with LocalGallery(Path(sys.argv[1])) as gallery, gallery.writing():
        print("holding", flush=True)
        sys.stdin.read()
"""


@pytest.mark.parametrize("end", ["normal", "killed"])
def test_a_second_process_may_read_but_not_write(folder: Path, end: str) -> None:
    with LocalGallery(folder) as gallery:
        fill(gallery, 3)
        command = [sys.executable, "-c", textwrap.dedent(HOLD), str(folder)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            assert other.stdout.readline() == b"holding\n"
            with (
                pytest.raises(CollectionBusy, match=rf"another process \(pid {other.pid}\) is writing to"),
                gallery.writing(),
            ):
                pass
            assert gallery.count() == 3
            if end == "killed":
                os.kill(other.pid, signal.SIGKILL)
            else:
                other.stdin.close()
        fill(gallery, 3, 10)
        assert gallery.count() == 6


def test_several_processes_may_make_a_gallery_at_once(folder: Path) -> None:
    code = "import sys; from pathlib import Path; from lookalike.gallery.local import LocalGallery; "
    code += "print(LocalGallery(Path(sys.argv[1])).count())"
    others = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]
    answers = [other.communicate() for other in others]
    assert [out for out, _ in answers] == [b"0\n"] * 4, answers
