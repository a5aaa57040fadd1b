"""`lookalike duplicates [PATH…]`: find copies, and write the plan and the page on request."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from lookalike.cli.duplicates.deciding import distinct
from lookalike.cli.duplicates.removing import apply, undo
from lookalike.cli.options import (
    collection_option,
    json_option,
    model_options,
    open_collection,
    threads_option,
)
from lookalike.cli.outputs import check_outputs, previews
from lookalike.cli.subcommands import WithSubcommands
from lookalike.cli.terminal import echo_json, stage_bar, told_warnings

if TYPE_CHECKING:
    from lookalike.collection import Collection
    from lookalike.duplicates.plan import Plan
    from lookalike.results import Duplicates

NONE_KNOWN = 3
"""Exit code when none of the pictures that were checked is in the collection, nor a copy of one in it."""


@click.command(
    cls=WithSubcommands,
    subcommands=[apply, undo, distinct],
    short_help="Find copies, and remove them safely.",
)
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.99,
    show_default=True,
    metavar="P",
    help="Least probability that a pair are copies.",
)
@click.option(
    "--keep",
    metavar="RULES",
    help="Which copy to keep, e.g. 'folder:best,newest'."
    "  [default: pixels,original,exif,oldest,quality,shortest]",
)
@click.option(
    "--reference",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Pictures in this folder are never proposed for removal; may be repeated.",
)
@click.option(
    "--bursts",
    is_flag=True,
    help="Also group photos taken within seconds, by their EXIF times; none is proposed.",
)
@click.option("--plan", metavar="FILE", help="Write down what to remove; `apply` takes this file.")
@click.option("--html", metavar="FILE", help="Write a page to look at the copies and choose.")
@threads_option("Pictures compared at once")
@model_options
@collection_option
@json_option
def duplicates(
    paths: tuple[str, ...],
    precision: float,
    keep: str | None,
    reference: tuple[str, ...],
    bursts: bool,
    plan: str | None,
    html: str | None,
    threads: int | None,
    model: str | None,
    output: str | None,
    runtime: str | None,
    collection: str | None,
    as_json: bool,
) -> None:
    """Find the copies in a collection, or of new pictures in it; nothing is changed.

    Without PATH, the pictures of the collection are compared with each other. With PATHs (files
    and folders), it is told which of these are copies of pictures in the collection, without adding
    them; exit code 3 says that none is, and that none of them is in it already.

    \b
      lookalike duplicates                                     what copies are there?
      lookalike duplicates --plan plan.json --html page.html   look at them and choose
      lookalike duplicates apply plan.json                     remove what the plan says
      lookalike duplicates undo JOURNAL                        bring it all back
    """  # noqa: D301 - \b is a character that keeps click from filling the lines
    _refuse_no_place(plan)
    check_outputs(html=html)
    with open_collection(collection, model, output, runtime) as pictures:
        with told_warnings(), stage_bar() as progress:
            found = pictures.duplicates(
                paths or None,
                precision=precision,
                keep=keep,
                reference=reference,
                bursts=bursts,
                threads=threads,
                progress=progress,
            )
        if plan is not None or html is not None:
            _write(pictures, found, pictures.plan(found, paths or None), plan, html)
    if as_json:
        echo_json(found)
    else:
        _show(found, paths, plan, html)
    if paths and not found.groups and not found.indexed:
        unusable = found.failed and not found.new
        raise click.exceptions.Exit(1 if unusable else NONE_KNOWN)


def _refuse_no_place(file: str | None) -> None:
    """Say at once that a file cannot be written there, not after an hour of work."""
    if file is None:
        return
    folder = os.path.dirname(os.path.abspath(file))
    if os.path.isdir(file) or not os.path.isdir(folder):
        raise click.UsageError(f"{file} cannot be written: it must be a file in a folder that exists")


def _write(pictures: Collection, found: Duplicates, todo: Plan, plan: str | None, html: str | None) -> None:
    """Write the plan and the page that were asked for; the page has the same plan."""
    from lookalike.duplicates.plan import as_dict, write

    if plan is not None:
        write(plan, todo)
        click.echo(f"Wrote {plan}", err=True)
    if html is not None:
        from pathlib import Path

        from lookalike import reports

        facts = {"collection": os.path.abspath(pictures.directory), "precision": f"{found.precision:g}"}
        with stage_bar() as progress:
            total = sum(1 + len(group.members) for group in found.groups)
            preview = previews(pictures, total, progress)
            page = reports.review_page(found, preview, as_dict(todo), "Copies", facts=facts)
        reports.write_page(Path(html), page)
        click.echo(f"Wrote {html}", err=True)


def _show(found: Duplicates, paths: tuple[str, ...], plan: str | None, html: str | None) -> None:
    from lookalike.cli.duplicates import showing

    showing.groups(found, checked=bool(paths))
    if paths:
        showing.checked(found)
    else:
        showing.summary(found)
    showing.measured(found)
    showing.next_step(found, plan, html)
