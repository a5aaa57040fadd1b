"""What lookalike answers with: frozen, typed, and the same in Python and in `--json`.

`as_json` turns any of them into plain dicts and lists with the documented key names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Scalar = str | int | float | bool | None
Metadata = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be used, and why.

    Attributes:
        path: the file as it was found.
        reason: one short clause, e.g. `empty file` or `too many pixels: 90000 x 90000, the limit is
            178956970`.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One picture of the collection that looks like the query.

    Attributes:
        rank: 1 for the most similar.
        id: the picture's number in its collection; never reused.
        path: absolute path of the file.
        similarity: cosine of the two unit vectors, in [-1, 1].
        probability: calibrated chance in [0, 1] that the two show the same thing; None until
            the collection has been calibrated for its model.
        missing: True when the file had vanished at the last `index`.
        metadata: what is known about the picture.
        cluster: the cluster it is in, from 1 on; -1 for noise; None when clusters were not looked for.
    """

    rank: int
    id: int
    path: str
    similarity: float
    probability: float | None = None
    missing: bool = False
    metadata: Metadata = field(default_factory=dict)
    cluster: int | None = None

    @property
    def distance(self) -> float:
        """1 - similarity, in [0, 2]; lower is more alike."""
        return 1.0 - self.similarity


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to one query: its name and its hits, most similar first.

    Attributes:
        query: the path, `#id`, or a word such as `<array>`.
        results: the hits; may be fewer than asked for.
    """

    query: str
    results: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two pictures are, and whether one is a copy of the other.

    Attributes:
        similarity: cosine of the two unit vectors, in [-1, 1].
        verdict: `same file`, `same pixels`, `near copy` (the whole picture encoded again, resized,
            recoloured), `edited copy` (cropped, mirrored, turned, written on, pasted), `alike` or
            `different`.
        probability: chance in [0, 1] that one is a copy of the other.
        overlap: share of the first picture seen in the second, in [0, 1]; None unless they are copies.
        transform: 2 x 3 matrix taking points of the first picture to the second, both in pixels of
            the upright picture at full size, (0, 0) being the top left corner; None likewise.
    """

    similarity: float
    verdict: str
    probability: float | None = None
    overlap: float | None = None
    transform: tuple[tuple[float, ...], ...] | None = None

    @property
    def distance(self) -> float:
        """1 - similarity, in [0, 2]; lower is more alike."""
        return 1.0 - self.similarity


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What one run of `index` did. All counts are pictures.

    Attributes:
        added: new ones. Files with the bytes of a known picture are added without the network.
        updated: files whose bytes had changed, and known pictures that got vectors of another
            model, output or runtime.
        moved: known pictures found again under another path.
        unchanged: files not read, since size and time of change are as before, and files read
            whose bytes are as before.
        removed: known pictures whose files have vanished or become unusable; kept and marked as
            missing.
        truncated: of the added and updated, those that end early but could be decoded.
        failed: files that are no usable picture, each with its reason.
        images: pictures in the collection after the run.
        seconds: wall-clock time of the run.
        collection: the collection's directory.
        unmatched: rows of the metadata file, by what they call their picture, that belong to no
            picture of this run.
        undescribed: pictures of this run about which the metadata file says nothing; 0 without
            a metadata file.
    """

    added: int
    updated: int
    moved: int
    unchanged: int
    removed: int
    truncated: int
    failed: tuple[Failure, ...]
    images: int
    seconds: float
    collection: str
    unmatched: tuple[str, ...] = ()
    undescribed: int = 0

    @property
    def images_per_second(self) -> float:
        """Pictures read in this run (added, updated, moved) per second of wall-clock time."""
        return (self.added + self.updated + self.moved) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """A picture file, as people choose between copies by it.

    Attributes:
        path: absolute path.
        id: its number in the collection; 0 for a file that is not in it.
        width: pixels, upright.
        height: pixels, upright.
        bytes: size of the file.
        format: `JPEG`, `PNG`, ...
        modified: time of the last change, ISO 8601 in UTC with seconds, e.g. `2026-11-23T08:30:00Z`.
        content: SHA-256 of the bytes, hexadecimal.
        reference: it lies in a folder whose pictures are never proposed for removal.
    """

    path: str
    id: int
    width: int
    height: int
    bytes: int
    format: str
    modified: str
    content: str
    reference: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """A picture that was found to be a copy of the one kept in its group.

    Attributes:
        picture: the copy.
        kind: `exact` (same bytes), `pixels` (same pixels in another container), `near` (the whole
            picture encoded again, resized, recoloured), `edited` (cropped, mirrored, turned, bordered,
            written on, pasted), or `burst` (another photo taken within seconds; no copy).
        probability: calibrated chance in [0, 1] that it is a copy; 1.0 for `exact` and `pixels`.
        similarity: cosine of the two vectors, in [-1, 1]; None when one has no vector.
        inliers: local features that agree on the transform; None when the pixels said it already.
        transform: 2 x 3 matrix taking points of the kept picture to the copy, both in pixels of the
            upright picture at full size with (0, 0) the top left corner; None for a burst.
        overlap: share of the kept picture that the copy shows, in [0, 1].
        overlap_copy: share of the copy that shows the kept picture, in [0, 1].
        box: the part of the kept picture that the copy shows: x, y, width, height in its pixels.
        box_copy: where the kept picture sits in the copy, likewise in the copy's pixels.
        doubt: why removing it is not proposed, in one clause, e.g. `it shows more than the one
            kept`; None when it is proposed.
    """

    picture: PictureFacts
    kind: str
    probability: float
    similarity: float | None = None
    inliers: int | None = None
    transform: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    overlap: float | None = None
    overlap_copy: float | None = None
    box: tuple[float, float, float, float] | None = None
    box_copy: tuple[float, float, float, float] | None = None
    doubt: str | None = None

    @property
    def path(self) -> str:
        """The copy's absolute path."""
        return self.picture.path


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """A picture to keep, and its copies: each one was compared with the one kept.

    Attributes:
        kept: the picture to keep.
        reason: why this one, in one clause, e.g. `more pixels than the others`.
        members: its copies, by descending probability, then by path; at least one.
    """

    kept: PictureFacts
    reason: str
    members: tuple[Copy, ...]

    @property
    def keep(self) -> str:
        """Absolute path of the picture to keep."""
        return self.kept.path

    @property
    def weakest(self) -> float:
        """The lowest probability among the members, in [0, 1]."""
        return min(member.probability for member in self.members)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The copies that were found.

    Attributes:
        groups: no picture is proposed for removal twice, and none that is kept in another group.
        images: pictures that were looked at.
        seconds: wall-clock time.
        precision: the probability that was asked of each pair.
        compared: pairs of pictures whose pixels were compared.
        graph_recall: measured share of the true nearest neighbours that the neighbour graph has,
            in [0, 1]; None when no graph was needed.
        new: of pictures that were checked against a collection, those without a copy in it.
        failed: files that could not be used, each with its reason.
        indexed: of pictures that were checked against a collection, those that are in it themselves.
        dated: pictures among which bursts were looked for, having a time in their EXIF data; None when
            bursts were not asked for.
    """

    groups: tuple[DuplicateGroup, ...]
    images: int
    seconds: float
    precision: float
    compared: int = 0
    graph_recall: float | None = None
    new: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    indexed: tuple[str, ...] = ()
    dated: int | None = None


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture of a collection, as a server shows it.

    Attributes:
        id: its number; never reused.
        path: absolute path of the file, on the server.
        width: pixels, upright.
        height: pixels, upright.
        bytes: size of the file.
        format: `JPEG`, `PNG`, ...
        content: SHA-256 of the bytes, hexadecimal.
        missing: the file had vanished at the last `index`.
        truncated: the file ends early; what could be decoded was used.
        metadata: what is known about the picture.
        cluster: the cluster it is in, from 1 on; -1 for noise; None when clusters were not looked for.
        added: in an answer to adding: False when the collection had these bytes already.
    """

    id: int
    path: str
    width: int
    height: int
    bytes: int
    format: str
    content: str
    missing: bool = False
    truncated: bool = False
    metadata: Metadata = field(default_factory=dict)
    cluster: int | None = None
    added: bool = False


