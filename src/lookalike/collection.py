"""The façade people import: a directory that knows pictures and finds what looks alike."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lookalike import (
    exporting,
    files,
    indexing,
    maps,
    models,
    overview,
    removing,
    roots,
    searching,
    spaces,
)
from lookalike.clusters import finding as cluster_finding
from lookalike.clusters.representatives import representatives
from lookalike.clusters.updating import update
from lookalike.duplicates import stored as copies_found
from lookalike.duplicates.checking import CANDIDATES
from lookalike.duplicates.decisions import decide
from lookalike.duplicates.keep import Policy
from lookalike.duplicates.plan import Plan
from lookalike.duplicates.reading import Reading
from lookalike.duplicates.search import Request, Search
from lookalike.embedder import Embedder
from lookalike.errors import NotInCollection, PictureError, UsageError
from lookalike.evaluation import calibrating, consistency, judging, truth
from lookalike.filters import Filter, parse
from lookalike.gallery.base import Gallery, Picture, Space
from lookalike.images import Decoded, Limits, thumbnail_jpeg
from lookalike.metadata import MetadataTable
from lookalike.outliers import doubts
from lookalike.outliers import finding as outlier_finding
from lookalike.outliers import leaks as leaking
from lookalike.parts import Parts
from lookalike.progress import Attempts, Progress, Stages
from lookalike.query import Region
from lookalike.results import (
    ApplyReport,
    Calibration,
    CalibrationReport,
    Clusters,
    CollectionInfo,
    Consistency,
    Copies,
    DoubtfulLabels,
    Duplicates,
    Evaluation,
    Explanation,
    ExportReport,
    Facets,
    Failure,
    FinetuneReport,
    IndexReport,
    Leaks,
    Outliers,
    PictureMap,
    Representatives,
    SearchResult,
    TrainReport,
    UndoReport,
    UnlabelledReport,
    UseReport,
)
from lookalike.results.training import ModelReport
from lookalike.searching import Bounds, Searcher
from lookalike.spaces import Wanted, searched
from lookalike.teaching import adapting, finetuning, retraining, unlabelled
from lookalike.teaching.lessons import Lesson
from lookalike.training.recipe import CopyRecipe, Recipe

if TYPE_CHECKING:
    from lookalike.comparing import Asked
    from lookalike.images import Source

DEFAULT_DIRECTORY = ".lookalike"

Made = TypeVar("Made", bound=ModelReport)


def default_directory() -> Path:
    """Where a collection is looked for when none is named: `LOOKALIKE_COLLECTION`, else
    `.lookalike` in the current directory."""
    return Path(os.environ.get("LOOKALIKE_COLLECTION") or DEFAULT_DIRECTORY)


def default_threads() -> int:
    """Pictures read side by side unless told otherwise: one for each processor we may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Collection:
    """A collection of pictures in a directory.

    Opening costs nothing: files and models are loaded when they are first needed, and the
    directory is made by the first `add`. One collection may be searched from several threads;
    several processes may read while one writes.

    Example:
        >>> shop = Collection.open("shop.lookalike")        # doctest: +SKIP
        >>> shop.add(["photos/"], metadata="prices.csv")    # doctest: +SKIP
        >>> for hit in shop.search("query.jpg", k=3, where="in_stock").results:  # doctest: +SKIP
        ...     print(hit.rank, hit.path, round(hit.similarity, 3))
    """

    def __init__(
        self,
        directory: Path,
        model: str | None,
        output: str | None,
        runtime: str | None,
        limits: Limits | None = None,
    ) -> None:
        self.directory = directory
        self.limits = limits or Limits()
        self._parts = Parts(directory, Wanted(model, output, runtime), self.limits)

    @classmethod
    def open(
        cls,
        directory: str | os.PathLike[str] | None = None,
        *,
        model: str | None = None,
        output: str | None = None,
        runtime: str | None = None,
        limits: Limits | None = None,
    ) -> Collection:
        """The collection in a directory, which need not exist yet.

        Args:
            directory: None means `LOOKALIKE_COLLECTION`, else `.lookalike` here.
            model: name of a model, or path of its ONNX file or card; None means the one the
                collection was made with, or the default one for a new collection.
            output: which of the model's outputs; None means likewise.
            runtime: `onnxruntime` or `openvino`; None means likewise.
            limits: what a picture that is asked about may cost; None for the defaults.
        """
        place = default_directory() if directory is None else Path(directory)
        return cls(place, model, output, runtime, limits)

    # --- its parts ---------------------------------------------------------------------------

    @property
    def gallery(self) -> Gallery:
        """Where the rows and vectors live.

        Raises:
            CollectionNotFound: there is no collection in the directory yet.
        """
        return self._parts.gallery

    @property
    def embedder(self) -> Embedder:
        """The network the collection's vectors are made with.

        Raises:
            CollectionError: the collection has no vectors of the model that was named.
            ModelError: the model is not there, or not the one it was when the vectors were made.
        """
        return self._parts.embedder(self.space)

    @property
    def space(self) -> Space:
        """Whose vectors are searched: those of the model that was named, else of the one that `use` made
        the default, else the oldest ones.

        Raises:
            CollectionError: the collection has no vectors of that model.
        """
        return self._parts.space

    def _chosen(self, where: str | Filter | None) -> Filter | None:
        return None if where is None else self.filter(where)

    # --- adding and removing -----------------------------------------------------------------

    def add(
        self,
        sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        metadata: str | os.PathLike[str] | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        hidden: bool = False,
        threads: int | None = None,
        retry: bool = False,
        limits: Limits | None = None,
        progress: Attempts | None = None,
    ) -> IndexReport:
        """Add pictures, or bring the collection up to date with them.

        Unchanged files are not read again; moved ones are recognised by their bytes; broken
        ones are skipped and listed. Interrupting loses at most the last seconds of work.

        Args:
            sources: folders, files, patterns and lists, as `files.walk` takes them.
            metadata: a CSV, JSON, JSON-lines or Parquet file with a column `path` (or `id`); None keeps
                what is known.
            include: patterns that files in folders must match; empty means all.
            exclude: patterns that they must not match.
            hidden: take hidden files and folders as well.
            threads: pictures read side by side; None means one for each processor.
            retry: read files again that were unusable before and have not changed.
            limits: what one picture may cost; None for the defaults.
            progress: called now and then with files done and failures so far.

        Raises:
            UsageError: a source does not exist, or the metadata file is wrong.
            CollectionBusy: another process is writing.
        """
        workers, named = _threads(threads), _several(sources)
        found = files.walk(named, include=include, exclude=exclude, hidden=hidden)
        folders = [os.path.abspath(source) for source in named if os.path.isdir(source)]
        table = None if metadata is None else MetadataTable.read(Path(metadata), list(map(Path, folders)))
        space, embedder = self._parts.to_add()
        roots.remember(self.gallery, folders)
        report = indexing.index(
            self.gallery,
            space,
            embedder,
            found,
            roots=folders,
            metadata=table,
            threads=workers,
            retry=retry,
            limits=limits,
            progress=progress,
        )
        return replace(report, collection=str(self.directory))

    def remove(
        self,
        pictures: Iterable[int | str | os.PathLike[str]] = (),
        *,
        where: str | Filter | None = None,
        missing: bool = False,
    ) -> list[str]:
        """Take pictures out of the collection. Files are never touched.

        Args:
            pictures: ids, paths, and folders, which need not exist any more.
            where: also those it matches.
            missing: also those whose files have vanished.

        Returns:
            The paths of what was removed, in the order of their ids.

        Raises:
            NotInCollection: for an id or path that is unknown.
        """
        chosen = {row.id: row.path for name in pictures for row in self._rows_of(name)}
        if where is not None:
            chosen |= {p.id: p.path for p in self.gallery.pictures(self.filter(where))}
        if missing:
            chosen |= {p.id: p.path for p in self.gallery.pictures() if p.missing}
        with self.gallery.writing() as writing:
            writing.remove(sorted(chosen))
        return [chosen[number] for number in sorted(chosen)]

    def _rows_of(self, name: int | str | os.PathLike[str]) -> list[Picture]:
        """The picture with this id or path, or those in a folder."""
        if not isinstance(name, (int, np.integer)):
            rows = list(self.gallery.pictures(under=os.path.abspath(name)))
            if rows:
                return rows
        return [self.picture(name)]

    # --- looking up --------------------------------------------------------------------------

    def picture(self, which: int | str | os.PathLike[str]) -> Picture:
        """The row of an indexed picture, by id or path.

        Raises:
            NotInCollection: there is none.
        """
        if isinstance(which, (int, np.integer)):
            return self.gallery.get([int(which)])[0]
        path = os.path.abspath(which)
        picture = self.gallery.at_path(path)
        if picture is None:
            raise NotInCollection(
                f"{files.printable(path)} is not in the collection {self.directory}: index it first"
            )
        return picture

    def filter(self, where: str | Filter) -> Filter:
        """A filter expression, checked against the collection's columns.

        Raises:
            FilterError: it cannot be understood; points at the place.
            UsageError: it asks for clusters, and there are none yet.
        """
        wanted = parse(where, self.gallery.columns()) if isinstance(where, str) else where
        asks = "cluster" in wanted.columns() and "cluster" not in self.gallery.columns()
        if asks and not self.gallery.has_partition():
            raise UsageError("there are no clusters yet: `lookalike cluster` finds them")
        return wanted

    def facets(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | Filter | None = None,
        values: int = 20,
    ) -> Facets:
        """Which values pictures have, and how many have each: what one can choose by.

        Args:
            columns: of the metadata, or built-in ones; None for all of the metadata, and the built-in ones
                that tell pictures apart by more than a number each: format, folder, and the cluster where
                there are clusters.
            where: only pictures it matches.
            values: of each column, how many to list at most, the most frequent ones first.

        Raises:
            UsageError: a column is unknown, or `values` is less than 1.
        """
        return overview.facets(self.gallery, columns, self._chosen(where), values)

    def info(self) -> CollectionInfo:
        """What is in the collection."""
        return overview.info(self.gallery, self.directory)

    def roots(self) -> list[str]:
        """The folders that were indexed, as absolute paths, in that order."""
        return roots.known(self.gallery)

    def failures(self) -> Iterator[Failure]:
        """The files that are remembered as no usable pictures, each with its reason, by path."""
        return (Failure(file.path, reason) for file, reason in self.gallery.failures())

    def thumbnail(self, name: str | bytes, side: int = 320) -> bytes | None:
        """A small JPEG of a picture, for pages.

        Args:
            name: a path, `#ID` for an indexed picture, or the bytes of a picture.
            side: pixels of the longer side.

        Returns:
            None when the picture cannot be read any more.
        """
        try:
            indexed = isinstance(name, str) and re.fullmatch(r"#\d+", name)
            source = self.picture(int(name[1:])).path if indexed else name
            return thumbnail_jpeg(self._parts.decoder.decode(source, min_side=side).rgb, side)
        except (PictureError, NotInCollection, ValueError):
            return None

    def decode(self, picture: Source, min_side: int) -> Decoded:
        """A picture as `search` sees it, within the collection's limits; see `Decoder.decode`.

        Raises:
            PictureError: it is no usable picture.
        """
        return self._parts.decoder.decode(picture, min_side)

    # --- searching ---------------------------------------------------------------------------

    def search(
        self,
        picture: Asked,
        k: int = 10,
        *,
        also: Iterable[Asked] = (),
        against: Iterable[Asked] = (),
        region: Region | str | None = None,
        where: str | Filter | None = None,
        threshold: float | None = None,
        exact: bool = False,
        include_self: bool = False,
    ) -> SearchResult:
        """The pictures that look most like this one.

        Args:
            picture: a path, bytes, a NumPy array, a Pillow image, or the id of an indexed
                picture. A path whose file is indexed and unchanged is not read again.
            k: how many at most.
            also: further pictures the results should look like.
            against: pictures they should not look like.
            region: the part of `picture` that matters, as `X,Y,WIDTH,HEIGHT` in pixels or, when
                all four are at most 1, in shares of the picture.
            where: a filter expression over the metadata; answered exactly.
            threshold: least similarity, in [-1, 1].
            exact: forbid approximation.
            include_self: keep the query pictures themselves among the results. Otherwise a
                picture is left out when it is indexed at the same path or, for one that is
                not, when it has the same bytes.

        Raises:
            PictureError: a picture cannot be used.
            NotInCollection: an id is unknown.
            FilterError, UsageError: an argument is wrong.
        """
        asked = self._request(picture, also, against, region)
        bounds = Bounds(k, self._chosen(where), threshold, exact, include_self)
        return self._searcher().search(asked, bounds)

    def _request(
        self, picture: Asked, also: Iterable[Asked], against: Iterable[Asked], region: Region | str | None
    ) -> searching.Request:
        part = Region.parse(region) if isinstance(region, str) else region
        return searching.Request(picture, tuple(also), tuple(against), part)

    def _searcher(self) -> Searcher:
        space = self.space  # one to the end: `use` may change it meanwhile
        return Searcher(self.gallery, space, partial(self._parts.embedder, space), self._parts.decoder)

    @property
    def calibration(self) -> Calibration | None:
        """The curve that makes chances of similarities; None until `calibrate` has fitted one."""
        return calibrating.kept(self.gallery, self.space)

    def explain(
        self,
        query: Asked,
        picture: Asked,
        *,
        also: Iterable[Asked] = (),
        against: Iterable[Asked] = (),
        region: Region | str | None = None,
    ) -> Explanation:
        """Which parts of the pictures make them as alike as `search` says.

        Args:
            query: a path, bytes, a NumPy array, a Pillow image, or the id of an indexed picture.
            picture: likewise: what was found.
            also: as for `search`.
            against: as for `search`.
            region: the part of `query` that matters, as for `search`.

        Raises:
            PictureError: a picture cannot be used; also when its file is gone or has changed since it was
                indexed: its vector is known, and its places are not.
            NotInCollection: an id is unknown.
            ModelError: the model has no feature map.
            UsageError: an argument is wrong.
        """
        return self._searcher().explain(self._request(query, also, against, region), picture)

    # --- clusters ----------------------------------------------------------------------------

    def clusters(
        self,
        k: int | None = None,
        *,
        level: int | None = None,
        by: str | None = None,
        blend: Mapping[str, float] | None = None,
        where: str | Filter | None = None,
        progress: Stages | None = None,
    ) -> Clusters:
        """How the collection falls into groups. They are kept with it: `cluster == 12` can be asked for.

        Args:
            k: so many clusters, by k-means. None: communities of the neighbour graph, which find the
                number themselves and leave pictures with no dense neighbourhood as noise.
            level: of communities, from 1, coarse, to 5, fine: each cluster lies within one of the
                coarser level. None means 3.
            by: a column; clusters lie within the pictures of one value.
            blend: columns that pull, each with a weight from 0, no pull, to 1, only equal values
                hold together.
            where: only pictures it matches; the others are in no cluster.
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            UsageError: an argument is wrong, or there are no pictures.
        """
        asked = cluster_finding.Request(k, level, by, tuple((blend or {}).items()), self._chosen(where))
        return cluster_finding.find(self.gallery, self.space, asked, progress)

    def kept_clusters(self) -> Clusters | None:
        """The clusters that `clusters` or `update_clusters` kept last; None when there are none.

        Pictures that have come or changed since are in none of them.
        """
        return cluster_finding.kept_before(self.gallery, self.space)

    def update_clusters(self, *, progress: Stages | None = None) -> Clusters:
        """Put pictures that have come or changed since into the clusters there are; the others stay.

        Args:
            progress: as for `clusters`.

        Raises:
            UsageError: there are no clusters yet.
        """
        return update(self.gallery, self.space, progress)

    def representatives(
        self, count: int, *, where: str | Filter | None = None, progress: Stages | None = None
    ) -> Representatives:
        """Pictures that cover the collection: every picture is near one of them.

        Args:
            count: how many at most.
            where: only among pictures it matches.
            progress: as for `clusters`.

        Raises:
            UsageError: count is less than 1 or more than there are pictures.
        """
        wanted = self._chosen(where)
        return representatives(self.gallery, self.space, count, wanted, progress)

    # --- what does not belong ----------------------------------------------------------------

    def outliers(
        self,
        *,
        where: str | Filter | None = None,
        threshold: float = 0.5,
        threads: int | None = None,
        progress: Stages | None = None,
    ) -> Outliers:
        """The pictures that stand out: far from all others, nearly blank, dark, blurred, tiny …

        Pixels are looked at once: what was measured is kept with the collection.

        Args:
            where: only pictures it matches are looked at, and compared among themselves.
            threshold: the least score, in [0, 1]; one half is what stands out.
            threads: pictures read side by side; None means one for each processor.
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            UsageError: an argument is wrong, or there are no pictures.
        """
        with Reading(_threads(threads)) as reading:
            return outlier_finding.find(
                self.gallery,
                self.space,
                reading,
                where=self._chosen(where),
                threshold=threshold,
                progress=progress,
            )

    def doubtful_labels(
        self,
        column: str,
        *,
        where: str | Filter | None = None,
        threshold: float = doubts.THRESHOLD,
        progress: Stages | None = None,
    ) -> DoubtfulLabels:
        """The pictures whose neighbours disagree with their label, and the label these suggest.

        Args:
            column: of the metadata, with the labels.
            where: only pictures it matches are looked at, and compared among themselves.
            threshold: the least score, in [0, 1]; one half is undecided.
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            UsageError: an argument is wrong, the labels cannot be told apart, or there are no pictures.
        """
        chosen = self._chosen(where)
        return doubts.find(
            self.gallery, self.space, column, where=chosen, threshold=threshold, progress=progress
        )

    def leaks(
        self,
        column: str,
        *,
        where: str | Filter | None = None,
        precision: float = leaking.PRECISION,
        threads: int | None = None,
        progress: Stages | None = None,
    ) -> Leaks:
        """The pictures that splits share: copies of training pictures among those for testing.

        Args:
            column: of the metadata: which split a picture is in.
            where: only pictures it matches are looked at.
            precision: least probability that a pair are copies, in (0, 1].
            threads: pictures compared side by side; None means one for each processor.
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            UsageError: an argument is wrong, the column has no splits, or there are no pictures.
        """
        with Reading(_threads(threads)) as reading:
            return leaking.find(
                self.gallery,
                self.space,
                reading,
                column,
                where=self._chosen(where),
                precision=precision,
                progress=progress,
            )

    # --- duplicates --------------------------------------------------------------------------

    def duplicates(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
        *,
        precision: float = 0.99,
        keep: str | Policy | None = None,
        reference: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
        bursts: bool = False,
        threads: int | None = None,
        progress: Stages | None = None,
    ) -> Duplicates:
        """The copies in the collection, or those of its pictures among new ones. No picture is changed.

        What is found in the collection is kept with it: `found_duplicates` tells it again. Where it cannot be
        kept, because somebody else writes for seconds on end or nothing can be written, a warning says so.

        Args:
            paths: None looks within the collection. Otherwise files and folders, as for `add`: which
                of these pictures are copies of one in the collection? Each group then is a picture
                of the collection and its copies among them; `new` are those without any.
            precision: the least probability of a pair, in (0, 1].
            keep: rules that choose the picture to keep, as `duplicates.keep.Policy` has them, e.g.
                `"pixels,oldest"`; None for the default ones.
            reference: folders whose pictures are never proposed for removal.
            bursts: also show photos taken within seconds of each other that look alike, as kind
                `burst`; their removal is not proposed.
            threads: pictures compared side by side; None means one for each processor.
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            UsageError: an argument is wrong.
        """
        policy = keep if isinstance(keep, Policy) else Policy.parse(keep) if keep else Policy()
        asked = Request(precision, policy, tuple(map(os.path.abspath, _several(reference))), bursts)
        with Reading(_threads(threads)) as reading:
            search = Search(self.gallery, self.space, reading, asked, progress)
            if paths is not None:
                return search.among(self.embedder, files.walk(_several(paths)))
            found = search.within()
        copies_found.try_to_keep(self.gallery, found)
        return found

    def found_duplicates(self) -> copies_found.Stored | None:
        """The copies that the last `duplicates` found in the collection, and when.

        Pictures that have gone or changed since, and pairs that were decided to be `distinct`, are left out.
        None when copies were never looked for.
        """
        return copies_found.kept(self.gallery)

    def copies(self, picture: Asked, *, precision: float = 0.99, candidates: int = CANDIDATES) -> Copies:
        """Which pictures of the collection one picture is a copy of, or that are copies of it.

        Only those with the same bytes and the nearest ones are looked at, which takes a second or less;
        `duplicates` finds more, and takes longer.

        Args:
            picture: a path, bytes, or the id of an indexed picture, which is no copy of itself.
            precision: the least probability, in (0, 1].
            candidates: how many of the nearest are compared, at least 1.

        Raises:
            PictureError: it is no usable picture.
            NotInCollection: an id is unknown.
            UsageError: an argument is wrong.
        """
        return self._searcher().copies(picture, precision, candidates)

    def plan(
        self,
        found: Duplicates,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
    ) -> Plan:
        """The plan that removes the copies that nothing speaks against.

        Args:
            found: what `duplicates` gave.
            paths: the ones `duplicates` was given; None likewise. Nothing outside of them, or of
                the folders that were indexed, is ever touched by the plan.
        """
        return removing.planned(
            self.gallery, self.directory, found, None if paths is None else _several(paths)
        )

    def apply(
        self,
        planned: Plan,
        *,
        to: str | os.PathLike[str] = "trash",
        merge_metadata: bool = False,
        progress: Attempts | None = None,
    ) -> ApplyReport:
        """Remove what a plan says, as far as it is safe, so that `undo` can bring it back.

        Args:
            planned: a plan, of `plan` or of `lookalike.duplicates.plan.read`.
            to: `trash`, `hardlink`, or the path of a quarantine folder.
            merge_metadata: what is known about a removed picture goes to the one kept, where
                that says nothing about it.
            progress: called now and then with pictures done and skipped.

        Raises:
            UsageError: `to` cannot be used.
            CollectionError: no journal can be written, or another process is writing; nothing was done.
        """
        return removing.apply(
            self.gallery,
            self.directory,
            planned,
            to=to,
            merge_metadata=merge_metadata,
            decoder=self._parts.decoder,
            progress=progress,
        )

    def rehearse(self, planned: Plan, *, to: str | os.PathLike[str] = "trash") -> ApplyReport:
        """What `apply` would do, with the same checks; nothing is changed."""
        return removing.rehearse(planned, to=to, decoder=self._parts.decoder)

    def undo(self, journal: str | os.PathLike[str]) -> UndoReport:
        """Bring back what `apply` removed, also after a crash, and the metadata as they were.

        Args:
            journal: the file that `apply` named.

        Raises:
            UsageError: there is no such journal.
        """
        return removing.undo(self.gallery, journal)

    def distinct(self, pictures: Sequence[int | str | os.PathLike[str]], *, forget: bool = False) -> int:
        """Remember that none of these pictures is a duplicate of another one of them.

        The decision goes by the pictures' bytes: it holds when they are moved, and indexed again. Between
        files with the same bytes it goes by their paths as well, and ends when one is moved.

        Args:
            pictures: ids or paths of at least two.
            forget: forget the decision instead.

        Returns:
            How many pairs that are.

        Raises:
            NotInCollection: one is unknown.
            UsageError: fewer than two.
        """
        return decide(self.gallery, list(map(self.picture, pictures)), distinct=not forget)

    # --- evaluation --------------------------------------------------------------------------

    def evaluate(
        self,
        label: str | None = None,
        *,
        pairs: str | os.PathLike[str] | None = None,
        queries: str | Filter | None = None,
        gallery: str | Filter | None = None,
        worst: int = judging.WORST,
        beside: Sequence[Space] = (),
        progress: Progress | None = None,
    ) -> Evaluation:
        """How well the collection's model finds what belongs together, on the collection's pictures.

        Args:
            label: a column whose values say what belongs together.
            pairs: instead, a table of pictures that belong together; see `evaluation.truth.read_pairs`.
            queries: a filter expression for the pictures that are searched for; None means all.
            gallery: a filter expression for the pictures that are searched; None means all.
            worst: how many of the worst queries are told.
            beside: the `space` of each model or output with whose figures these are compared: only pictures
                that have a vector of each count.
            progress: called with queries done, and of how many.

        Raises:
            UsageError: not exactly one of label and pairs, an unknown column, or nothing to find.
        """
        truth.check_one(label, pairs, "evaluate")
        asked = judging.Asked(
            label, self._pairs(pairs), self._chosen(queries), self._chosen(gallery), worst, tuple(beside)
        )
        return judging.judge(self.gallery, self.space, asked, progress)

    def consistency(self, progress: Progress | None = None) -> Consistency:
        """How much similarities move when a picture is saved again, resized or mirrored, and whether they are
        the same on every run; on some of the collection's pictures.

        Args:
            progress: called with pictures done, and of how many.

        Raises:
            UsageError: no picture can be read any more.
        """
        return consistency.consistency(self.gallery, self.space, self.embedder, progress)

    def calibrate(
        self,
        label: str | None = None,
        *,
        pairs: str | os.PathLike[str] | None = None,
        where: str | Filter | None = None,
        precision: float | None = None,
        recall: float | None = None,
        progress: Progress | None = None,
    ) -> CalibrationReport:
        """Learn how likely a similarity means the same thing; `search` then says it of each hit.

        Args:
            label: a column whose values say what belongs together.
            pairs: instead, a table of pictures that belong together; see `evaluation.truth.read_pairs`.
                Without either, pictures are edited: the same thing is then the same picture.
            where: a filter expression for the pictures that are searched for, or edited; None means all.
            precision: tell the threshold for this precision, in (0, 1]; None tells several.
            recall: also tell the threshold for this recall, in (0, 1].
            progress: called with pictures edited, and of how many.

        Raises:
            UsageError: both label and pairs, an unknown column, or too little to calibrate from.
            CollectionBusy: another process is writing.
        """
        if label is not None and pairs is not None:
            raise UsageError("calibrate takes a label or pairs, not both")
        if label is None and pairs is None:
            hits = calibrating.from_edits(
                self.gallery, self.space, self.embedder, self._chosen(where), progress
            )
            source = "edited pictures"
        else:
            asked = judging.Asked(label, self._pairs(pairs), self._chosen(where), options="--where takes")
            hits = calibrating.from_truth(self.gallery, self.space, asked)
            source = asked.source
        return calibrating.calibrate(
            self.gallery, self.space, hits, source, precision=precision, recall=recall
        )

    def _pairs(self, file: str | os.PathLike[str] | None) -> truth.PairList | None:
        return None if file is None else truth.read_pairs(Path(file), self.gallery, self.roots())

    # --- the map -----------------------------------------------------------------------------

    def map(
        self,
        file: str | os.PathLike[str] | None = None,
        *,
        colour: str | None = None,
        where: str | Filter | None = None,
        title: str | None = None,
        size: float = 30.0,
        fresh: bool = False,
        threads: int | None = None,
        progress: Stages | None = None,
    ) -> PictureMap:
        """Lay all pictures out in the plane, near to each other what looks alike, and draw them.

        The layout is kept; pictures that come later are placed into it, and the others stay where they
        are.

        Args:
            file: a page (`.html`) or a figure (`.png`, `.svg`); None draws nothing.
            colour: a metadata column, `cluster` or `folder` to colour by; None for what says most.
            where: show only the pictures it matches; all are laid out.
            title: heading; None for the collection's name.
            size: about how large a page may become, in megabytes: thumbnails are as large as that allows.
            fresh: lay everything out anew.
            threads: pictures read side by side; None means one for each processor.
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            UsageError, FilterError: an argument is wrong, or there is no picture to draw.
            LookalikeError: the file cannot be written.
        """
        name = title or _title(self.directory.resolve())
        workers = _threads(threads)
        drawing = None if file is None else maps.Drawing(Path(file), name, colour, size, workers)
        return maps.laid_out(
            self.gallery,
            self.space,
            where=self._chosen(where),
            fresh=fresh,
            drawing=drawing,
            progress=progress,
        )

    def stored_map(self) -> dict[str, Any] | None:
        """The map that was laid out last, as the page of `map` reads it: see `reports.map_data.as_plain`.

        Pictures that came later are not in it. None when nothing was laid out.
        """
        return maps.stored_map(self.gallery, self.space)

    # --- taking vectors elsewhere ------------------------------------------------------------

    def export(self, file: str | os.PathLike[str], *, where: str | Filter | None = None) -> ExportReport:
        """Write vectors and metadata to a file: `.npz` for NumPy, `.parquet` for everything else.

        Args:
            file: where to; nothing is overwritten.
            where: a filter expression for the pictures; None means all.

        Raises:
            UsageError: another ending, or the file exists.
            MissingExtra: for Parquet without the extra `parquet`.
        """
        chosen = self._chosen(where)
        return exporting.export(self.gallery, self.space, Path(file), chosen)

    # --- training ----------------------------------------------------------------------------

    def train(
        self,
        name: str,
        label: str | None = None,
        *,
        pairs: str | os.PathLike[str] | None = None,
        where: str | Filter | None = None,
        output: str | None = None,
        threads: int | None = None,
        progress: Stages | None = None,
    ) -> TrainReport:
        """Make a model that has learned from the collection what belongs together.

        It is the present model with an adapter, a linear map of its vectors. A part of the pictures is held
        out to see whether it is better; if so, and if no picture drops out of the search by that, the
        collection uses it from now on.

        Args:
            name: what the new model is called.
            label: a column whose values say what belongs together.
            pairs: instead, a table of pictures that belong together; see `evaluation.truth.read_pairs`.
            where: a filter expression for the pictures it learns from; None means all.
            output: the base's output that is mapped; None means the longest. Pictures are read
                when the collection lacks its vectors.
            threads: pictures read side by side then; None means one for each processor.
            progress: called with what is being done, how much is done, and of how much.

        Raises:
            UsageError: not exactly one of label and pairs, an unknown column, too little to learn from, or
                pairs that contradict each other.
            ModelError: the name is taken or cannot be used.
            CollectionBusy: another process is writing.
        """
        lesson = self._lesson(name, label, pairs, where, output, threads)
        return self._adopted(adapting.teach(self.gallery, self.space, lesson, progress))

    def _lesson(
        self,
        name: str,
        label: str | None,
        pairs: str | os.PathLike[str] | None,
        where: str | Filter | None,
        output: str | None,
        threads: int | None,
    ) -> Lesson:
        truth.check_one(label, pairs, "train")
        chosen = self._chosen(where)
        return Lesson(name, label, self._pairs(pairs), chosen, output=output, threads=_threads(threads))

    def finetune(
        self,
        name: str,
        label: str | None = None,
        *,
        pairs: str | os.PathLike[str] | None = None,
        where: str | Filter | None = None,
        teacher: str | None = None,
        output: str | None = None,
        recipe: Recipe | None = None,
        threads: int | None = None,
        progress: Stages | None = None,
        told: retraining.Told | None = None,
    ) -> FinetuneReport:
        """Make a model by training the present one's network on with the collection's pictures.

        Needs the extra `train`. Where training stands is kept after each epoch: the same call goes on
        from there after an interruption. If the new model is better, and no picture drops out of the search
        by that, the collection uses it from now on.

        Args:
            name: what the new model is called.
            label: a column whose values say what belongs together.
            pairs: instead, a table of pictures that belong together; see `evaluation.truth.read_pairs`.
            where: a filter expression for the pictures it learns from; None means all.
            teacher: a model that the collection has vectors of, and another one than is trained: learn from
                pictures of which nothing is known, too, where it is clear by these vectors what they are (see
                `training.guessing`), and compare the new model with this one. None for no guesses.
            output: the output that is trained; None means the one that is searched now.
            recipe: how to train; None means `training.recipe.Recipe()`.
            threads: pictures read side by side for the new vectors; None means one for each processor.
            progress: called with what is being done, how much is done, and of how much.
            told: called where training begins or goes on, with a loss of nan, and after each epoch, with how
                it stands and the number of epochs.

        Raises:
            MissingExtra: PyTorch is not installed.
            UsageError: not exactly one of label and pairs, an unknown column, too little to learn from, or
                pairs that contradict each other.
            ModelError: the name is taken or cannot be used, or the network cannot be trained.
            LookalikeError: there is too little memory.
            CollectionBusy: another process is writing.
        """
        lesson = self._lesson(name, label, pairs, where, output, threads)
        if teacher is not None:
            lesson = replace(lesson, teacher=searched(self.gallery, Wanted(teacher), self.directory))
        chosen = recipe or Recipe()
        with retraining.memory_explained(name, chosen):
            report = finetuning.finetune(self.gallery, self.space, lesson, chosen, progress, told)
            return self._adopted(report)

    def train_unlabelled(
        self,
        name: str,
        *,
        where: str | Filter | None = None,
        output: str | None = None,
        recipe: CopyRecipe | None = None,
        threads: int | None = None,
        progress: Stages | None = None,
        told: retraining.Told | None = None,
    ) -> UnlabelledReport:
        """Make a model that finds copies better, by training the present one's network on with the
        collection's pictures and edits of them; nothing need be known about them.

        Needs the extra `train`. Where training stands is kept after each epoch: the same call goes on
        from there after an interruption. If the new model is better, and no picture drops out of the search
        by that, the collection uses it from now on.

        Args:
            name: what the new model is called.
            where: a filter expression for the pictures it learns from; None means all.
            output: the output that is trained; None means the one that is searched now.
            recipe: how to train; None means `training.recipe.CopyRecipe()`.
            threads: pictures read side by side for the new vectors; None means one for each processor.
            progress: called with what is being done, how much is done, and of how much.
            told: called where training begins or goes on, with a loss of nan, and after each epoch, with how
                it stands and the number of epochs.

        Raises:
            MissingExtra: PyTorch is not installed.
            UsageError: there are too few pictures.
            ModelError: the name is taken or cannot be used, or the network cannot be trained.
            LookalikeError: there is too little memory.
            CollectionBusy: another process is writing.
        """
        lesson = Lesson(name, where=self._chosen(where), output=output, threads=_threads(threads))
        chosen = recipe or CopyRecipe()
        with retraining.memory_explained(name, chosen):
            report = unlabelled.train_unlabelled(self.gallery, self.space, lesson, chosen, progress, told)
            return self._adopted(report)

    def _adopted(self, report: Made) -> Made:
        """The report of a model that was made, which is searched with from now on if it is better than what
        was searched with, and no picture drops out of the search by that."""
        output, _ = models.find(report.model).output(None)
        made = Wanted(report.model, output, self.space.runtime)
        before, now = (spaces.searched(self.gallery, one, self.directory) for one in (Wanted(), made))
        lost = spaces.lost(self.gallery, before, now)
        default = report.better and not lost and report.compared == f"{before.model}, {before.output}"
        if default:
            self.use(report.model, output, now.runtime)
        return replace(report, default=default, without_vector=lost)

    def use(self, model: str, output: str | None = None, runtime: str | None = None) -> UseReport:
        """Search with this model from now on, unless another one is named. The vectors that it lacks are
        mapped or made first; then all readers change over at once. Pictures that cannot be read, nor mapped,
        are not found with it, and counted.

        Raises:
            ModelError: there is no such model.
            CollectionBusy: another process is writing.
        """
        space = self._parts.use(Wanted(model, output, runtime), default_threads())
        without = sum(1 for _ in self.gallery.without_vector(space))
        return UseReport(space.model, space.output, space.runtime, without)

    # --- the end -----------------------------------------------------------------------------

    def close(self) -> None:
        """Give back files, memory and helper processes. Closing twice is harmless."""
        self._parts.close()

    def __enter__(self) -> Collection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _threads(threads: int | None) -> int:
    if threads is not None and threads < 1:
        raise UsageError(f"threads must be at least 1, got {threads}")
    return threads or default_threads()


def _several(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
) -> list[str | os.PathLike[str]]:
    return [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)


def _title(directory: Path) -> str:
    """What to call a collection: its directory's name, or that of the folder it lies hidden in."""
    hidden = directory.name.startswith(".")
    return (directory.parent.name if hidden else directory.stem) or "Pictures"
