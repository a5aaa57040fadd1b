"""`lookalike export`: vectors and metadata as a file for other programs."""

from __future__ import annotations

import click

from lookalike.cli.options import collection_option, json_option, model_options, open_collection
from lookalike.cli.terminal import echo_json, many, visible


@click.command(short_help="Write vectors and metadata to a file.")
@click.argument("file", metavar="FILE.npz|FILE.parquet")
@click.option("--where", metavar="EXPR", help="Only these pictures.")
@model_options
@collection_option
@json_option
def export(
    file: str,
    where: str | None,
    model: str | None,
    output: str | None,
    runtime: str | None,
    collection: str | None,
    as_json: bool,
) -> None:
    """Write vectors and metadata to a file: .npz for NumPy, .parquet for everything else.

    It holds `ids`, `paths`, `vectors` (one row a picture, 32-bit floats, length 1) and a column for
    each column of metadata.
    """
    with open_collection(collection, model, output, runtime) as pictures:
        report = pictures.export(file, where=where)
    if as_json:
        echo_json(report)
    else:
        what = f"{many(report.images, 'vector')} of {report.dimension} numbers"
        click.echo(f"Wrote {visible(file)}: {what}, {visible(report.model)}, output {report.output}")
