"""Leaks between splits: edited copies of drawn photos, with three splits and equal files."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lookalike import Collection
from lookalike.duplicates.pairs import Pair
from lookalike.errors import UsageError
from lookalike.files import FileIdentity
from lookalike.gallery.base import Picture
from lookalike.outliers import leaks
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


def drawn(shape: list[tuple[int, str]]) -> leaks._Splits:
    """Pictures of these contents in these splits."""
    pictures = {
        id_: Picture(FileIdentity(f"/p/{id_:05}.jpg", 1, 1), f"{content:064x}", 9, 9, "JPEG", id_)
        for id_, (content, _) in enumerate(shape)
    }
    split = {id_: name for id_, (_, name) in enumerate(shape)}
    sizes = Counter(split.values())
    return leaks._Splits(pictures, split, dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0]))))


def slow(shape: list[tuple[int, str]], near: dict[tuple[int, int], Pair]) -> set[tuple[int, int, str]]:
    """Each picture with the surest copy in each larger split, over all pairs of pictures."""
    splits = drawn(shape)
    order = list(splits.sizes)
    best: dict[tuple[int, str], tuple[Any, ...]] = {}
    for a, (content, name) in enumerate(shape):
        for b, (other, other_name) in enumerate(shape):
            pair = near.get((min(content, other), max(content, other)))
            kind = "exact" if content == other else pair.kind if pair else None
            if kind is None or order.index(other_name) >= order.index(name):
                continue
            probability = pair.probability if pair and kind != "exact" else 1.0
            rank = (leaks._KINDS.index(kind), -probability, b, kind)
            best[a, other_name] = min(best.get((a, other_name), rank), rank)
    return {(a, rank[2], rank[3]) for (a, _), rank in best.items()}


@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abc")), min_size=1, max_size=24),
    st.dictionaries(
        st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(lambda two: two[0] < two[1]),
        st.tuples(st.sampled_from(["pixels", "near", "edited"]), st.sampled_from([0.91, 0.95, 1.0])),
    ),
)
def test_equal_files_are_as_if_each_was_compared(
    shape: list[tuple[int, str]], known: dict[tuple[int, int], tuple[str, float]]
) -> None:
    splits = drawn(shape)
    groups = leaks._contents(splits)
    first = {content: min(i for i, (one, _) in enumerate(shape) if one == content) for content, _ in shape}
    near = {
        (a, b): Pair(first[a], first[b], kind, probability, 0.9)
        for (a, b), (kind, probability) in known.items()
        if a in first and b in first
    }
    number = {f"/p/{id_:05}.jpg": id_ for id_ in range(len(shape))}
    found = leaks._leaks(near.values(), groups, splits)
    assert {(leak.id, number[leak.other], leak.kind) for leak in found} == slow(shape, near)
    assert len({(leak.id, leak.other_split) for leak in found}) == len(found)


def test_a_placeholder_that_occurs_ten_thousand_times_costs_no_more_than_its_rows() -> None:
    shape = [(0, "train" if i % 3 else "test") for i in range(10_000)]
    shape += [(1, "train" if i % 3 else "test") for i in range(10_000)]
    splits = drawn(shape)
    pair = Pair(0, 10_000, "near", 0.95, 0.9)
    assert len(list(leaks._across([pair], leaks._contents(splits), splits))) == 2
    assert len(leaks._leaks([pair], leaks._contents(splits), splits)) == splits.sizes["test"]
