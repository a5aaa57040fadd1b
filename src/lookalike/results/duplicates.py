"""Copies, and what removing them did."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.results.base import Failure


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
