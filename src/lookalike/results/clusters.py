"""Groups of a collection, and pictures that stand for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NearCluster:
    """A cluster that lies near another one.

    Attributes:
        id: its number.
        similarity: cosine of the two centres, in [-1, 1].
    """

    id: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """Pictures that belong together by their looks.

    Attributes:
        id: its number, from 1 on; they were given by size when the clusters were found, and stay.
        size: how many pictures it has.
        medoid: path of the picture that stands for it: the one with the highest mean cosine to the
            others.
        label: the value of the metadata, or the name of the folder, that sets it apart most; "" when
            none does.
        cohesion: mean cosine between two of its pictures, in [-1, 1]; 1.0 for a single one.
        share: share of its pictures that have the value of the label, in (0, 1]; None without a label.
        column: the column that the label is from, `folder` for a folder; None likewise.
        parent: the cluster of the next coarser level that it lies in; None on the coarsest, and for
            k-means.
        nearest: up to three clusters whose centres are nearest to its own, nearest first.
        members: paths of its pictures, the most typical (by mean cosine to the others) first.
    """

    id: int
    size: int
    medoid: str
    label: str
    cohesion: float
    share: float | None
    column: str | None
    parent: int | None
    nearest: tuple[NearCluster, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well clusters agree with a column of the metadata, noise counted as clusters of one.

    Attributes:
        column: its name.
        ami: adjusted mutual information, at most 1; about 0 by chance.
        ari: adjusted Rand index, likewise.
        ami_before: the same for clusters by looks alone.
        ari_before: likewise.
        images: pictures of which the value is known; the others do not count.
    """

    column: str
    ami: float
    ari: float
    ami_before: float
    ari_before: float
    images: int


@dataclass(frozen=True, slots=True)
class Clusters:
    """How a collection falls into groups.

    Attributes:
        clusters: the largest first, of equally large ones that with the lower number.
        noise: paths of the pictures that are in none.
        method: `communities` or `kmeans`.
        level: from 1, coarse, to 5, fine; None for k-means.
        images: pictures that were looked at.
        k: how many were asked for, by k-means; fewer are found when fewer pictures differ. None for
            communities, and when new pictures were put into clusters.
        agreements: for each column that took part, how well the clusters agree with it.
        added: pictures that were put into clusters that were there before, or found to be noise; 0 when
            clusters were found anew.
        kept: they are kept with the collection, and `cluster == 12` can be asked for.
        not_kept: why they are not; "" when they are.
        seconds: wall-clock time.
    """

    clusters: tuple[Cluster, ...]
    noise: tuple[str, ...]
    method: str
    level: int | None
    images: int
    k: int | None = None
    agreements: tuple[Agreement, ...] = ()
    added: int = 0
    kept: bool = False
    not_kept: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Representative:
    """A picture that stands for others.

    Attributes:
        rank: 1 for the one that was chosen first.
        id: its number in the collection.
        path: absolute path of the file.
        covers: pictures that are nearer to it than to any other representative, itself included.
        reached: least similarity of any picture to the nearest representative, this one and those
            before it counted, in [-1, 1]: how well so many of them cover all.
    """

    rank: int
    id: int
    path: str
    covers: int
    reached: float


@dataclass(frozen=True, slots=True)
class Representatives:
    """Pictures that cover a collection.

    Attributes:
        representatives: in the order in which they were chosen: the first N of them cover the
            collection as the N that are asked for.
        images: pictures that are covered.
    """

    representatives: tuple[Representative, ...]
    images: int

    @property
    def similarity(self) -> float:
        """Least similarity of any picture to the nearest representative, in [-1, 1]."""
        return self.representatives[-1].reached

    @property
    def radius(self) -> float:
        """1 - similarity: no picture is farther from the nearest representative, in [0, 2]."""
        return round(1.0 - self.similarity, 4)


@dataclass(frozen=True, slots=True)
class Grouping:
    """The clusters that are kept with a collection.

    Attributes:
        clusters: how many there are. Vanished pictures count nowhere here.
        images: pictures in one of them.
        noise: pictures that were looked at and are in none.
        new: pictures that came or changed since, or were left out by a filter.
        method: `communities` or `kmeans`.
        level: from 1, coarse, to 5, fine; None for k-means.
        model: whose vectors were used.
    """

    clusters: int
    images: int
    noise: int
    new: int
    method: str
    level: int | None
    model: str
