"""What belongs together: from a column of the collection, or from a file of pairs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike import models
from lookalike.errors import UsageError
from lookalike.filters import Filter, check_column, value_of
from lookalike.gallery.base import Gallery, Space
from lookalike.metadata import read_records
from lookalike.models import Card
from lookalike.results import Scalar

Ints = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

COLUMNS = (("query", "chosen"), ("first", "second"))
"""Names of the two columns of a file of pairs. `query` and `chosen` have a direction: what somebody who
showed the one picked out. `first` and `second` have none."""

SAME = "same"
"""Name of the column that says whether two pictures belong together; without it all do."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Pictures and what is known about them.

    Attributes:
        ids: (n,) int64, ascending.
        same: (n,) int64, equal for pictures with the same bytes.
        hashes: (n,) uint64 perceptual hashes.
        labels: (n,) int64 places in `names`; -1 where the column has no value.
        names: the column's values, in the order in which they first come.
    """

    ids: Ints
    same: Ints
    hashes: npt.NDArray[np.uint64]
    labels: Ints
    names: tuple[Scalar, ...]


def known(gallery: Gallery, space: Space | None, column: str | None = None) -> Known:
    """The pictures that have a vector, with their values in a column.

    Args:
        gallery: whose pictures.
        space: which vectors; None for all pictures, also those without any.
        column: of the metadata, or a built-in one such as `folder`; None for no labels.

    Raises:
        UsageError: there is no such column.
    """
    if column is not None:
        check_column(column, gallery.columns())
    has = None if space is None else set(gallery.versions(space)[0].tolist())
    rows: list[tuple[int, int, int, int]] = []
    codes: dict[tuple[bool, Scalar], int] = {}  # 1 and true are two labels
    for picture in gallery.pictures():
        if has is None or picture.id in has:
            value = None if column is None else value_of(picture, column)
            key = isinstance(value, bool), value
            code = -1 if value is None else codes.setdefault(key, len(codes))
            rows.append((picture.id, number(picture.content), picture.phash, code))
    table = np.array(rows, np.int64).reshape(-1, 4)
    numbers, same, hashes, labels = (np.ascontiguousarray(column) for column in table.T)
    return Known(numbers, same, hashes.view(np.uint64), labels, tuple(value for _, value in codes))


def number(content: str) -> int:
    """The same for the same bytes, in every collection; two of a million other pictures share one in 1 of
    10^5 collections.

    Args:
        content: the hash of a picture's bytes, as a collection has it.
    """
    return int.from_bytes(hashlib.blake2b(content.encode(), digest_size=7).digest())


def numbers(gallery: Gallery, ids: Sequence[int]) -> Ints:
    """(len(ids),) int64, the `number` of each picture."""
    return np.array([number(picture.content) for picture in gallery.get(ids)], np.int64)


def having(gallery: Gallery, ids: Ints, spaces: Iterable[Space]) -> Truths:
    """(n,) which of these pictures have a vector of each of these spaces."""
    has = np.ones(len(ids), bool)
    for space in spaces:
        has &= np.isin(ids, gallery.versions(space)[0])
    return has


def learned_from(numbers: Ints, *cards: Card) -> Truths:
    """(n,) which pictures any of these models has learned from, by their numbers; all when that is not known
    of one that was taught.

    Raises:
        ModelError: a model's list of them is missing or damaged.
    """
    if any(card.is_taught and card.seen is None for card in cards):
        return np.ones(len(numbers), bool)
    return np.isin(numbers, np.concatenate([models.learned_by(card) for card in cards]))


def held_out_by(numbers: Ints, *cards: Card) -> Truths:
    """(n,) which pictures were held out when any of these models learned, by their numbers.

    Raises:
        ModelError: as `learned_from`.
    """
    return np.isin(numbers, np.concatenate([models.held_out_by(card) for card in cards]))


def chosen(gallery: Gallery, pictures: Known, where: Filter | None) -> Ints:
    """The places in `pictures` of those that a filter matches; None matches all."""
    if where is None:
        return np.arange(len(pictures.ids))
    ids = np.fromiter((picture.id for picture in gallery.pictures(where)), np.int64)
    return np.flatnonzero(np.isin(pictures.ids, ids))


# --- pairs -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class PairList:
    """Pairs of pictures of a collection.

    Attributes:
        ids: (p, 2) int64; no picture with itself.
        together: (p,) whether they belong together.
        directed: the first of each pair is a query, and the second what somebody chose for it.
        unmatched: names in the file that are no pictures of the collection.
    """

    ids: Ints
    together: Truths
    directed: bool
    unmatched: tuple[str, ...] = ()


def check_one(label: str | None, pairs: object, who: str) -> None:
    """See that what belongs together is told once.

    Args:
        label: a column, or None.
        pairs: where pairs are, or None.
        who: what needs it, for the message.

    Raises:
        UsageError: neither or both are there.
    """
    if (label is None) == (pairs is None):
        raise UsageError(f"{who} needs to know what belongs together: give a label or pairs")


def read_pairs(file: Path, gallery: Gallery, roots: Sequence[str] = ()) -> PairList:
    """Read pairs of pictures from a table: `query,chosen` or `first,second`, and perhaps `same`.

    A picture is named by its path, relative to the folder of the file or to an indexed folder, by its
    file name where only one picture has it, or by its number in the collection.

    Args:
        file: CSV, TSV, JSON, JSON Lines or Parquet.
        gallery: whose pictures.
        roots: the folders that were indexed.

    Raises:
        UsageError: the file cannot be read, lacks the columns, says of two pictures that they
            belong together and that they do not, or none of its pairs is of two indexed pictures.
    """
    records = read_records(file)
    first, second = _columns(file, records)
    rows = [(place, values.get(first), values.get(second), values.get(SAME)) for place, values in records]
    for place, a, b, same in rows:
        _check(f"{file}, {place}", (a, b), same)
    names = list(dict.fromkeys(name for _, a, b, _ in rows for name in (a, b)))
    ids = _ids([name for name in names if isinstance(name, (str, int))], file, gallery, roots)
    said: dict[tuple[int, int], tuple[bool, str]] = {}
    pairs: dict[tuple[int, int], bool] = {}
    for place, a, b, same in rows:
        one, other = ids.get(a), ids.get(b)
        if one is None or other is None or one == other:
            continue
        together = same is None or bool(same)
        before, where = said.setdefault((min(one, other), max(one, other)), (together, place))
        if before != together:
            yes, no = (where, place) if before else (place, where)
            raise UsageError(
                f"{file}: {a} and {b} belong together in {yes} and do not in {no}; remove one of them"
            )
        pairs.setdefault((one, other), together)
    unmatched = tuple(str(name) for name in names if name not in ids)
    if not pairs:
        raise UsageError(
            f"{file}: no pair is of two different pictures of the collection"
            + (f"; it has no {unmatched[0]}, for example" if unmatched else "")
        )
    return PairList(
        np.array(list(pairs), np.int64), np.array(list(pairs.values()), bool), first == "query", unmatched
    )


def _columns(file: Path, records: Sequence[tuple[str, Mapping[str, object]]]) -> tuple[str, str]:
    there = dict.fromkeys(name for _, values in records for name in values)
    found = next((names for names in COLUMNS if all(name in there for name in names)), None)
    if found is None:
        raise UsageError(
            f"{file}: pairs need the columns query and chosen, or first and second"
            + (f"; the columns are {', '.join(there)}" if there else "")
        )
    return found


def _check(place: str, names: tuple[object, object], same: object) -> None:
    for name in names:
        if isinstance(name, bool) or not isinstance(name, (str, int)) or name == "":
            raise UsageError(f"{place}: a picture is named by its path or number, got {name!r}")
    if same is not None and not (isinstance(same, bool) or same in (0, 1)):
        raise UsageError(f"{place}: {SAME} must be true or false (or 1 or 0), got {same!r}")


def _ids(names: Sequence[str | int], file: Path, gallery: Gallery, roots: Sequence[str]) -> dict[object, int]:
    """The pictures' numbers by their names; names of none are left out."""
    texts = [name for name in names if isinstance(name, str)]
    numbers = {name for name in names if isinstance(name, int)}
    found: dict[object, int] = {}
    for folder in (os.path.abspath(file.parent), *roots):
        paths = {name: os.path.normpath(os.path.join(folder, name)) for name in texts if name not in found}
        there = gallery.at_paths(list(paths.values()))
        found |= {name: there[path].id for name, path in paths.items() if path in there}
    bare = {name for name in texts if name not in found and name == os.path.basename(name)}
    if bare or numbers:
        several: set[str] = set()
        for picture in gallery.pictures():
            if picture.id in numbers:
                found[picture.id] = picture.id
            name = os.path.basename(picture.path)
            if name in bare and found.setdefault(name, picture.id) != picture.id:
                several.add(name)
        for name in sorted(several):
            raise UsageError(f"{file}: several pictures are called {name}: write it with its folder")
    return found
