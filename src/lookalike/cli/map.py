"""`lookalike map`: all pictures in the plane, as a page to wander about in or as a figure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from lookalike.cli.info import human
from lookalike.cli.options import collection_option, json_option, model_options, open_collection
from lookalike.cli.outputs import check_outputs, write_csv
from lookalike.cli.terminal import echo_failures, echo_json, many, short_path, stage_bar

if TYPE_CHECKING:
    from lookalike.results import PictureMap

COLUMNS = ("id", "path", "x", "y")
"""Of the table."""


@click.command("map", short_help="Draw all pictures in the plane, near what they look like.")
@click.argument("file", metavar="[FILE]", required=False)
@click.option(
    "--colour", "--color", metavar="COLUMN", help="Colour by a metadata column, `cluster` or `folder`."
)
@click.option("--where", metavar="EXPR", help="Show only pictures whose metadata match.")
@click.option("--title", metavar="TEXT", help="Heading.  [default: the collection's name]")
@click.option(
    "--size",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="MB",
    help="How large the page may become, about: thumbnails are made as large as that allows.",
)
@click.option("--fresh", is_flag=True, help="Lay everything out anew.")
@model_options
@collection_option
@click.option("--csv", metavar="FILE", help="Also write a table with the place of each picture.")
@json_option
def map_(
    file: str | None,
    colour: str | None,
    where: str | None,
    title: str | None,
    size: float,
    fresh: bool,
    model: str | None,
    output: str | None,
    runtime: str | None,
    collection: str | None,
    csv: str | None,
    as_json: bool,
) -> None:
    """Draw all pictures in the plane, near to each other what looks alike.

    FILE.html is a page to wander about in: zoom in, colour, filter, search, select. FILE.png and FILE.svg
    are figures for print. The layout is kept with the collection; pictures that come later are placed into
    it, and the others stay where they are. With --json or --csv nothing needs to be drawn.

    \b
      lookalike map map.html                        all pictures
      lookalike map map.html --colour category      coloured by a column of the metadata
      lookalike map figure.svg --where 'year > 2020'
      lookalike map --csv places.csv                draw it yourself
    """  # noqa: D301 - \b is a character that keeps click from filling the lines
    _check(file, csv, as_json, colour, title)
    with open_collection(collection, model, output, runtime) as pictures, stage_bar() as progress:
        made = pictures.map(
            file, colour=colour, where=where, title=title, size=size, fresh=fresh, progress=progress
        )
    if csv is not None:
        write_csv(csv, COLUMNS, ((point.id, point.path, point.x, point.y) for point in made.points))
    if as_json:
        echo_json(made)
    else:
        _show(made)


def _check(file: str | None, csv: str | None, as_json: bool, colour: str | None, title: str | None) -> None:
    """Refuse what cannot be done before anything is computed."""
    if file is None:
        if csv is None and not as_json:
            raise click.UsageError("give a FILE to draw the map into, such as map.html; or --json or --csv")
        if colour is not None or title is not None:
            raise click.UsageError("--colour and --title need a FILE to draw the map into")
    elif os.path.isdir(file) or not os.path.isdir(os.path.dirname(os.path.abspath(file))):
        raise click.UsageError(f"{file} cannot be written: it must be a file in a folder that exists")
    check_outputs(html=None, csv=csv, columns=COLUMNS)


def _show(made: PictureMap) -> None:
    shown = many(len(made.points), "picture")
    if made.file is None:
        click.echo(shown)
    else:
        click.echo(f"Wrote {short_path(made.file)} ({human(made.bytes)})", err=True)
        click.echo(f"{shown}, {made.thumbnails:,} with a thumbnail")
    if made.trustworthiness is not None and made.neighbours_kept is not None:
        click.echo(
            f"{made.neighbours_kept:.0%} of the {made.nearest} nearest points are among the "
            f"{made.nearest} most similar pictures; trustworthiness {made.trustworthiness:.3f}"
        )
    if made.placed:
        click.echo(
            f"{many(made.placed, 'picture')} placed into the layout that was there; --fresh lays out anew"
        )
    echo_failures(made.failed, "--json lists all")
    if made.failed:
        click.echo("Such pictures are dots without a thumbnail.", err=True)
