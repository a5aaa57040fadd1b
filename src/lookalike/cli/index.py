"""`lookalike index`: put pictures into a collection."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lookalike.cli.options import (
    collection_option,
    json_option,
    model_options,
    open_collection,
    threads_option,
)
from lookalike.cli.terminal import echo_failures, echo_json, many, progress_bar, short_path, visible

if TYPE_CHECKING:
    from lookalike.results import IndexReport


@click.command(short_help="Put pictures into a collection, or bring it up to date.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--metadata",
    metavar="FILE",
    help="CSV, TSV, JSON, JSON Lines or Parquet with a column `path` (or `id`).",
)
@click.option(
    "--include", multiple=True, metavar="PATTERN", help="Only files in folders that match; may be repeated."
)
@click.option(
    "--exclude", multiple=True, metavar="PATTERN", help="No files or folders that match; may be repeated."
)
@click.option("--hidden", is_flag=True, help="Take hidden files and folders as well.")
@threads_option("Pictures read at once")
@click.option("--retry", is_flag=True, help="Try files again that were unusable before and have not changed.")
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    metavar="N",
    help="Largest width x height of a picture.  [default: 178956970]",
)
@click.option(
    "--max-bytes", type=click.IntRange(min=1), metavar="N", help="Largest file.  [default: 536870912]"
)
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Longest time to decode one picture.  [default: 20]",
)
@model_options
@collection_option
@json_option
def index(
    paths: tuple[str, ...],
    metadata: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    hidden: bool,
    threads: int | None,
    retry: bool,
    max_pixels: int | None,
    max_bytes: int | None,
    max_seconds: float | None,
    model: str | None,
    output: str | None,
    runtime: str | None,
    collection: str | None,
    as_json: bool,
) -> None:
    """Put pictures into a collection, or bring it up to date.

    PATH is a folder (with all folders below it), a file, a quoted pattern ('scans/**/*.tif'),
    @LIST (a file with one name a line) or - (such a list on standard input).

    Files that have not changed are not read again; moved ones are recognised by their bytes.
    Broken files are skipped and listed. Ctrl-C keeps what is done: the same command goes on.
    """
    from lookalike.images import Limits

    chosen = {"max_pixels": max_pixels, "max_bytes": max_bytes, "seconds": max_seconds}
    limits = Limits(**{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]
    total = _count(paths, include, exclude, hidden) if sys.stderr.isatty() else None
    with open_collection(collection, model, output, runtime) as pictures, progress_bar(total) as progress:
        report = pictures.add(
            paths,
            metadata=metadata,
            include=include,
            exclude=exclude,
            hidden=hidden,
            threads=threads,
            retry=retry,
            limits=limits,
            progress=progress,
        )
    if as_json:
        echo_json(report)
    else:
        _show(report, metadata)


def _count(
    paths: tuple[str, ...], include: tuple[str, ...], exclude: tuple[str, ...], hidden: bool
) -> int | None:
    """Files there are, for the progress bar; None when they can be listed only once."""
    from lookalike import files

    if any(path == "-" for path in paths):
        return None
    return sum(1 for _ in files.walk(paths, include=include, exclude=exclude, hidden=hidden))


def _show(report: IndexReport, metadata: str | None) -> None:
    echo_failures(report.failed)
    if report.unmatched:
        rows = many(len(report.unmatched), "row")
        first = visible(report.unmatched[0])
        click.echo(f"{rows} of {metadata} without a picture here, the first for {first}", err=True)
    if report.undescribed:
        click.echo(f"{many(report.undescribed, 'picture')} without a row in {metadata}", err=True)
    if not report.images and not report.failed:
        click.echo("no pictures were found there", err=True)
    counts = [
        (report.added, "added"),
        (report.updated, "updated"),
        (report.moved, "moved"),
        (report.unchanged, "unchanged"),
        (report.removed, "now missing"),
        (report.truncated, "cut short but used"),
    ]
    parts = [f"{number:,} {word}" for number, word in counts if number or word == "added"]
    speed = f" ({report.images_per_second:,.0f} pictures/s)" if report.images_per_second else ""
    click.echo(", ".join(parts) + f" in {report.seconds:.1f} s{speed}")
    click.echo(f"{many(report.images, 'picture')} in {short_path(report.collection)}")
