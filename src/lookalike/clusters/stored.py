"""The clusters that are kept with a gallery: one set at a time, the one made last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.gallery.base import Gallery, Ids, Partition, Space
from lookalike.results import Grouping


@dataclass(frozen=True, slots=True, eq=False)
class Assigned:
    """Which cluster each picture is in.

    Attributes:
        ids: (n,) int64, ascending: the pictures that were looked at and are not missing.
        clusters: (n,) int32: from 1 on, -1 for noise.
        labels: what each cluster is called by; "" where nothing sets it apart.
    """

    ids: Ids
    clusters: npt.NDArray[np.int32]
    labels: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class About:
    """How the clusters that are kept were made.

    Attributes:
        space: identity of the space whose vectors were used.
        method: `communities` or `kmeans`.
        level: 1, coarse, to 5, fine; None for k-means.
        by: the column within whose values clusters were looked for, if any.
        blend: columns that pulled, each with its weight.
        where: the filter that chose the pictures, if any.
        labels: of each cluster; "" where nothing sets it apart.
        parents: of each cluster the one of the next coarser level, where there is one.
    """

    space: str
    method: str
    level: int | None = None
    by: str | None = None
    blend: tuple[tuple[str, float], ...] = ()
    where: str | None = None
    labels: Mapping[int, str] = field(default_factory=dict)
    parents: Mapping[int, int] = field(default_factory=dict)

    def as_text(self) -> str:
        """What `Partition.about` has; `read` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> About | None:
        """None when it is not to be understood, as from another version of lookalike."""
        try:
            facts: dict[str, Any] = json.loads(text)
            facts["labels"] = {int(cluster): str(label) for cluster, label in facts["labels"].items()}
            facts["parents"] = {int(cluster): int(parent) for cluster, parent in facts["parents"].items()}
            facts["blend"] = tuple((str(column), float(weight)) for column, weight in facts["blend"])
            return cls(**facts)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


def stored(gallery: Gallery, space: Space) -> tuple[Partition, About] | None:
    """The clusters kept and how they were made; None when there are none of this space."""
    partition = gallery.partition()
    about = None if partition is None else About.read(partition.about)
    if partition is None or about is None or about.space != space.identity:
        return None
    return partition, about


def assigned(gallery: Gallery, space: Space) -> Assigned | None:
    """Which cluster each picture is in, as `lookalike cluster` kept it last.

    Pictures that came later, or have changed, are not among them. Vanished ones drop out by themselves.

    Args:
        gallery: whose pictures.
        space: which vectors; clusters that were made from others do not count.

    Returns:
        None when nothing has been clustered.
    """
    found = stored(gallery, space)
    if found is None:
        return None
    partition, about = found
    here = np.isin(partition.ids, gallery.hashes()[0])
    return Assigned(partition.ids[here], partition.clusters[here], about.labels)


def grouping(gallery: Gallery) -> Grouping | None:
    """The clusters that are kept, in numbers; None when there are none. Vanished pictures do not count."""
    partition = gallery.partition()
    about = None if partition is None else About.read(partition.about)
    if partition is None or about is None:
        return None
    present = gallery.hashes()[0]
    here = np.isin(present, partition.ids, assume_unique=True)
    clusters = partition.clusters[np.isin(partition.ids, present, assume_unique=True)]
    inside = clusters > 0
    models = {space.identity: space.model for space in gallery.spaces()}
    return Grouping(
        clusters=len(np.unique(clusters[inside])),
        images=int(inside.sum()),
        noise=int((~inside).sum()),
        new=int((~here).sum()),
        method=about.method,
        level=about.level,
        model=models.get(about.space, ""),
    )