@dataclass(frozen=True, slots=True)
class Copies:
    """Which pictures of a collection one picture is a copy of.

    Attributes:
        query: the path, `#id`, or a word such as `<bytes>`.
        copies: pictures of the collection, by descending probability; their transform takes points
            of the query to them.
        compared: pictures that were looked at: those with the same bytes, and the nearest ones.
        failed: of these, files that could not be used, each with its reason.
    """

    query: str
    copies: tuple[Copy, ...]
    compared: int
    failed: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """A file that was removed.

    Attributes:
        path: where it was.
        to: where it is now: its path in the trash or the quarantine folder, or the kept picture
            that it is a hard link to now.
    """

    path: str
    to: str


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What applying a plan did.

    Attributes:
        applied: what was removed (with `dry_run`: what would be), sidecars included, in order.
        skipped: what was left where it is, each with its reason.
        journal: the file that `undo` takes; None for a dry run and when nothing was to be done.
        dry_run: nothing was changed.
    """

    applied: tuple[Applied, ...]
    skipped: tuple[Failure, ...]
    journal: str | None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class UndoReport:
    """What undoing a journal did.

    Attributes:
        restored: paths that are back where they were.
        skipped: what could not be brought back, each with its reason.
    """

    restored: tuple[str, ...]
    skipped: tuple[Failure, ...]


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
        id: its number, from 1 on, the largest cluster first.
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
        clusters: the largest first.
        noise: paths of the pictures that are in none.
        method: `communities` or `kmeans`.
        level: from 1, coarse, to 5, fine; None for k-means.
        images: pictures that were looked at.
        agreements: for each column that took part, how well the clusters agree with it.
        added: pictures that were put into clusters that were there before, or found to be noise; 0 when
            clusters were found anew.
        kept: they are kept with the collection, and `cluster == 12` can be asked for.
        seconds: wall-clock time.
    """

    clusters: tuple[Cluster, ...]
    noise: tuple[str, ...]
    method: str
    level: int | None
    images: int
    agreements: tuple[Agreement, ...] = ()
    added: int = 0
    kept: bool = False
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
        clusters: how many there are.
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


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A picture in the plane.

    Attributes:
        id: its number in the collection.
        path: absolute path of the file.
        x: to the right; only which points are near each other means anything.
        y: upwards.
    """

    id: int
    path: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class PictureMap:
    """A layout of the pictures in the plane, near to each other what looks alike.

    Attributes:
        points: the pictures shown, by ascending id.
        images: pictures that were laid out, those that were not shown included.
        placed: of these, pictures that came later and were put among the others, which did not move.
        nearest: neighbours looked at by the two figures below.
        trustworthiness: in [0, 1]: 1 when all that is near in the map is near in truth, about 0.5 for
            random places; measured on a sample. None with fewer than 5 pictures.
        neighbours_kept: share of the `nearest` most similar pictures that are among the `nearest` nearest
            points, in [0, 1]; None likewise.
        file: where it was drawn; None when it was not.
        bytes: size of that file.
        thumbnails: pictures that have a thumbnail in it.
        failed: pictures that could not be read for a thumbnail, each with the reason.
    """

    points: tuple[MapPoint, ...]
    images: int
    placed: int
    nearest: int = 0
    trustworthiness: float | None = None
    neighbours_kept: float | None = None
    file: str | None = None
    bytes: int = 0
    thumbnails: int = 0
    failed: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a picture stands out.

    Attributes:
        name: `isolated` (unlike all others), `nearly blank`, `very dark`, `very bright`, `blurred`, `tiny`,
            `odd aspect` or `cut off` (the file ends early).
        score: how much, in [0, 1]; one half where it begins to count.
        detail: what was measured, e.g. `40 × 30 pixels`.
    """

    name: str
    score: float
    detail: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A picture near to another one.

    Attributes:
        path: absolute path.
        similarity: cosine of the two vectors, in [-1, 1].
        label: its value of the column that was asked for; None when there was none.
    """

    path: str
    similarity: float
    label: Scalar = None


@dataclass(frozen=True, slots=True)
class Outlier:
    """A picture that stands out.

    Attributes:
        id: its number.
        path: absolute path.
        score: that of its strongest reason, in [0, 1].
        reasons: what speaks against it, the most telling first: what can be seen in the picture itself
            comes before `isolated`.
        isolation: how far it is from all others, in [0, 1); one half is far.
        neighbours: the three pictures nearest to it, nearest first.
    """

    id: int
    path: str
    score: float
    reasons: tuple[Reason, ...]
    isolation: float
    neighbours: tuple[Neighbour, ...]

    @property
    def reason(self) -> str:
        """The name of the most telling reason."""
        return self.reasons[0].name


@dataclass(frozen=True, slots=True)
class Outliers:
    """The pictures that stand out.

    Attributes:
        outliers: by descending score, then by id.
        images: pictures that were looked at.
        usual: names of reasons that so many pictures have that they say nothing here.
        failed: pictures that could not be read, each with its reason.
        seconds: wall-clock time.
    """

    outliers: tuple[Outlier, ...]
    images: int
    usual: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class DoubtfulLabel:
    """A picture whose neighbours disagree with its label.

    Attributes:
        id: its number.
        path: absolute path.
        label: the label it has.
        suggested: the other label that its neighbours have most.
        score: of the votes for either of the two, the share for the suggested one, in [0, 1]: one
            half is undecided.
        share: the suggested label's share of all votes, in [0, 1].
        own_share: that of the label it has.
        neighbours: the three labelled pictures nearest to it, nearest first.
    """

    id: int
    path: str
    label: Scalar
    suggested: Scalar
    score: float
    share: float
    own_share: float
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class DoubtfulLabels:
    """The labels of a column that are in doubt.

    Attributes:
        doubtful: by descending score, then by id.
        column: the column.
        labels: how many different ones there are.
        images: pictures with a label.
        unlabelled: pictures without one, which are left out.
        seconds: wall-clock time.
    """

    doubtful: tuple[DoubtfulLabel, ...]
    column: str
    labels: int
    images: int
    unlabelled: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Leak:
    """A picture of one split that is a copy of a picture of another one.

    Attributes:
        id: number of the picture in the smaller of the two splits.
        path: its absolute path.
        split: its split.
        other: path of its surest copy in the larger split.
        other_split: that split.
        kind: `exact`, `pixels`, `near` or `edited`, as in `Copy`.
        probability: chance in [0, 1] that they are copies; 1.0 for `exact` and `pixels`.
        similarity: cosine of their vectors, in [-1, 1]; None when one has no vector.
    """

    id: int
    path: str
    split: str
    other: str
    other_split: str
    kind: str
    probability: float
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Leaks:
    """The pictures that splits share.

    Attributes:
        leaks: the surest first, then by path. Removing all of them leaves no copies between the splits.
        column: the column that says which split a picture is in.
        splits: for each split how many pictures it has, the largest first.
        unsplit: pictures in no split, which are left out.
        images: pictures that were looked at.
        compared: pairs of pictures whose pixels were compared.
        failed: pictures that could not be read, each with its reason.
        seconds: wall-clock time.
    """

    leaks: tuple[Leak, ...]
    column: str
    splits: Mapping[str, int]
    unsplit: int
    images: int
    compared: int = 0
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model's vectors in a collection.

    Attributes:
        model: the model's name.
        output: which of its outputs.
        runtime: what runs it.
        identity: hash over everything that shapes a vector.
        dimension: length of a vector.
        vectors: how many there are.
        index: `exact` or `approximate`.
        recall: measured recall@10 of the index against exact search, in [0, 1]; None when it
            has not been measured.
    """

    model: str
    output: str
    runtime: str
    identity: str
    dimension: int
    vectors: int
    index: str
    recall: float | None


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What is in a collection.

    Attributes:
        collection: its directory.
        images: pictures, missing ones included.
        missing: pictures whose files had vanished at the last `index`.
        failed: files that are remembered as no usable pictures.
        models: whose vectors there are; the first is the one used unless another is named.
        columns: metadata columns and their kind.
        bytes: what the collection takes on disk.
        picture_bytes: what the pictures' files take.
        clusters: those kept with it; None when clusters were not looked for.
    """

    collection: str
    images: int
    missing: int
    failed: int
    models: tuple[ModelInfo, ...]
    columns: Mapping[str, str]
    bytes: int
    picture_bytes: int
    clusters: Grouping | None = None

    @property
    def bytes_per_image(self) -> float:
        """What the collection takes on disk for each picture, in bytes; 0 without pictures."""
        return self.bytes / self.images if self.images else 0.0

    @property
    def smaller(self) -> float:
        """How many times smaller the collection is than the files; 0 without pictures."""
        return self.picture_bytes / self.bytes if self.bytes else 0.0


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How well the pictures of one class were found.

    Attributes:
        label: the class, as text.
        queries: of this class.
        figures: as in `Evaluation`.
    """

    label: str
    queries: int
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class JudgedHit:
    """One picture that a judged query found.

    Attributes:
        id: the picture's number.
        path: absolute path.
        label: its class, as text; empty for pairs.
        similarity: cosine with the query, in [-1, 1].
        right: whether it belongs to the query.
    """

    id: int
    path: str
    label: str
    similarity: float
    right: bool


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query of an evaluation, and what it found.

    Attributes:
        id: the picture's number.
        path: absolute path.
        label: its class, as text; empty for pairs.
        first: rank of the first right picture, from 1; None when it is not among the first ten, or as
            many as are right.
        figures: as in `Evaluation`, of this query.
        found: the first pictures found, best first.
    """

    id: int
    path: str
    label: str
    first: int | None
    figures: Mapping[str, float]
    found: tuple[JudgedHit, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """How much one change to pictures moves similarities.

    Attributes:
        name: what was done to them.
        similarity: mean cosine of a picture with itself, changed.
        least: the lowest one.
        moved: mean absolute change of the similarities with a picture's ten first hits.
        most: the largest one.
    """

    name: str
    similarity: float
    least: float
    moved: float
    most: float


@dataclass(frozen=True, slots=True)
class Consistency:
    """How much similarities move when nothing that matters changes.

    Attributes:
        model: the model's name.
        output: which of its outputs.
        pictures: that were looked at.
        repeatable: embedding them again gave the vectors that are stored, bit for bit.
        changes: what else was done to them.
    """

    model: str
    output: str
    pictures: int
    repeatable: bool
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Hits to which about the same chance was given.

    Attributes:
        low: the least chance of the bin, in [0, 1].
        high: the largest one.
        hits: how many.
        probability: the mean chance that was given.
        right: the share that was right.
    """

    low: float
    high: float
    hits: int
    probability: float
    right: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """A least similarity, and what it gives.

    Attributes:
        similarity: in [-1, 1].
        precision: share of the hits from there on that is right.
        recall: share of the right hits that is from there on.
    """

    similarity: float
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What calibrating found out.

    Attributes:
        model: whose similarities.
        output: which of its outputs.
        source: what it was fitted on, in words.
        hits: how many hits that were.
        right: of them.
        calibration_error: by how much the chances of other queries' hits are off on average, in [0, 1].
        reliability: the same in bins.
        thresholds: for precisions that were asked for and can be reached, ascending.
        recall_threshold: for the recall that was asked for; None without.
    """

    model: str
    output: str
    source: str
    hits: int
    right: int
    calibration_error: float
    reliability: tuple[ReliabilityBin, ...]
    thresholds: tuple[Threshold, ...]
    recall_threshold: Threshold | None = None


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written to a file.

    Attributes:
        file: where it is.
        images: how many pictures.
        model: whose vectors.
        output: which of its outputs.
        dimension: length of a vector.
        columns: of metadata.
    """

    file: str
    images: int
    model: str
    output: str
    dimension: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a model finds what belongs together.

    Attributes:
        model: the model's name.
        output: which of its outputs.
        queries: pictures that were searched for and had something to find.
        gallery: pictures that were searched.
        alone: pictures that were no queries since nothing else belongs to them, e.g. a class of one.
        unlabelled: pictures left out since they have no label.
        figures: means over the queries, each in [0, 1]: `recall@1`, `recall@5`, `recall@10`,
            `precision@10`, `map@r`.
        intervals: for each figure the ends of its 95 % interval.
        classes: the figures of each class, worst first; none for pairs.
        worst: the queries that went worst, worst first.
        calibration_error: by how much the calibrated chances of hits are off on average, in [0, 1]; None
            when the collection is not calibrated for this model.
        reliability: the same in bins of chances; empty likewise.
    """

    model: str
    output: str
    queries: int
    gallery: int
    alone: int
    unlabelled: int
    figures: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    classes: tuple[ClassFigures, ...] = ()
    worst: tuple[JudgedQuery, ...] = ()
    calibration_error: float | None = None
    reliability: tuple[ReliabilityBin, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What training made.

    Attributes:
        model: the new model's name.
        base: the model it is based on.
        output: which of the base's outputs the adapter maps.
        compared: the model and output that were searched before, with which it is compared.
        pictures: that it was fitted on.
        classes: of them.
        alone: pictures that are the only ones of their class.
        unlabelled: pictures left out since nothing is known about them.
        unmatched: names in the table of pairs that are no pictures of the collection.
        held_out: pictures on which both were measured, and which the measured adapter had not seen.
        before: figures of the model that was searched before: `recall@1`, `recall@5`, `recall@10`,
            `precision@10`, `map@r`, each in [0, 1].
        after: figures of the base with the adapter.
        better: MAP@R has risen by more than chance explains (the 95 % interval of its gain is above 0),
            and recall@1 has not fallen.
        default: the collection uses the new model from now on.
        shrinkage: chosen by cross-validation, in (0, 1].
        dimension: length of a vector of the new model.
        centred: whether the mean of all vectors is subtracted first.
        card: the new model's card.
        seconds: wall-clock time.
    """

    model: str
    base: str
    output: str
    compared: str
    pictures: int
    classes: int
    alone: int
    unlabelled: int
    unmatched: tuple[str, ...]
    held_out: int
    before: Mapping[str, float]
    after: Mapping[str, float]
    better: bool
    shrinkage: float
    dimension: int
    centred: bool
    card: str
    seconds: float
    default: bool = False


