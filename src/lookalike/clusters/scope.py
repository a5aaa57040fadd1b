"""Which pictures are looked at, what is known of them, and the nearest among themselves."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.clusters.affinity import Codes
from lookalike.errors import UsageError
from lookalike.filters import BUILT_IN, Filter, value_of
from lookalike.gallery.all_nearest import Rows, all_nearest
from lookalike.gallery.base import Gallery, Ids, Space, Vectors
from lookalike.gallery.knn import Lists
from lookalike.neighbours import EXACT_LIMIT, GRAPH_K, graph
from lookalike.progress import Stages, silent
from lookalike.results import Scalar

MOST_LEFT_OUT = 0.1
"""Up to this share of the pictures the graph of all is used without those left out; beyond, the nearest
of those looked at are found among themselves."""

_PART = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """The pictures that are looked at: those that have a vector, are not missing, and match.

    Attributes:
        ids: (n,) int64, ascending.
        versions: (n,) of their vectors, before anything else was read; see `Gallery.versions`.
        known: for each column that was asked for, (n,) int64 codes of values; -1 where nothing is known.
    """

    ids: Ids
    versions: Ids
    known: Mapping[str, Codes]


def scope(gallery: Gallery, space: Space, where: Filter | None, columns: Sequence[str] = ()) -> Scope:
    """The pictures to look at.

    Args:
        gallery: whose pictures.
        space: which vectors.
        where: only those it matches.
        columns: of the metadata, or built-in ones such as `folder`.

    Raises:
        UsageError: a column is unknown, or no picture is left.
    """
    for column in columns:
        _check_known(column, gallery)
    with_vector, versions = gallery.versions(space)
    if where is None and not columns:  # no need to read the rows
        present, known = gallery.hashes()[0], dict[str, Codes]()
    else:
        present, known = _read(gallery, where, columns)
    ids, of_row, of_version = np.intersect1d(present, with_vector, assume_unique=True, return_indices=True)
    if not len(ids):
        why = "none matches the filter" if where is not None and len(with_vector) else "index some first"
        raise UsageError(f"there are no pictures to look at: {why}")
    return Scope(ids, versions[of_version], {column: codes[of_row] for column, codes in known.items()})


def _read(gallery: Gallery, where: Filter | None, columns: Sequence[str]) -> tuple[Ids, dict[str, Codes]]:
    """The pictures that match and are not missing, and the codes of what is known of them."""
    own = gallery.columns()
    ids: list[int] = []
    numbers: dict[str, dict[tuple[str, Scalar], int]] = {column: {} for column in columns}
    codes: dict[str, list[int]] = {column: [] for column in columns}
    for picture in gallery.pictures(where):
        if picture.missing:
            continue
        ids.append(picture.id)
        for column, known in numbers.items():
            # Our cluster of a picture without a value says nothing about a column of that name.
            value = picture.metadata.get(column) if column in own else value_of(picture, column)
            key = (type(value).__name__, value)  # 1 and true are not the same
            codes[column].append(-1 if value is None else known.setdefault(key, len(known)))
    return np.array(ids, np.int64), {column: np.array(found, np.int64) for column, found in codes.items()}


def _check_known(column: str, gallery: Gallery) -> None:
    columns = sorted({*gallery.columns(), *BUILT_IN})
    if column in columns:
        return
    close = difflib.get_close_matches(column, columns, n=1)
    instead = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(columns[:20])}"
    raise UsageError(f"there is no column {column!r}; {instead}")


def lists_of(gallery: Gallery, space: Space, ids: Ids, tell: Stages) -> Lists:
    """The nearest others of some pictures, by position in `ids`, among themselves.

    Raises:
        CollectionError: one of them was removed or written anew meanwhile.
        NotInCollection: likewise.
    """
    known = gallery.versions(space)[0]
    if len(ids) < (1 - MOST_LEFT_OUT) * len(known):
        return lists_among(gallery, space, ids, tell)
    whole = graph(gallery, space, progress=lambda done, all_: tell("neighbours", done, all_))
    some = whole.among(ids)
    return Lists(some.neighbours, some.similarities)


def lists_among(gallery: Gallery, space: Space, ids: Ids, tell: Stages) -> Lists:
    """The same from the vectors of these pictures alone."""
    rows = read_rows(gallery, space, ids)
    return all_nearest(
        rows,
        GRAPH_K,
        measured=GRAPH_K,
        exact_limit=EXACT_LIMIT,
        progress=lambda done, all_: tell("neighbours", done, all_),
    ).lists


def lists_within(gallery: Gallery, space: Space, ids: Ids, groups: Codes, tell: Stages) -> Lists:
    """The nearest others of each picture among those of its own group.

    Args:
        gallery: whose pictures.
        space: which vectors.
        ids: (n,) of the pictures.
        groups: (n,) numbers of their groups.
        tell: called now and then.
    """
    lists = Lists.empty(len(ids), GRAPH_K)
    _, sizes = np.unique(groups, return_counts=True)
    parts = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
    for done, members in enumerate(parts, start=1):
        if len(members) > 1:
            found = lists_among(gallery, space, ids[members], silent)
            found.places[:] = np.where(found.places >= 0, members[found.places], -1)
            lists.put(members, found)
        tell("groups", done, len(parts))
    return lists


def read_rows(gallery: Gallery, space: Space, ids: Ids) -> Rows:
    """The vectors of these pictures, in memory."""
    rows = Rows(len(ids), space.dimension)
    for _, vectors in in_parts(gallery, space, ids):
        rows.append(vectors)
    return rows


def in_parts(gallery: Gallery, space: Space, ids: Ids) -> Iterator[tuple[slice, Vectors]]:
    """Stream the vectors of these pictures: which of `ids` they are, and the vectors."""
    for start in range(0, len(ids), _PART):
        part = slice(start, min(start + _PART, len(ids)))
        yield part, gallery.vectors(space, ids[part].tolist())
