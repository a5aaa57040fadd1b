"""The command line as a real process: signals, pipes, locks, what it loads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.collection import Collection

LOOKALIKE = [sys.executable, "-m", "lookalike"]


def run(*arguments: object, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    # Environment by name: readline, which pytest imports, tells the window's size behind `os.environ`.
    return subprocess.run(
        [*LOOKALIKE, *map(str, arguments)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        check=False,
        env=dict(os.environ),
    )


def draw(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 256, (4, 4, 3), np.uint8)
        picture = Image.fromarray(noise).resize((64, 64), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:03}.jpg")
    return folder


def test_from_folder_to_answer(pictures: Path) -> None:
    place = pictures.parent
    indexed = run("index", "pictures", "--metadata", "pictures/shop.csv", cwd=place)
    assert (indexed.returncode, indexed.stderr) == (0, b"")
    assert indexed.stdout.startswith(b"12 added in ")
    query = (pictures / "red-circle.jpg").read_bytes()
    found = run("search", "-", "-k", "2", "--where", "in_stock", "--paths", cwd=place, stdin=query)
    assert (found.returncode, found.stderr) == (0, b"")
    assert all(os.path.isfile(line) for line in found.stdout.splitlines())
    assert len(found.stdout.splitlines()) == 2
    wrong = run("search", "id:1", "--where", "price <", cwd=place)
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert b"  price <\n" in wrong.stderr
    assert b"Traceback" not in wrong.stderr


def test_rows_are_whole_where_there_is_no_window(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    run("index", "pictures", "--metadata", "pictures/shop.csv", cwd=pictures.parent)
    rows = run("search", "id:1", "-k", "3", cwd=pictures.parent).stdout.decode().splitlines()
    assert rows[1].split() == ["similarity", "path", "name", "category", "price", "in_stock"]
    assert len(rows) == 6


@pytest.mark.parametrize(
    "arguments", [["search", "id:1"], ["search", "id:1", "--json"], ["info"], ["--help"]]
)
def test_a_reader_that_stops_listening_is_no_error(pictures: Path, arguments: list[str]) -> None:
    with Collection.open(pictures.parent / ".lookalike") as collection:
        collection.add(pictures)
    process = subprocess.Popen(
        [*LOOKALIKE, *arguments], cwd=pictures.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


# Small batches; tells when one has been written. A run of the tests in the background has Ctrl-C ignored.
DRIVER = """
    import signal

    signal.signal(signal.SIGINT, signal.default_int_handler)

    from lookalike import indexing
    from lookalike.cli import main
    from lookalike.gallery.local_writing import LocalWriting

    indexing.BATCH_PICTURES = 16
    put = LocalWriting.put

    def told(self, *args):
        ids = put(self, *args)
        print("written", flush=True)
        return ids

    LocalWriting.put = told
    main()
"""


@pytest.mark.parametrize("threads", ["1", "2"])
def test_an_interrupted_run_keeps_what_is_done(tmp_path: Path, threads: str) -> None:
    folder, collection = draw(tmp_path / "in", 400), tmp_path / "collection"
    command = [sys.executable, "-c", textwrap.dedent(DRIVER), "index", str(folder), "-c", str(collection)]
    with subprocess.Popen(
        [*command, "--threads", threads],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(2):
            assert process.stdout.readline() == b"written\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
        _, err = process.communicate()
        assert process.returncode == 130
    assert err.strip() == b"Interrupted. What was done so far is kept."
    with Collection.open(collection) as opened:
        kept = opened.info().images
        assert 32 <= kept < 400
        assert opened.search(1, 5).results
        report = opened.add(folder)
        assert (report.unchanged, report.added, report.images) == (kept, 400 - kept, 400)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] can't allocate memory: you tried to allocate 9"),
        RuntimeError("can't start new thread"),
        OSError(12, "Cannot allocate memory"),
        ImportError("libtorch.so: failed to map segment from shared object"),
    ],
)
def test_too_little_memory_is_said(tmp_path: Path, error: Exception) -> None:
    code = f"""
        from lookalike import models
        from lookalike.cli import main

        def fail():
            raise {error!r}

        models.available = fail
        main()
    """
    command = [sys.executable, "-c", textwrap.dedent(code), "models", "--json"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Error: there is too little memory: close other programs")
    assert ended.stderr.count("\n") == 1


HOLDER = """
    import sys
    from pathlib import Path
    from lookalike.gallery.local import LocalGallery
    with LocalGallery(Path(sys.argv[1])) as gallery, gallery.writing():
        print("held", flush=True)
        sys.stdin.read()
"""


def test_a_second_writer_is_told_who_the_first_is(pictures: Path) -> None:
    place = pictures.parent
    with Collection.open(place / ".lookalike") as collection:
        collection.add(pictures)
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(place / ".lookalike")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        for arguments in (["index", "pictures"], ["remove", "id:1"]):
            ended = run(*arguments, cwd=place)
            assert (ended.returncode, ended.stdout) == (1, b"")
            message = (
                f"Error: another process (pid {holder.pid}) is writing to .lookalike: wait until it ends"
            )
            assert ended.stderr.decode().startswith(message)
        assert len(run("search", "id:1", "--paths", cwd=place).stdout.splitlines()) == 10
        holder.communicate()
    assert run("index", "pictures", cwd=place).returncode == 0


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = """
        import sys
        from lookalike.cli import main
        sys.argv = ["lookalike", "search", "--help"]
        try:
            main()
        finally:
            heavy = "numpy rich cv2 faiss onnxruntime PIL sqlite3 pyarrow simplejpeg filelock".split()
            print([name for name in heavy if name in sys.modules], file=sys.stderr)
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "[]\n")
    assert "--where EXPR" in ended.stdout


def test_help_shows_its_examples_line_by_line(tmp_path: Path) -> None:
    shown = run("--help", cwd=tmp_path).stdout.decode()
    assert "\n    lookalike search query.jpg       find the ones that look like this one\n" in shown
    assert "\\b" not in shown
    version = run("--version", cwd=tmp_path).stdout.decode()
    assert version.startswith("lookalike ")
