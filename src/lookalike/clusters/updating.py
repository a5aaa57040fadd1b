"""Pictures that came later, put into the clusters there are without starting over."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lookalike.clusters.affinity import Codes, affinity
from lookalike.clusters.communities import UNKNOWN, spread
from lookalike.clusters.finding import blends_of, columns_of, kept
from lookalike.clusters.kmeans import to_nearest_mean
from lookalike.clusters.noise import lonely
from lookalike.clusters.scope import Scope, lists_of, lists_within, scope
from lookalike.clusters.stored import About, stored
from lookalike.errors import UsageError
from lookalike.filters import Filter, parse
from lookalike.gallery.base import Gallery, Space
from lookalike.progress import Stages, silent
from lookalike.results import Clusters


def update(gallery: Gallery, space: Space, progress: Stages | None = None) -> Clusters:
    """Put pictures that have come or changed since into the clusters there are; the others stay.

    A new picture goes to the community that its nearest neighbours hold it to most strongly. It is noise when
    it has no dense neighbourhood, when its neighbours are noise, or when none of them is in a cluster. With
    k-means it goes to the cluster with the nearest mean.

    Raises:
        UsageError: there are no clusters of this space, they were found among those of an earlier
            set of clusters, which are not kept any more, or all their pictures are gone (k-means).
        CollectionError: pictures went, or were written anew, while the neighbours were read.
    """
    started, tell = time.perf_counter(), progress or silent
    found = stored(gallery, space)
    if found is None:
        others = " of this model" if gallery.has_partition() else ""
        raise UsageError(f"there are no clusters{others} yet: find them first with `lookalike cluster`")
    partition, about = found
    where = None if about.where is None else parse(about.where)
    columns = columns_of(about.by, about.blend)
    if _within_earlier(gallery, columns, where):
        raise UsageError("these clusters were found within earlier ones, which are gone: find them anew")
    pictures = scope(gallery, space, where, columns)
    clusters = np.full(len(pictures.ids), UNKNOWN)
    _, here, there = np.intersect1d(pictures.ids, partition.ids, return_indices=True)
    clusters[here] = partition.clusters[there]
    added = int((clusters == UNKNOWN).sum())
    if added:
        clusters = _joined(gallery, space, pictures, clusters, about, tell)
    answer = kept(gallery, space, pictures, clusters, about, tell, before=partition)
    return replace(answer, added=added, seconds=round(time.perf_counter() - started, 3))


def _within_earlier(gallery: Gallery, columns: Sequence[str], where: Filter | None) -> bool:
    """Whether our `cluster` of a picture took part, and not only a column of the metadata with that name."""
    own = "cluster" in gallery.columns()
    if "cluster" in columns and not own:
        return True
    if where is None or "cluster" not in where.columns():
        return False
    return not own or any(picture.metadata.get("cluster") is None for picture in gallery.pictures())


def _joined(
    gallery: Gallery, space: Space, pictures: Scope, clusters: Codes, about: About, tell: Stages
) -> Codes:
    """The clusters of all pictures, those that are known unchanged."""
    if about.method == "kmeans":
        return to_nearest_mean(gallery, space, pictures.ids, clusters, tell)
    if about.by:
        lists = lists_within(gallery, space, pictures.ids, pictures.known[about.by], tell)
    else:
        lists = lists_of(gallery, space, pictures.ids, tell)
    clusters[(clusters == UNKNOWN) & lonely(lists)] = -1
    return spread(affinity(lists, blends_of(pictures, about.blend)), clusters)
