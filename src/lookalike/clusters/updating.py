"""Pictures that came later, put into the clusters there are without starting over."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from lookalike.clusters.affinity import affinity
from lookalike.clusters.communities import UNKNOWN, spread
from lookalike.clusters.finding import blends_of, columns_of, kept
from lookalike.clusters.noise import lonely
from lookalike.clusters.scope import Stages, lists_of, lists_within, scope, silent
from lookalike.clusters.stored import stored
from lookalike.errors import UsageError
from lookalike.filters import parse
from lookalike.gallery.base import Gallery, Space
from lookalike.results import Clusters


def update(gallery: Gallery, space: Space, progress: Stages | None = None) -> Clusters:
    """Put pictures that have come or changed since into the clusters there are; the others stay.

    A new picture goes to the cluster that its nearest neighbours hold it to most strongly. It is noise when
    it has no dense neighbourhood, when its neighbours are noise, or when none of them is in a cluster.

    Raises:
        UsageError: there are no clusters of this space, or they were found among those of an earlier
            set of clusters, which are not kept any more.
    """
    started, tell = time.perf_counter(), progress or silent
    found = stored(gallery, space)
    if found is None:
        raise UsageError("there are no clusters yet: find them first with `lookalike cluster`")
    partition, about = found
    where = None if about.where is None else parse(about.where)
    columns = columns_of(about.by, about.blend)
    if "cluster" in {*columns, *(where.columns() if where else ())}:
        raise UsageError("these clusters were found within earlier ones, which are gone: find them anew")
    pictures = scope(gallery, space, where, columns)
    clusters = np.full(len(pictures.ids), UNKNOWN)
    _, here, there = np.intersect1d(pictures.ids, partition.ids, return_indices=True)
    clusters[here] = partition.clusters[there]
    new = clusters == UNKNOWN
    if new.any():
        if about.by:
            lists = lists_within(gallery, space, pictures.ids, pictures.known[about.by], tell)
        else:
            lists = lists_of(gallery, space, pictures.ids, tell)
        if about.method == "communities":
            clusters[new & lonely(lists)] = -1
        clusters = spread(affinity(lists, blends_of(pictures, about.blend)), clusters)
    answer = kept(gallery, space, pictures, clusters, about, tell)
    return replace(answer, added=int(new.sum()), seconds=round(time.perf_counter() - started, 3))
