"""Helper processes: the same results as here, errors come out, a crash costs one task, none is left."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.duplicates import feature_store, reading, sketches
from lookalike.duplicates.features import Features
from lookalike.duplicates.finding import Finder
from lookalike.duplicates.helpers import CRASHED, Helper
from lookalike.duplicates.reading import Reader, Reading
from lookalike.duplicates.sketches import Sketches
from lookalike.errors import LookalikeError, PictureError
from lookalike.gallery import array_files
from lookalike.gallery.local import LocalGallery
from lookalike.gallery.memory import MemoryGallery


def doubled(reader: Reader, number: int) -> int:
    """Twice the number; 13 ends the process, 14 is an error."""
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 14:
        raise PictureError("fourteen", "a.jpg")
    return 2 * number


def who(reader: Reader, number: int) -> int:
    return os.getpid()


@pytest.fixture(autouse=True)
def found_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper finds this file as it would find a module of the package."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    for function in (doubled, who):
        monkeypatch.setattr(function, "__module__", "test_helpers")
    monkeypatch.setitem(sys.modules, "test_helpers", sys.modules[__name__])


@pytest.fixture
def helper() -> Iterator[Helper]:
    helper = Helper(Reader)
    yield helper
    helper.close()


def test_another_process_gives_the_results_in_order(helper: Helper) -> None:
    assert helper.ask(doubled, [3, 1, 2]) == [6, 2, 4]
    assert helper.ask(doubled, []) == []
    (pid,) = set(helper.ask(who, [1, 2]))
    assert pid != os.getpid()


def test_a_crash_costs_only_what_crashed(helper: Helper) -> None:
    assert helper.ask(doubled, [1, 13, 2, 13]) == [2, CRASHED, 4, CRASHED]
    assert helper.ask(doubled, [5]) == [10]


def test_an_error_comes_out_and_the_helper_goes_on(helper: Helper) -> None:
    with pytest.raises(PictureError, match="fourteen"):
        helper.ask(doubled, [1, 14])
    assert helper.ask(doubled, [5]) == [10]


def test_it_says_when_it_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    for python in ("/nowhere/python", "/bin/false"):
        monkeypatch.setattr(sys, "executable", python)
        with pytest.raises(LookalikeError, match=f"could not be started with {python}"):
            Helper(Reader)


def test_it_ends_when_the_process_does_that_started_it() -> None:
    code = (
        "from lookalike.duplicates.helpers import Helper\n"
        "from lookalike.duplicates.reading import Reader\n"
        "import os, signal\n"
        "print(Helper(Reader)._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    pid = int(run.stdout)
    for _ in range(1200):
        if not Path(f"/proc/{pid}").exists() or "(zombie)" in Path(f"/proc/{pid}/status").read_text():
            return
        signal.sigtimedwait([], 0.05)
    raise AssertionError("the helper is still there")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [0, 5, 40])
def test_many_tasks_go_to_helpers_and_few_stay_here(
    threads: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FEW", 20)
    with Reading(threads) as many:
        assert list(many.spread(doubled, range(20, 20 + count))) == list(range(40, 40 + 2 * count, 2))
        pids = set(many.spread(who, range(count)))
    assert (os.getpid() in pids) == (0 < count < 20)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids - {os.getpid()})


# --- what they are for -----------------------------------------------------------------------


def filled(shelf: Any, photo: Any) -> list[int]:
    """Photos, some of them cut or made dark."""
    ids = [shelf.put(f"{number}.jpg", photo(number)) for number in range(6)]
    ids += [shelf.put(f"{number}-cut.jpg", photo(number)[20:200, 30:290]) for number in range(3)]
    return [*ids, shelf.put("dark.png", photo(4) // 2), shelf.put("same.png", photo(5))]


def found(shelf: Any, threads: int) -> tuple[Any, ...]:
    from lookalike.duplicates.calibration import SHIPPED

    with Reading(threads) as many:
        known = Sketches(shelf.gallery, many)
        finder = Finder(shelf.gallery, shelf.space, known, lambda: SHIPPED, 0.99)
        answer = finder.find()
    return answer.pairs, answer.failed, finder.compared


def test_helpers_find_bit_for_bit_what_threads_find(
    new_shelf: Any, photo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    for few, threads in ((10_000, 1), (10_000, 3), (1, 1), (1, 3)):
        monkeypatch.setattr(reading, "FEW", few)
        shelf = new_shelf(tmp_path / "shelf", MemoryGallery())
        ids = filled(shelf, photo)
        shelf.file("2.jpg", b"changed")
        answers.append(found(shelf, threads))
    assert len(answers[0][0]) >= 4
    assert [failure.reason[:11] for failure in answers[0][1]] == ["has changed"]
    assert all(answer == answers[0] for answer in answers)
    assert len(ids) == 11


def crashing(reader: Reader, picture: Any) -> Features:
    if picture.path.endswith("3.jpg"):
        os.kill(os.getpid(), signal.SIGKILL)
    return sketches._described(reader, picture)  # type: ignore[return-value]


def test_a_picture_that_ends_the_helper_is_listed_and_the_others_are_found(
    shelf: Any, photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = filled(shelf, photo)
    described = sketches._described
    monkeypatch.setattr(reading, "FEW", 1)
    monkeypatch.setattr(crashing, "__module__", "test_helpers")
    with Reading(2) as many:
        spread = many.spread
        monkeypatch.setattr(
            many, "spread", lambda work, tasks: spread(crashing if work is described else work, tasks)
        )
        known = Sketches(shelf.gallery, many)
        (failure,) = known.prepare(ids)
        assert failure.path.endswith("3.jpg")
        assert failure.reason == sketches.CRASH
        assert [known.has(id_) for id_ in ids].count(False) == 1


# --- what is kept ----------------------------------------------------------------------------


def names(shelf: Any) -> list[str]:
    return sorted(name for name in shelf.gallery._arrays if name.startswith("features"))


def test_small_blocks_are_put_together(
    shelf: Any, photo: Any, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_store, "SMALL", 3)
    monkeypatch.setattr(feature_store, "BLOCK", 5)
    expected: dict[int, Features] = {}
    for number in range(14):
        expected[shelf.put(f"{number}.jpg", photo(number, (100, 120)))] = None  # type: ignore[assignment]
        if number == 6:  # one is another picture now, and one has gone
            shelf.put("2.jpg", photo(50, (100, 120)))
            gone = next(iter(expected))
            shelf.remove(gone)
            del expected[gone]
        known = Sketches(shelf.gallery, reading)
        assert known.prepare(list(expected)) == []
        assert len(names(shelf)) <= 2 + 3
        for id_ in expected:
            features = known.kept([id_])[id_].features
            if expected[id_] is not None and not (number == 6 and id_ == list(expected)[1]):
                assert np.array_equal(features.descriptors, expected[id_].descriptors)
                assert np.array_equal(features.points, expected[id_].points)
            expected[id_] = features
    ids = [id_ for name in names(shelf) for id_ in shelf.gallery.arrays(name)["ids"].tolist()]
    assert set(ids) == set(expected)


def test_blocks_that_nothing_can_be_put_to_are_not_written_again(
    shelf: Any, photo: Any, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_store, "SMALL", 1)
    monkeypatch.setattr(feature_store, "BLOCK", 3)
    monkeypatch.setattr(sketches, "KEPT", 3)
    ids = [shelf.put(f"{number}.jpg", photo(number, (100, 120))) for number in range(9)]
    Sketches(shelf.gallery, reading).prepare(ids)
    for gone in ids[::3]:  # one of each block, so that none is full and no two fit into one
        shelf.remove(gone)
    left = [id_ for id_ in ids if id_ not in ids[::3]]
    Sketches(shelf.gallery, reading).prepare(left)
    written = names(shelf)
    assert len(written) == 3
    Sketches(shelf.gallery, reading).prepare(left)
    assert names(shelf) == written


def test_blocks_are_put_together_as_they_come(
    shelf: Any, photo: Any, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_store, "SMALL", 3)
    monkeypatch.setattr(feature_store, "BLOCK", 100)
    monkeypatch.setattr(sketches, "KEPT", 1)
    monkeypatch.setattr(sketches, "TOLD", 1)
    ids = [shelf.put(f"{number}.jpg", photo(number, (100, 120))) for number in range(12)]
    known = Sketches(shelf.gallery, reading)
    files: list[int] = []
    assert known.prepare(ids, lambda *_: files.append(len(names(shelf)))) == []
    assert max(files) == 3
    assert known.kept(ids).keys() == set(ids)


@pytest.mark.parametrize("small", [64, 2])
def test_no_picture_is_lost_when_no_more_files_can_be_opened(
    shelf: Any, photo: Any, new_shelf: Any, reading: Reading, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(feature_store, "SMALL", small)
    monkeypatch.setattr(sketches, "KEPT", 2)
    with LocalGallery(shelf.folder / "collection") as gallery:
        on_disk = new_shelf(shelf.folder, gallery)
        ids = [on_disk.put(f"{number}.jpg", photo(number, (100, 120))) for number in range(9)]
        known = Sketches(gallery, reading)
        with monkeypatch.context() as patch:
            patch.setattr(array_files.mmap, "mmap", out_of_files)
            assert known.prepare(ids) == []
        assert [known.has(id_) for id_ in ids] == [True] * len(ids)
        assert known.kept(ids).keys() == set(ids)
        assert sum((patches.places >= 0).sum() for patches in known.patches(ids)) == len(ids)
        monkeypatch.setattr(sketches, "_described", None)  # nothing is looked for again: it was kept
        again = Sketches(gallery, reading)
        assert again.prepare(ids) == []
        assert all(map(again.has, ids))


def out_of_files(*_: object, **__: object) -> None:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_an_interruption_costs_only_what_was_not_kept_yet(
    shelf: Any, photo: Any, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketches, "KEPT", 2)
    ids = filled(shelf, photo)
    calls: list[str] = []
    described = sketches._described

    def until(stop: int, reader: Reader, picture: Any) -> Any:
        if len(calls) == stop:
            raise KeyboardInterrupt
        calls.append(picture.path)
        return described(reader, picture)

    monkeypatch.setattr(sketches, "_described", partial(until, 7))
    with pytest.raises(KeyboardInterrupt):
        Sketches(shelf.gallery, reading).prepare(ids)
    assert len(calls) == 7
    calls.clear()
    monkeypatch.setattr(sketches, "_described", partial(until, 100))
    assert Sketches(shelf.gallery, reading).prepare(ids) == []
    assert len(calls) == len(ids) - 6
