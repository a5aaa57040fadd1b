"""`lookalike duplicates` is killed while it describes, calibrates, compares and looks closely; the next run
goes on, and finds the same groups."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lookalike.collection import Collection

PICTURES = 40
KEPT = 8
STAGES = ("_described", "_edited", "_judged", "_looked_into", "_differs")

# The command itself, which keeps features often, starts helpers early and calibrates with few pictures; on
# standard error it names each piece of work that is done, and when so many of one are, it is killed.
DRIVER = f"""
    import os, signal, sys
    from lookalike.cli import main
    from lookalike.duplicates import calibrating, reading, sketches

    sketches.KEPT, reading.FEW, calibrating.PICTURES = {KEPT}, 4, 5
    spread = reading.Reading.spread
    deadly, times = sys.argv.pop(1), int(sys.argv.pop(1))

    def told(self, work, tasks, **options):
        global times
        for result in spread(self, work, tasks, **options):
            name = getattr(work, "func", work).__name__
            print(name, file=sys.stderr, flush=True)
            times -= name == deadly
            if times == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            yield result

    reading.Reading.spread = told
    main()
"""


def test_killed_at_any_stage_the_next_run_finds_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(PICTURES // 2):
        draw(folder, number)
    with Collection.open(tmp_path / "collection") as collection:
        collection.add(folder)
    shutil.copytree(tmp_path / "collection", tmp_path / "undisturbed")
    expected, all_ = finished(tmp_path / "undisturbed")
    assert len(expected) == PICTURES // 2
    assert all_["_described"] == PICTURES
    assert set(STAGES) <= all_.keys()  # each of them is killed in once

    killed(tmp_path / "collection", "_described", 3 * KEPT + 2)
    for stage in STAGES[1:]:
        killed(tmp_path / "collection", stage, all_[stage] // 2)
    groups, left = finished(tmp_path / "collection")
    assert groups == expected
    assert not left["_described"]  # the runs that were killed have kept them

    killed(tmp_path / "collection", "_judged", 1)
    assert finished(tmp_path / "collection")[0] == expected


def test_what_was_described_before_is_not_described_again(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(PICTURES // 2):
        draw(folder, number)
    with Collection.open(tmp_path / "collection") as collection:
        collection.add(folder)
    killed(tmp_path / "collection", "_described", 3 * KEPT + 2)
    _, left = finished(tmp_path / "collection")
    assert 0 < left["_described"] <= PICTURES - 3 * KEPT


def draw(folder: Path, seed: int) -> None:
    """A picture with something to look at everywhere, and a copy of it: cut, or saved again."""
    dice = np.random.default_rng(seed)
    picture = np.full((240, 320, 3), 128.0)
    for step in (4, 10, 30):
        noise = dice.integers(0, 256, (240 // step, 320 // step, 3), np.uint8)
        picture += np.asarray(Image.fromarray(noise).resize((320, 240)), float) - 128
    drawn = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    drawn.save(folder / f"{seed:02}.jpg", quality=95)
    copy = drawn.crop((30, 20, 290, 220)) if seed % 2 else drawn
    copy.save(folder / f"{seed:02}-copy.jpg", quality=70)


def command(collection: Path, work: str = "none", times: int = 1) -> list[str]:
    """Look for copies; it is killed when so many pieces of a work are done."""
    code, options = textwrap.dedent(DRIVER), ["duplicates", "-c", str(collection), "--threads", "2", "--json"]
    return [sys.executable, "-c", code, work, str(times), *options]


def finished(collection: Path) -> tuple[list[Any], Counter[str]]:
    """The groups that a whole run finds, and how many pieces of work of each kind it did."""
    done = subprocess.run(command(collection), check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["groups"], Counter(done.stderr.split())


def killed(collection: Path, work: str, times: int) -> None:
    """Kill a run when so many pieces of a work are done."""
    ended = subprocess.run(command(collection, work, times), capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
