"""Leaks between splits: edited copies of drawn photos, with three splits and equal files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lookalike import Collection
from lookalike.errors import UsageError
from lookalike.results import Leaks

SPLITS = {
    **{f"photo-{number}.jpg": "train" for number in range(6)},
    **{f"photo-{number}.jpg": "val" for number in range(6, 9)},
    "photo-9.jpg": "test",
    "mirrored-1-val.jpg": "val",  # of photo 1, in each of the splits
    "cropped-1-test.jpg": "test",
    "same-2-val.jpg": "val",  # the same bytes
    "same-3-test.jpg": "test",
    "smaller-3-train.jpg": "train",  # a near copy within train, and so of the equal file in test
    "smaller-7-val.jpg": "val",  # within val: no leak
}
EDITS = {
    "mirrored": lambda pixels: pixels[:, ::-1],
    "cropped": lambda pixels: pixels[10:230, 20:300],
    "smaller": lambda pixels: pixels[::2, ::2],
}


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory, photo: Any) -> Iterator[Collection]:
    folder = tmp_path_factory.mktemp("splits")
    for name in SPLITS:
        how, number = name.removesuffix(".jpg").split("-")[:2]
        if how == "same":
            shutil.copy(folder / f"photo-{number}.jpg", folder / name)
            continue
        pixels = EDITS.get(how, lambda pixels: pixels)(photo(int(number), (320, 240)))
        Image.fromarray(pixels.copy()).save(folder / name, quality=92)
    table = ["path,split"] + [f"{name},{split}" for name, split in SPLITS.items()]
    (folder / "splits.csv").write_text("\n".join(table) + "\n")
    with Collection.open(folder / "collection") as one:
        one.add(folder, metadata=folder / "splits.csv")
        yield one


@pytest.fixture(scope="module")
def found(collection: Collection) -> Leaks:
    return collection.leaks("split")


def test_every_copy_in_a_larger_split_is_found_and_no_other(found: Leaks) -> None:
    pairs = {(Path(leak.path).name, leak.other_split): Path(leak.other).name for leak in found.leaks}
    assert set(pairs) == {
        ("mirrored-1-val.jpg", "train"),
        ("cropped-1-test.jpg", "train"),
        ("cropped-1-test.jpg", "val"),
        ("same-2-val.jpg", "train"),
        ("same-3-test.jpg", "train"),
    }
    assert pairs["same-3-test.jpg", "train"] == "photo-3.jpg"  # the surest: the same bytes
    assert found.leaks[0].kind == "exact"
    assert list(found.splits) == ["train", "val", "test"]


def test_without_what_is_listed_no_leak_is_left(collection: Collection, found: Leaks) -> None:
    names = " and ".join(f'name != "{Path(leak.path).name}"' for leak in found.leaks)
    assert not collection.leaks("split", where=names).leaks


def test_two_splits_at_a_time_give_the_same(collection: Collection, found: Leaks) -> None:
    every = {(leak.path, leak.other, leak.kind) for leak in found.leaks}
    each = set()
    for a, b in combinations(found.splits, 2):
        some = collection.leaks("split", where=f'split in ("{a}", "{b}")')
        each |= {(leak.path, leak.other, leak.kind) for leak in some.leaks}
    assert each == every


def test_a_folder_can_be_the_split_and_precision_is_checked(collection: Collection) -> None:
    with pytest.raises(UsageError, match="one value only"):
        collection.leaks("folder")
    with pytest.raises(UsageError, match="precision must be"):
        collection.leaks("split", precision=0)
    with pytest.raises(UsageError, match="threads must be"):
        collection.leaks("split", threads=0)
