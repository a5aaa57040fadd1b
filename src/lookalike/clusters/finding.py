"""From a gallery to its clusters: the other modules of `clusters`, put together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real

import numpy as np

from lookalike.clusters.affinity import Blend, Codes, affinity, same_vectors
from lookalike.clusters.communities import DEFAULT_LEVEL, LEVELS, levels, numbered
from lookalike.clusters.describing import described
from lookalike.clusters.kmeans import by_kmeans
from lookalike.clusters.noise import lonely
from lookalike.clusters.scope import Scope, lists_of, lists_within, scope
from lookalike.clusters.stored import About, stored
from lookalike.errors import CollectionError, UsageError
from lookalike.evaluation.partitions import agreement
from lookalike.filters import Filter
from lookalike.gallery.base import Gallery, Partition, Space
from lookalike.gallery.knn import Lists
from lookalike.progress import Stages, silent
from lookalike.results import Agreement, Clusters

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
        UsageError: these do not go together, are out of range, or are not of the right kind.
    """

    k: int | None = None
    level: int | None = None
    by: str | None = None
    blend: tuple[tuple[str, float], ...] = ()
    where: Filter | None = None

    def __post_init__(self) -> None:
        self._check_kinds()
        if self.level is not None and not 1 <= self.level <= LEVELS:
            raise UsageError(f"level must be from 1, coarse, to {LEVELS}, fine; got {self.level}")
        for column, weight in self.blend:
            if not 0 <= weight <= 1:
                raise UsageError(f"blend: the weight of {column!r} must be from 0 to 1, got {weight}")
        if self.k is not None and (self.by or self.blend or self.level is not None):
            raise UsageError("k-means has no level, by and blend: leave them out, or leave out k")

    def _check_kinds(self) -> None:
        for name, number in (("k", self.k), ("level", self.level)):
            if number is not None and not _is(number, Integral):
                raise UsageError(f"{name} must be a whole number, got {number!r}")
        for column in columns_of(self.by, self.blend):
            if not isinstance(column, str):
                raise UsageError(f"by, blend: expected the name of a column, got {column!r}")
        for column, weight in self.blend:
            if not _is(weight, Real):
                raise UsageError(
                    f"blend: the weight of {column!r} must be a number from 0 to 1, got {weight!r}"
                )

    @property
    def method(self) -> str:
        """`communities` or `kmeans`."""
        return "communities" if self.k is None else "kmeans"

    @property
    def chosen_level(self) -> int:
        """The level of communities that is meant."""
        return DEFAULT_LEVEL if self.level is None else int(self.level)


def _is(value: object, kind: type) -> bool:
    """Whether it is a number of this kind, of NumPy or not; true and false are none."""
    return isinstance(value, kind) and not isinstance(value, bool)


def find(gallery: Gallery, space: Space, request: Request, progress: Stages | None = None) -> Clusters:
    """The clusters of a gallery's pictures, kept with it in place of those there were.

    They are not kept when somebody else is writing; the answer says so.

    Raises:
        UsageError: a column is unknown, k is out of range, or there are no pictures.
        CollectionError: pictures went, or were written anew, while the neighbours were read.
    """
    started, tell = time.perf_counter(), progress or silent
    pictures = scope(gallery, space, request.where, columns_of(request.by, request.blend))
    clusters, parents, agreements = _clusters(gallery, space, pictures, request, tell)
    about = About(
        space.identity,
        request.method,
        request.chosen_level if request.k is None else None,
        request.by,
        tuple((column, float(weight)) for column, weight in request.blend),
        None if request.where is None else str(request.where),
        parents={} if parents is None else _parents(clusters, parents),
    )
    answer = kept(gallery, space, pictures, clusters, about, tell)
    return replace(
        answer,
        k=None if request.k is None else int(request.k),
        agreements=agreements,
        seconds=round(time.perf_counter() - started, 3),
    )


