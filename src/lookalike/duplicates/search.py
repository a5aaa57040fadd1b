"""From a gallery to groups of copies: the other modules of `duplicates`, put together."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from lookalike import files
from lookalike.duplicates.bursts import burst_pairs, moment
from lookalike.duplicates.calibrating import calibration_of
from lookalike.duplicates.decisions import at_path
from lookalike.duplicates.finding import Finder, Found, Links
from lookalike.duplicates.full_size import FullSize
from lookalike.duplicates.groups import OLDER, Member, Star, shows_more, stars
from lookalike.duplicates.hashes import perceptual_hash
from lookalike.duplicates.helpers import Crashed
from lookalike.duplicates.keep import Candidate, Policy
from lookalike.duplicates.pairs import Pair, check_precision
from lookalike.duplicates.reading import Reader, Reading
from lookalike.duplicates.sketches import Sketches, crash
from lookalike.duplicates.ways import is_below
from lookalike.embedder import Embedder
from lookalike.errors import PictureError
from lookalike.files import FileIdentity
from lookalike.gallery.base import Gallery, Picture, Space, Vectors
from lookalike.images import ExifFacts, exif_facts
from lookalike.neighbours import graph
from lookalike.progress import Stages, silent
from lookalike.results import Copy, DuplicateGroup, Duplicates, Failure, PictureFacts

ALIKE = 0.8
"""Cosine from which two photos taken within seconds of each other show the same."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a search for copies.

    Attributes:
        precision: the least probability of a pair, in (0, 1].
        policy: chooses the picture to keep.
        reference: absolute paths of folders whose pictures are never proposed for removal.
        bursts: show photos taken within seconds as well.

    Raises:
        UsageError: precision is out of range.
    """

    precision: float = 0.99
    policy: Policy = field(default_factory=Policy)
    reference: tuple[str, ...] = ()
    bursts: bool = False

    def __post_init__(self) -> None:
        check_precision(self.precision)


class Search:
    """One search for copies.

    Args:
        gallery: the collection's pictures.
        space: whose vectors say what looks alike.
        reading: reads pictures.
        request: what is asked.
        progress: called now and then; the stages are `reading new`, `reading`, `calibrating`, `looking`,
            `comparing` and `looking closely`.
    """

    def __init__(
        self, gallery: Gallery, space: Space, reading: Reading, request: Request, progress: Stages | None
    ) -> None:
        self._gallery = gallery
        self._space = space
        self._reading = reading
        self._request = request
        self._progress = progress or silent
        self._started = time.perf_counter()

    def within(self) -> Duplicates:
        """The copies within the gallery."""
        sketches = Sketches(self._gallery, self._reading)
        finder = self._finder(sketches, {}, {})
        found = finder.find(self._progress)
        pictures = _Pictures(sketches, {}, self._request)
        pictures.load({id_ for pair in found.pairs for id_ in (pair.first, pair.second)})
        pairs = [pair for pair in found.pairs if not (pair.kind == "exact" and pictures.are_one_file(pair))]
        dated = None
        if self._request.bursts:
            bursts, dated = self._bursts(found, pictures)
            pairs.extend(bursts)
        answer = self._answer(found, pairs, finder, pictures, len(self._gallery.hashes()[0]))
        return replace(answer, dated=dated)

    def among(self, embedder: Embedder, walked: Iterable[FileIdentity | Failure]) -> Duplicates:
        """The copies of the gallery's pictures among files."""
        others, vectors, failed, indexed = self._others(embedder, walked)
        if not others:
            nothing = Duplicates((), 0, self._seconds(), self._request.precision)
            return replace(nothing, failed=tuple(failed), indexed=tuple(indexed))
        sketches = Sketches(self._gallery, self._reading, others)
        finder = self._finder(sketches, others, vectors)
        found = finder.find(self._progress)
        pictures = _Pictures(sketches, others, self._request)
        answer = self._answer(found, found.pairs, finder, pictures, len(others), failed)
        copies = {copy.path for group in answer.groups for copy in group.members}
        unread = {failure.path for failure in answer.failed}
        paths = [picture.path for picture in others.values() if files.printable(picture.path) not in unread]
        new = tuple(path for path in paths if path not in copies)
        return replace(answer, new=new, indexed=tuple(indexed))

    def _finder(
        self, sketches: Sketches, others: Mapping[int, Picture], vectors: Mapping[int, Vectors]
    ) -> Finder:
        tell = partial(self._progress, "calibrating")
        calibrate = partial(calibration_of, self._gallery, self._space, sketches, tell)
        return Finder(
            self._gallery, self._space, sketches, calibrate, self._request.precision, others, vectors
        )

    # --- pictures outside the collection -----------------------------------------------------

    def _others(
        self, embedder: Embedder, walked: Iterable[FileIdentity | Failure]
    ) -> tuple[dict[int, Picture], dict[int, Vectors], list[Failure], list[str]]:
        """Files as pictures with negative ids, with their vectors; those that cannot be used; and those that
        are in the collection under their own path, which are no copies of themselves."""
        pictures: dict[int, Picture] = {}
        vectors: dict[int, Vectors] = {}
        failed: list[Failure] = []
        indexed: list[str] = []
        for done, seen in enumerate(self._reading.each(partial(self._looked_at, embedder), walked), start=1):
            if isinstance(seen, Failure):
                failed.append(seen)
            elif isinstance(seen, str):
                indexed.append(seen)
            else:
                picture, vector = seen
                id_ = -1 - len(pictures)
                pictures[id_], vectors[id_] = replace(picture, id=id_), vector
            self._progress("reading new", done, 0)
        return pictures, vectors, failed, indexed

    def _looked_at(
        self, embedder: Embedder, file: FileIdentity | Failure
    ) -> tuple[Picture, Vectors] | Failure | str:
        if isinstance(file, Failure):
            return file
        known = self._gallery.at_path(file.path)
        if known is not None and known.file == file and not known.missing:
            return known.path
        try:
            data = self._reading.reader.data(file.path)
            decoded = self._reading.reader.of_bytes(data, embedder.min_side)
        except PictureError as error:
            return Failure(files.printable(file.path), error.reason)
        content = files.content_hash(data)
        if known is not None and known.content == content and not known.missing:
            return known.path  # only its time has changed
        picture = Picture(
            file,
            content,
            decoded.width,
            decoded.height,
            decoded.format,
            perceptual_hash(decoded.rgb),
            decoded.truncated,
        )
        return picture, embedder.embed_rgb(decoded.rgb)

    def _seconds(self) -> float:
        return round(time.perf_counter() - self._started, 3)

    # --- groups ------------------------------------------------------------------------------

    def _bursts(self, found: Found, pictures: _Pictures) -> tuple[list[Pair], int]:
        """Photos taken within seconds, and of how many photos that look alike the time is known: the one that
        the camera wrote down. A file's own time says when it was copied or unpacked."""
        known = graph(self._gallery, self._space)
        edges = [
            (int(known.ids[a]), int(known.ids[b]), float(value))
            for first, second, values in known.edges(ALIKE)
            for a, b, value in zip(first, second, values, strict=True)
        ]
        pictures.load({id_ for edge in edges for id_ in edge[:2]})
        shown = {id_: pictures.candidate(id_) for edge in edges for id_ in edge[:2]}
        taken = {id_: moment(one.taken) for id_, one in shown.items() if one is not None and one.taken}
        times = {id_: at for id_, at in taken.items() if at is not None}
        pairs = burst_pairs(times, edges, alike=ALIKE, copies=_together(found.pairs, edges))
        return pairs, len(times)

    def _answer(
        self,
        found: Found,
        pairs: Sequence[Pair],
        finder: Finder,
        pictures: _Pictures,
        images: int,
        failed: Sequence[Failure] = (),
    ) -> Duplicates:
        groups = self._groups(pairs, finder, pictures)
        return Duplicates(
            groups,
            images,
            self._seconds(),
            self._request.precision,
            finder.compared,
            found.graph_recall,
            failed=tuple(dict.fromkeys((*failed, *found.failed, *pictures.failed))),
        )

    def _groups(
        self, pairs: Sequence[Pair], finder: Finder, pictures: _Pictures
    ) -> tuple[DuplicateGroup, ...]:
        ids = sorted({id_ for pair in pairs for id_ in (pair.first, pair.second)})
        pictures.load(ids)
        known = {id_: one for id_ in ids if (one := pictures.candidate(id_)) is not None}
        usable = [pair for pair in pairs if pair.first in known and pair.second in known]
        looking = FullSize(self._reading, pictures.picture, partial(self._progress, "looking closely"))
        known = looking.with_detail(known, usable)
        policy = self._request.policy
        ranking = [one.picture.id for one in policy.order(known.values())]
        protected = {id_ for id_, one in known.items() if one.picture.reference}
        if pictures.others:  # whatever the rules: the picture of the collection is the one to compare with
            protected |= {id_ for id_ in known if id_ > 0}
        found = stars(
            usable,
            ranking,
            compare=finder.compare if not pictures.others else _none,
            distinct=self._distinct(known),
            protected=protected,
            fuller=pictures.fuller,
            part=finder.compare_part,
        )
        looked_at = looking.without_different([_wary(star, known) for star in found])
        groups = [self._group(star, known) for star in looked_at]
        return tuple(sorted(groups, key=lambda group: group.keep))

    def _distinct(self, known: Mapping[int, Candidate]) -> list[tuple[int, int]]:
        """Pairs of ids that were decided to be no duplicates."""
        by_key: dict[str, list[int]] = {}
        for id_, one in known.items():
            content = one.picture.content
            for key in (content, at_path(content, one.picture.path)):
                by_key.setdefault(key, []).append(id_)
        decided = self._gallery.distinct(list(by_key))
        return [
            (a, b)
            for first, second in sorted(decided)
            for a in by_key.get(first, ())
            for b in by_key.get(second, ())
            if a != b
        ]

    def _group(self, star: Star, known: Mapping[int, Candidate]) -> DuplicateGroup:
        proposed = star.proposed or [member.id for member in star.members]
        reason = self._request.policy.reason(known[star.kept], [known[id_] for id_ in proposed])
        # Outside of here, a picture that is not in the collection has no number.
        shown = {
            id_: replace(known[id_].picture, id=max(id_, 0)) for id_ in (star.kept, *map(_id, star.members))
        }
        members = [copy_of(member.pair, shown[member.id], member.doubt) for member in star.members]
        members.sort(key=lambda copy: (-copy.probability, copy.path))
        return DuplicateGroup(shown[star.kept], reason, tuple(members))


