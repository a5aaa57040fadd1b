"""Applying a plan: taking pictures from their places, each one checked right before, and written down
in a journal by which `undoing.undo` brings them back."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from lookalike.duplicates import restoring, sidecars
from lookalike.duplicates.guard import CheckDecodable, Guard, place
from lookalike.duplicates.journal import Journal, Step
from lookalike.duplicates.moving import Seen, reason_of, try_to_look
from lookalike.duplicates.plan import Plan, PlanCopy, PlanFile, PlanGroup
from lookalike.duplicates.ways import To, Way, way
from lookalike.errors import CollectionError, PictureError
from lookalike.files import printable
from lookalike.progress import Attempts
from lookalike.results import Applied, ApplyReport, Failure


def apply(
    plan: Plan,
    *,
    to: To,
    journal_folder: str | os.PathLike[str],
    check_decodable: CheckDecodable,
    progress: Attempts | None = None,
) -> ApplyReport:
    """Remove what a plan says, as far as that is safe.

    Args:
        plan: what to remove, and what is kept.
        to: `trash`, `hardlink` (only copies with the same bytes; sidecars stay), or a `Path`, the
            quarantine folder, which is made if need be.
        journal_folder: where the journal is written, if anything is to be done.
        check_decodable: takes the bytes of a picture that is kept; raises PictureError when they
            cannot be decoded.
        progress: called after each picture.

    Returns:
        What was removed and what was not. When the journal cannot be written any more, the run stops
        and the rest is listed as skipped.

    Raises:
        UsageError: `to` cannot be used.
        CollectionError: no journal can be begun; nothing has been done.
    """
    with _Taking(way(to, plan.roots), plan, os.fspath(journal_folder), check_decodable) as taking:
        return taking.report(progress)


def rehearse(
    plan: Plan, *, to: To, check_decodable: CheckDecodable, progress: Attempts | None = None
) -> ApplyReport:
    """What `apply` would do now, as far as can be told without doing anything: the same checks are
    made of the same files. Arguments and errors as for `apply`; `dry_run` is true in the report."""
    report = _Run(way(to, plan.roots), plan, check_decodable).report(progress)
    return replace(report, dry_run=True)


class _Run:
    """One way through a plan. By itself it looks and changes nothing."""

    def __init__(self, chosen: Way, plan: Plan, check_decodable: CheckDecodable) -> None:
        self._way = chosen
        self._plan = plan
        self._guard = Guard(plan, check_decodable)
        self._gone: set[str] = set()
        self._applied: list[Applied] = []
        self._skipped: list[Failure] = []

    def report(self, progress: Attempts | None) -> ApplyReport:
        """Go through all of the plan."""
        removals = [(group, copy) for group in self._plan.groups for copy in group.copies if copy.remove]
        for done, (group, copy) in enumerate(removals, start=1):
            self._try(copy.path, partial(self._remove, group, copy))
            if progress:
                progress(done, len(self._skipped))
        return ApplyReport(tuple(self._applied), tuple(self._skipped), self._journal_path())

    def _try(self, path: str, step: Callable[[], None]) -> None:
        """Take a step; what is refused or fails is listed."""
        try:
            step()
        except (OSError, PictureError) as error:
            self._skipped.append(Failure(path, reason_of(error)))

    def _remove(self, group: PlanGroup, copy: PlanCopy) -> None:
        """One picture with its sidecars."""
        if place(copy.path) in self._gone:
            raise PictureError("is listed twice in the plan")
        if refusal := self._way.refusal(group, copy):
            raise PictureError(refusal)
        kept = self._guard.keeper(group.keep)
        seen = self._guard.copy(copy, kept)
        companions = sidecars.of(copy.path, self._gone) if self._way.takes_sidecars else []
        self._take(copy.path, seen, group, kept)
        for path in companions:
            self._try(path, partial(self._remove_sidecar, path, group, kept))

    def _remove_sidecar(self, path: str, group: PlanGroup, kept: Seen) -> None:
        self._take(path, self._guard.sidecar(path), group, kept)

    def _take(self, path: str, seen: Seen, group: PlanGroup, kept: Seen) -> None:
        to = self._taken(path, seen, group, kept)
        self._gone.add(place(path))
        self._applied.append(Applied(path, to or "trash"))

    def _taken(self, path: str, seen: Seen, group: PlanGroup, kept: Seen) -> str | None:
        """Where the file is now; here, where it would be."""
        return self._way.target(path, group)

    def _journal_path(self) -> str | None:
        return None


class _Taking(_Run):
    """A run that takes the files from their places."""

    def __init__(self, chosen: Way, plan: Plan, journal_folder: str, check_decodable: CheckDecodable) -> None:
        super().__init__(chosen, plan, check_decodable)
        self._folder = journal_folder
        self._journal: Journal | None = None
        self._stopped: str | None = None

    def __enter__(self) -> _Taking:
        return self

    def __exit__(self, *_: object) -> None:
        if self._journal:
            self._journal.close()

    def _journal_path(self) -> str | None:
        return self._journal.path if self._journal else None

    def _try(self, path: str, step: Callable[[], None]) -> None:
        """Likewise; without a journal nothing more is tried."""
        if self._stopped:
            self._skipped.append(Failure(path, f"not tried: {self._stopped}"))
            return
        try:
            super()._try(path, step)
        except CollectionError as error:
            if self._journal is None:
                raise
            self._stopped = str(error)
            self._skipped.append(Failure(path, f"not tried: {self._stopped}"))

    def _taken(self, path: str, seen: Seen, group: PlanGroup, kept: Seen) -> str | None:
        step = self._begun(path, seen, self._way.target(path, group))
        try:
            to = self._way.take(step)
        except (OSError, PictureError) as error:
            raise self._given_up(step, reason_of(error)) from error
        if step.kind != "hardlink" and to is not None:
            self._verify(replace(step, to=to, done=True), group.keep, kept)
        self._tell(lambda journal: journal.done(step.number, to=to))
        return to

    def _begun(self, path: str, seen: Seen, target: str | None) -> Step:
        """Write the step down, in a journal that the first one begins."""
        if self._journal is None:
            facts = {"to": self._way.kind, "collection": self._plan.collection, "roots": self._plan.roots}
            self._journal = Journal.create(self._folder, facts)
        return self._journal.step(
            kind=self._way.kind,
            path=path,
            sha256=seen.sha256,
            bytes=seen.bytes,
            mtime_ns=seen.mtime_ns,
            mode=seen.mode,
            inode=seen.inode,
            aside=os.path.join(os.path.dirname(path), f".lookalike-{secrets.token_hex(8)}"),
            to=target,
        )

    def _verify(self, step: Step, keep: PlanFile, kept: Seen) -> None:
        """Look once more, now that nobody else has a hand on the file; put it back if need be."""
        landed = try_to_look(step.to)
        if landed is None or landed.sha256 != step.sha256:
            if landed:
                step = replace(step, sha256=landed.sha256, mtime_ns=landed.mtime_ns, mode=landed.mode)
            raise self._given_up(step, "has changed since the plan was made")
        if not self._guard.still_there(keep, kept):
            raise self._given_up(step, f"the picture to keep changed meanwhile: {printable(keep.path)}")

    def _given_up(self, step: Step, reason: str) -> PictureError:
        """Bring the file back to its place, whatever had been done; gives the error to raise."""
        try:
            restoring.bring_back(step)
        except (OSError, PictureError) as error:
            facts = {"to": step.to, "sha256": step.sha256, "mtime_ns": step.mtime_ns, "mode": step.mode}
            if step.done:
                self._tell(lambda journal: journal.done(step.number, **facts))
            return PictureError(f"{reason}; putting it back failed ({reason_of(error)}): undo the journal")
        self._tell(lambda journal: journal.failed(step.number, reason))
        return PictureError(reason)

    def _tell(self, line: Callable[[Journal], None]) -> None:
        """Write down how a step ended. It has ended whether or not that can be written: if not, the run
        stops, and `undo` finds out by itself."""
        assert self._journal is not None
        try:
            line(self._journal)
        except CollectionError as error:
            self._stopped = str(error)