def _parents(clusters: Codes, coarser: Codes) -> dict[int, int]:
    """The cluster of the next coarser level in which each one lies."""
    numbers, first = np.unique(clusters, return_index=True)
    return {int(c): int(p) for c, p in zip(numbers, coarser[first], strict=True) if c > 0 and p > 0}


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
        lists = lists_within(gallery, space, pictures.ids, pictures.known[request.by], tell)
    return _levels(lists, blends_of(pictures, request.blend))


def columns_of(by: str | None, blend: Sequence[tuple[str, float]]) -> list[str]:
    """The columns that take part, each once."""
    return list(dict.fromkeys([*([by] if by else []), *(column for column, _ in blend)]))


def blends_of(pictures: Scope, blend: Sequence[tuple[str, float]]) -> list[Blend]:
    """The columns that pull, as the affinity takes them."""
    return [Blend(pictures.known[column], weight) for column, weight in blend]


def kept(
    gallery: Gallery,
    space: Space,
    pictures: Scope,
    clusters: Codes,
    about: About,
    tell: Stages,
    before: Partition | None = None,
) -> Clusters:
    """The clusters in facts, kept with the gallery if nobody else is writing.

    Args:
        gallery: whose pictures.
        space: which vectors.
        pictures: those that were looked at.
        clusters: (n,) their clusters, from 1 on; -1 for noise.
        about: how they were made; the labels are found here.
        tell: called now and then.
        before: what they continue; when others have taken its place meanwhile, these stay. None when they
            are to be kept whatever there is.
    """
    found, noise = described(gallery, space, pictures, clusters, about.parents, tell)
    about = replace(about, labels={cluster.id: cluster.label for cluster in found})
    partition = Partition(pictures.ids, clusters.astype(np.int32), about.as_text())
    why_not = _keep(gallery, space, pictures, partition, before)
    return Clusters(
        found, noise, about.method, about.level, images=len(clusters), kept=not why_not, not_kept=why_not
    )


def kept_before(gallery: Gallery, space: Space) -> Clusters | None:
    """The clusters that are kept with the gallery, in facts; None when there are none of this space.

    Pictures that have come or changed since are in none of them, and vanished ones drop out.
    """
    known = stored(gallery, space)
    if known is None:
        return None
    partition, about = known
    ids, versions = gallery.versions(space)
    here = np.isin(ids, partition.ids, assume_unique=True) & np.isin(ids, gallery.hashes()[0])
    clusters = partition.clusters[np.isin(partition.ids, ids[here], assume_unique=True)].astype(np.int64)
    pictures = Scope(ids[here], versions[here], {})
    if not len(clusters):
        return Clusters((), (), about.method, about.level, images=0, kept=True)
    found, noise = described(gallery, space, pictures, clusters, about.parents, silent)
    named = tuple(replace(cluster, label=about.labels.get(cluster.id, cluster.label)) for cluster in found)
    return Clusters(named, noise, about.method, about.level, images=len(clusters), kept=True)


def _keep(
    gallery: Gallery, space: Space, pictures: Scope, partition: Partition, before: Partition | None
) -> str:
    """Keep the clusters of those pictures that have not changed meanwhile; gives why it cannot be done."""
    try:
        with gallery.writing() as writing:
            if before is not None and not _still_there(before, gallery.partition()):
                return "other clusters were found meanwhile: run again"
            ids, versions = gallery.versions(space)
            _, ours, theirs = np.intersect1d(pictures.ids, ids, assume_unique=True, return_indices=True)
            same = ours[pictures.versions[ours] == versions[theirs]]
            writing.set_partition(Partition(partition.ids[same], partition.clusters[same], partition.about))
    except CollectionError as error:  # somebody else writes, or nobody can
        return str(error)
    return ""


def _still_there(before: Partition, now: Partition | None) -> bool:
    """Whether it is the same, but for pictures that have changed or gone."""
    if now is None or now.about != before.about:
        return False
    _, first, second = np.intersect1d(before.ids, now.ids, assume_unique=True, return_indices=True)
    return len(second) == len(now.ids) and np.array_equal(before.clusters[first], now.clusters[second])