def _wary(star: Star, known: Mapping[int, Candidate]) -> Star:
    """The star; nothing is proposed that is older than a picture kept that shows more around it. A whole
    picture is older than its crops; a screenshot, or a blurred frame, is newer than the picture in it."""
    members = (
        replace(member, doubt=OLDER)
        if member.doubt is None
        and shows_more(member.pair)
        and known[member.id].date[:19] < known[star.kept].date[:19]
        else member
        for member in star.members
    )
    return replace(star, members=tuple(members))


def _together(pairs: Sequence[Pair], edges: Iterable[tuple[int, int, float]]) -> list[tuple[int, int]]:
    """The edges whose two pictures are copies of each other or of a third one."""
    links = Links()
    for pair in pairs:
        links.link(pair.first, pair.second)
    return [(a, b) for a, b, _ in edges if links.are(a, b)]


def _id(member: Member) -> int:
    return member.id


class _Pictures:
    """What the keep policy goes by, of the pictures that have copies."""

    def __init__(self, sketches: Sketches, others: Mapping[int, Picture], request: Request) -> None:
        self._sketches = sketches
        self._request = request
        self._rows: dict[int, Picture] = {}
        self._known: dict[int, Candidate | None] = {}
        self.others = others
        self.fuller: set[int] = set()
        self.failed: list[Failure] = []

    def load(self, ids: Iterable[int]) -> None:
        """Look into these pictures' files, side by side, unless that was done."""
        new = sorted(set(ids) - self._known.keys())
        rows = {row.id: row for row in self._sketches.rows(new)}
        self._rows |= rows
        there = [row for row in rows.values() if not row.missing]
        seen = self._sketches.reading.spread(_looked_into, there)
        looked = {row.id: self._candidate(row, facts) for row, facts in zip(there, seen, strict=True)}
        self._known |= {id_: looked.get(id_) for id_ in new}

    def candidate(self, id_: int) -> Candidate | None:
        """None when the picture has vanished, or is another one now."""
        return self._known[id_]

    def are_one_file(self, pair: Pair) -> bool:
        """Whether the two are one file under two names (links): then none of them takes any room."""
        a, b = (self.candidate(id_) for id_ in (pair.first, pair.second))
        return a is not None and b is not None and files.are_one(a.picture.path, b.picture.path)

    def picture(self, id_: int) -> Picture:
        """The row of a picture that was loaded, without its metadata."""
        return self._rows[id_]

    def _candidate(self, row: Picture, facts: _Facts | Failure | Crashed) -> Candidate | None:
        if not isinstance(facts, _Facts):
            self.failed.append(facts if isinstance(facts, Failure) else crash(row))
            return None
        if facts.fuller:
            self.fuller.add(row.id)
        picture = facts_of(row, self._request.reference)
        return Candidate(picture, facts.exif.taken, facts.exif.camera, row.truncated)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a picture's file says of it: its EXIF data, and whether it holds more than is compared."""

    exif: ExifFacts
    fuller: bool