@dataclass(frozen=True, slots=True)
class FinetuneReport:
    """What fine-tuning made.

    Attributes:
        model: the new model's name.
        base: the model whose network was trained on.
        output: which of its outputs was trained.
        compared: the model and output that were searched before, with which it is compared.
        pictures: that it learned from, those held out included.
        classes: of them.
        alone: pictures that are the only ones of their class.
        unlabelled: pictures left out since nothing is known about them.
        unmatched: names in the table of pairs that are no pictures of the collection.
        held_out: pictures that were never shown, on which both were measured and the epoch was chosen.
        before: figures of the model that was searched before, as in `TrainReport`.
        after: figures of the new one.
        better: MAP@R has risen by more than chance explains, and recall@1 has not fallen.
        default: the collection uses the new model from now on.
        epochs: how often each picture was shown, in the mean.
        best_epoch: after which epoch the network was as it is kept.
        curve: a picture of loss and recall over the epochs (SVG).
        card: the new model's card.
        seconds: wall-clock time; of a training that was interrupted, of its last part.
    """

    model: str
    base: str
    output: str
    compared: str
    pictures: int
    classes: int
    alone: int
    unlabelled: int
    unmatched: tuple[str, ...]
    held_out: int
    before: Mapping[str, float]
    after: Mapping[str, float]
    better: bool
    epochs: int
    best_epoch: int
    curve: str
    card: str
    seconds: float
    default: bool = False


def as_json(result: Any) -> Any:
    """The result as dicts, lists and scalars, with properties included.

    >>> as_json(Failure("a.jpg", "empty file"))
    {'path': 'a.jpg', 'reason': 'empty file'}
    >>> as_json(Hit(1, 7, "/a.jpg", 0.75))["distance"]
    0.25
    """
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        properties = [name for name, value in vars(type(result)).items() if isinstance(value, property)]
        names = [f.name for f in dataclasses.fields(result)] + properties
        return {name: as_json(getattr(result, name)) for name in names}
    if isinstance(result, Mapping):
        return {str(key): as_json(value) for key, value in result.items()}
    if isinstance(result, (list, tuple)):
        return [as_json(item) for item in result]
    return result
