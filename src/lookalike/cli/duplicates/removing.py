"""`lookalike duplicates apply` and `undo`: take copies from their places, and bring them back."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lookalike.cli.options import json_option, open_collection
from lookalike.cli.terminal import FAILURES_SHOWN, echo_json, many, progress_bar, short_path, visible
from lookalike.errors import UsageError

if TYPE_CHECKING:
    from lookalike.results import ApplyReport, Failure

JOURNALS_SHOWN = 3

own_collection_option = click.option(
    "-c", "--collection", metavar="DIR", help="Another collection than the one the plan was made with."
)


@click.command(short_help="Remove what a plan says, each file checked right before.")
@click.argument("plan", metavar="PLAN")
@click.option(
    "--to",
    default="trash",
    show_default=True,
    metavar="trash|hardlink|DIR",
    help="The system's trash; hard links to the picture kept (same bytes only); or a folder.",
)
@click.option("--dry-run", is_flag=True, help="Make all checks, say what would be done, and change nothing.")
@click.option(
    "--merge-metadata", is_flag=True, help="Give the picture kept what only its copies' metadata say."
)
@own_collection_option
@json_option
def apply(
    plan: str, to: str, dry_run: bool, merge_metadata: bool, collection: str | None, as_json: bool
) -> None:
    """Remove the copies that PLAN says, as far as that is safe.

    PLAN is a file that `lookalike duplicates --plan` wrote, or one saved from the review page. Each
    file is checked right before: it and the picture kept are there and have the bytes they had,
    and the one kept can be decoded. The last copy never goes. What is done is written to a journal
    first; `lookalike duplicates undo JOURNAL` brings everything back.
    """
    from lookalike.duplicates.journal import FOLDER
    from lookalike.duplicates.plan import read

    todo = read(plan)
    with open_collection(collection or todo.collection) as pictures:
        journals = pictures.directory / FOLDER
        if dry_run:
            report = pictures.rehearse(todo, to=to)
        else:
            with _naming_journals(journals), progress_bar(todo.removals, "skipped") as progress:
                report = pictures.apply(todo, to=to, merge_metadata=merge_metadata, progress=progress)
    if as_json:
        echo_json(report)
    else:
        _show(report)
        _show_earlier(report, journals)
    if report.skipped and not report.applied:
        raise click.exceptions.Exit(1)


@contextmanager
def _naming_journals(folder: Path) -> Iterator[None]:
    """Say where the journal is when the work is interrupted, since no report will."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"The journal of what was removed is the newest one in {folder}", err=True)
        raise


def _show(report: ApplyReport) -> None:
    for applied in report.applied:
        click.echo(f"{short_path(applied.path)} → {short_path(applied.to)}")
    _echo_skipped(report.skipped, "skipped")
    if not report.applied:
        click.echo("Nothing was removed." if report.skipped else "The plan removes nothing.")
        return
    files = many(len(report.applied), "file")
    if report.dry_run:
        click.echo(f"{files} would be removed. Nothing was changed.")
        return
    click.echo(f"{files} removed.")
    if report.journal is not None:
        click.echo(f"To bring everything back:\n{_undoing(report.journal)}")


def _show_earlier(report: ApplyReport, folder: Path) -> None:
    """That some of what was skipped had been removed before, and how to bring it back."""
    from lookalike.duplicates.journal import those_in, took

    if not report.skipped:
        return
    skipped = {failure.path for failure in report.skipped}
    taken = {path: took(path, skipped) for path in those_in(folder) if path != report.journal}
    journals = [path for path, files in taken.items() if files]
    if journals:
        files = set(chain.from_iterable(taken.values()))
        were = "was" if len(files) == 1 else "were"
        click.echo(f"{many(len(files), 'file')} {were} removed before. To bring back what went then:")
        click.echo("\n".join(map(_undoing, journals)))


def _undoing(journal: str) -> str:
    """The command that undoes a journal, on a line of its own."""
    return f"  lookalike duplicates undo {shlex.quote(short_path(journal))}"


@click.command(short_help="Bring back what was removed.")
@click.argument("journal", metavar="JOURNAL")
@own_collection_option
@json_option
def undo(journal: str, collection: str | None, as_json: bool) -> None:
    """Bring back what `apply` removed, as its JOURNAL says.

    It works after a crash as well, and may be given again: what is back is left alone. What has come to
    the place of a removed picture meanwhile is never overwritten.
    """
    from lookalike.duplicates.journal import read

    if not os.path.lexists(journal):
        raise _none_such(journal, collection)
    known = read(journal).facts.get("collection")
    with open_collection(collection or known) as pictures:
        report = pictures.undo(journal)
    if as_json:
        echo_json(report)
    else:
        for path in report.restored:
            click.echo(short_path(path))
        _echo_skipped(report.skipped, "could not be brought back")
        back = f"{many(len(report.restored), 'file')} back in place."
        nothing = not report.restored and not report.skipped
        click.echo("Nothing is left to bring back." if nothing else back)
    if report.skipped and not report.restored:
        raise click.exceptions.Exit(1)


def _none_such(journal: str, collection: str | None) -> UsageError:
    """That there is no such journal, with the newest of those that the collection has."""
    from lookalike.duplicates.journal import FOLDER, those_in

    with open_collection(collection) as pictures:
        folder = pictures.directory / FOLDER
    names = ", ".join(os.path.basename(path) for path in those_in(folder)[:JOURNALS_SHOWN])
    shown = short_path(str(folder))
    there = f"; the newest in {shown}: {names}" if names else f", and {shown} has none"
    return UsageError(f"{visible(journal)}: there is no such journal{there}")


def _echo_skipped(skipped: Sequence[Failure], what: str) -> None:
    """On standard error, with a few examples of each reason: a plan may hold thousands of copies that cannot
    become hard links, and among them the one file that somebody has to look after."""
    if skipped:
        click.echo(f"{many(len(skipped), 'file')} {what}:", err=True)
    reasons = Counter(failure.reason for failure in skipped)
    shown: Counter[str] = Counter()
    for failure in skipped:
        shown[failure.reason] += 1
        if shown[failure.reason] <= FAILURES_SHOWN:
            click.echo(f"  {short_path(failure.path)}: {visible(failure.reason)}", err=True)
    for reason, number in reasons.items():
        if number > FAILURES_SHOWN:
            more = f"{number - FAILURES_SHOWN:,} more: {visible(reason)}"
            click.echo(f"  … and {more} (--json lists all)", err=True)
