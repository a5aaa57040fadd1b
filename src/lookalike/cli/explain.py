"""`lookalike explain`: which parts of two pictures make them alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lookalike.cli.options import json_option, model_options
from lookalike.cli.terminal import echo_json

if TYPE_CHECKING:
    from lookalike.results import Heat

_WIDEST = 16
"""Columns of numbers that a terminal has room for."""


@click.command(short_help="Show which parts of two pictures make them alike.")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option(
    "--region",
    metavar="X,Y,W,H",
    help="Only this part of A matters: pixels, or shares of the picture up to 1.",
)
@click.option(
    "--html", metavar="FILE", help="Also write a page with the two pictures and the heat over them."
)
@model_options
@json_option
def explain(
    first: str,
    second: str,
    region: str | None,
    html: str | None,
    model: str | None,
    output: str | None,
    runtime: str | None,
    as_json: bool,
) -> None:
    """Show which parts of two pictures make them as alike as `compare` says.

    The similarity is a sum over the places of a picture. For each of the two, the shares of its places are
    printed in thousandths, as they lie in it; they add up to the similarity. One below 0 speaks against it.
    No collection is looked at: name a model of your own with --model.
    """
    from lookalike import reports
    from lookalike.embedder import Embedder
    from lookalike.explaining import explain as explain_pictures
    from lookalike.models import DEFAULT_MODEL

    if html is not None:
        reports.check_page(Path(html))
    embedder = Embedder.load(model or DEFAULT_MODEL, output, runtime or "onnxruntime")
    result = explain_pictures(first, second, region=region, embedder=embedder)
    if as_json:
        echo_json(result)
    else:
        click.echo(f"{result.similarity:.4f}")
        for heat in (result.queries[0], result.found):
            click.echo(f"\n{heat.picture}\n{_grid(heat)}")
    if html is not None:
        pictures = _preview(first), _preview(second)
        page = reports.explanation_page(result, pictures, f"{Path(first).name} and {Path(second).name}")
        reports.write_page(Path(html), page)
        click.echo(f"Wrote {html}", err=True)


def _grid(heat: Heat) -> str:
    if len(heat.shares[0]) > _WIDEST:
        return f"  {len(heat.shares)} rows of {len(heat.shares[0])} places: see --html or --json"
    return "\n".join("".join(f"{share * 1000:6.0f}" for share in row) for row in heat.shares)


def _preview(picture: str) -> bytes:
    from lookalike.images import thumbnail_jpeg
    from lookalike.sandbox import Decoder

    with Decoder() as decoder:
        return thumbnail_jpeg(decoder.decode(picture, min_side=800).rgb, 800)