def _looked_into(reader: Reader, picture: Picture) -> _Facts | Failure:
    try:
        exif = exif_facts(reader.as_indexed(picture))
        return _Facts(exif, picture.format != "JPEG" and reader.decoded(picture, 1).more)
    except PictureError as error:
        return Failure(files.printable(picture.path), error.reason)


def facts_of(picture: Picture, reference: Sequence[str] = ()) -> PictureFacts:
    """What people go by, of a picture; `reference` are absolute paths of reference folders."""
    seconds = picture.file.mtime_ns / 1e9
    return PictureFacts(
        picture.path,
        picture.id,
        picture.width,
        picture.height,
        picture.file.size,
        picture.format,
        f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}",
        picture.content,
        any(is_below(picture.path, folder) for folder in reference),
    )


def copy_of(pair: Pair, picture: PictureFacts, doubt: str | None) -> Copy:
    """A pair as an answer: `picture` is its second one."""
    match = pair.match
    if match is None:
        exact = pair.kind == "exact"
        share = 1.0 if exact else None
        same = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)) if exact else None
        box = (0.0, 0.0, float(picture.width), float(picture.height)) if exact else None
        return Copy(
            picture, pair.kind, pair.probability, pair.similarity, None, same, share, share, box, box, doubt
        )
    return Copy(
        picture,
        pair.kind,
        pair.probability,
        pair.similarity,
        None if pair.kind == "pixels" else match.inliers,
        match.transform,
        round(match.first.overlap, 4),
        round(match.second.overlap, 4),
        match.first.box,
        match.second.box,
        doubt,
    )


def _none(first: int, second: int) -> None:
    """Among new pictures only the candidates are compared."""
