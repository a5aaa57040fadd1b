"""From a gallery to its clusters: the other modules of `clusters`, put together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lookalike.clusters.affinity import Blend, Codes, affinity, same_vectors
from lookalike.clusters.communities import DEFAULT_LEVEL, LEVELS, levels, numbered
from lookalike.clusters.describing import described, shape
from lookalike.clusters.kmeans import by_kmeans
from lookalike.clusters.labels import Label, labels
from lookalike.clusters.noise import lonely
from lookalike.clusters.scope import Scope, Stages, lists_among, lists_of, scope, silent
from lookalike.clusters.stored import About
from lookalike.errors import CollectionError, UsageError
from lookalike.evaluation.partitions import agreement
from lookalike.filters import Filter
from lookalike.gallery.base import Gallery, Partition, Space
from lookalike.gallery.knn import Lists
from lookalike.results import Agreement, Clusters, Metadata

METHODS = ("communities", "kmeans")


@dataclass(frozen=True, slots=True)
class Request:
    """What clusters are asked for.

    Attributes:
        k: how many; None for communities, which find the number themselves.
        level: of communities, from 1, coarse, to `LEVELS`, fine; None for the default one.
        by: clusters lie within pictures of one value of this column.
        blend: columns that pull, each with its weight in [0, 1].
        where: only pictures it matches.

    Raises:
        UsageError: these do not go together, or are out of range.
    """

    k: int | None = None
    level: int | None = None
    by: str | None = None
    blend: tuple[tuple[str, float], ...] = ()
    where: Filter | None = None

    def __post_init__(self) -> None:
        if self.level is not None and not 1 <= self.level <= LEVELS:
            raise UsageError(f"level must be from 1, coarse, to {LEVELS}, fine; got {self.level}")
        for column, weight in self.blend:
            if not 0 <= weight <= 1:
                raise UsageError(f"blend: the weight of {column!r} must be from 0 to 1, got {weight}")
        if self.k is not None and (self.by or self.blend or self.level is not None):
            raise UsageError("k-means has no level, by and blend: leave them out, or leave out k")

    @property
    def method(self) -> str:
        """`communities` or `kmeans`."""
        return "communities" if self.k is None else "kmeans"

    @property
    def chosen_level(self) -> int:
        """The level of communities that is meant."""
        return DEFAULT_LEVEL if self.level is None else self.level


def find(gallery: Gallery, space: Space, request: Request, progress: Stages | None = None) -> Clusters:
    """The clusters of a gallery's pictures, kept with it in place of those there were.

    They are not kept when somebody else is writing; the answer says so.

    Raises:
        UsageError: a column is unknown, k is out of range, or there are no pictures.
    """
    started, tell = time.perf_counter(), progress or silent
    columns = [*([request.by] if request.by else []), *(column for column, _ in request.blend)]
    pictures = scope(gallery, space, request.where, list(dict.fromkeys(columns)))
    clusters, parents, agreements = _clusters(gallery, space, pictures, request, tell)
    about = About(
        space.identity,
        request.method,
        request.chosen_level if request.k is None else None,
        request.by,
        request.blend,
        None if request.where is None else str(request.where),
    )
    answer, about = answered(gallery, space, pictures, clusters, parents, about, tell)
    kept = keep(gallery, Partition(pictures.ids, clusters.astype(np.int32), about.as_text()))
    return replace(answer, agreements=agreements, kept=kept, seconds=round(time.perf_counter() - started, 3))


def _clusters(
    gallery: Gallery, space: Space, pictures: Scope, request: Request, tell: Stages
) -> tuple[Codes, Codes | None, tuple[Agreement, ...]]:
    """Cluster of each picture, that of the next coarser level, and what known values did."""
    if request.k is not None:
        found = numbered(by_kmeans(gallery, space, pictures.ids, request.k, tell), smallest=1)
        return found, None, ()
    lists = lists_of(gallery, space, pictures.ids, tell)
    tell("communities", 0, 0)
    plain = _levels(lists)
    if not (request.by or request.blend):
        return plain[:, request.chosen_level - 1], _coarser(plain, request.chosen_level), ()
    guided = _guided(gallery, space, pictures, request, lists, tell)
    found, before = guided[:, request.chosen_level - 1], plain[:, request.chosen_level - 1]
    agreements = tuple(agreement(column, codes, before, found) for column, codes in pictures.known.items())
    return found, _coarser(guided, request.chosen_level), agreements


def _levels(lists: Lists, blends: Sequence[Blend] = ()) -> Codes:
    return levels(affinity(lists, blends, lonely(lists)), same_vectors(lists))


def _coarser(found: Codes, level: int) -> Codes | None:
    return found[:, level - 2] if level > 1 else None


def _guided(
    gallery: Gallery, space: Space, pictures: Scope, request: Request, lists: Lists, tell: Stages
) -> Codes:
    """Communities on all levels with what is known about the pictures."""
    if request.by:
        lists = _within(gallery, space, pictures, pictures.known[request.by], tell)
    blends = [Blend(pictures.known[column], weight) for column, weight in request.blend]
    return _levels(lists, blends)


def _within(gallery: Gallery, space: Space, pictures: Scope, groups: Codes, tell: Stages) -> Lists:
    """The nearest others of each picture among those of its own group."""
    lists = Lists.empty(0, 0)
    for number, group in enumerate(known := np.unique(groups)):
        members = np.flatnonzero(groups == group)
        found = lists_among(gallery, space, pictures.ids[members], silent)
        found.places[:] = np.where(found.places >= 0, members[found.places], -1)
        if not len(lists.places):
            lists = Lists.empty(len(groups), found.places.shape[1])
        lists.put(members, found)
        tell("groups", number + 1, len(known))
    return lists


def answered(
    gallery: Gallery,
    space: Space,
    pictures: Scope,
    clusters: Codes,
    parents: Codes | None,
    about: About,
    tell: Stages,
) -> tuple[Clusters, About]:
    """The clusters in facts; and how they were made, with their labels."""
    lie = shape(gallery, space, pictures.ids, clusters, tell)
    paths, names = _named(gallery, pictures, clusters)
    answer = Clusters(
        clusters=described(lie, clusters, parents, paths, names),
        noise=tuple(path for path, cluster in zip(paths, clusters, strict=True) if cluster < 1),
        method=about.method,
        level=about.level,
        images=len(paths),
    )
    return answer, replace(about, labels={c.id: c.label for c in answer.clusters})


def _named(gallery: Gallery, pictures: Scope, clusters: Codes) -> tuple[list[str], dict[int, Label]]:
    """The path of each picture, and what each cluster is called by."""
    cluster_of = dict(zip(pictures.ids.tolist(), clusters.tolist(), strict=True))
    paths = dict.fromkeys(cluster_of, "")

    def known() -> Iterator[tuple[int, Metadata]]:
        for picture in gallery.pictures():
            if picture.id in cluster_of:
                paths[picture.id] = picture.path
                yield cluster_of[picture.id], picture.metadata

    names = labels(known())
    return list(paths.values()), names


def keep(gallery: Gallery, partition: Partition) -> bool:
    """Keep clusters with the gallery; False when somebody else is writing, or nobody can."""
    try:
        with gallery.writing() as writing:
            writing.set_partition(partition)
    except CollectionError:
        return False
    return True
