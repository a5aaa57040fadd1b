"""`lookalike compare`: how alike two pictures are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lookalike.cli.options import json_option, model_options
from lookalike.cli.terminal import echo_json

if TYPE_CHECKING:
    from lookalike.results import Comparison


@click.command(short_help="Say how alike two pictures are.")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@model_options
@json_option
def compare(
    first: str, second: str, model: str | None, output: str | None, runtime: str | None, as_json: bool
) -> None:
    """Say how alike two pictures are: the same number every time, and the same as in a search.

    That is, in a search with the same model. No collection is looked at: for the number of one that uses a
    model of your own, name that with --model.

    The similarity is a cosine, from -1 to 1. The verdict is `same file`, `same pixels`, `near copy`
    (the whole picture saved again, resized or recoloured), `edited copy` (cropped, mirrored, turned,
    written on, pasted), `alike` (more alike than 999 of 1000 unrelated pairs) or `different`. Of
    copies it is said how sure that is, and how B differs from A.
    """
    from lookalike.comparing import compare as compare_pictures
    from lookalike.embedder import Embedder
    from lookalike.models import DEFAULT_MODEL

    embedder = Embedder.load(model or DEFAULT_MODEL, output, runtime or "onnxruntime")
    result = compare_pictures(first, second, embedder=embedder)
    if as_json:
        echo_json(result)
    else:
        click.echo(f"{result.similarity:.4f}  {result.verdict}{_how(result)}")


def _how(result: Comparison) -> str:
    """Of pictures that were found to be copies by their pixels: how sure, and what differs."""
    if result.transform is None or result.probability is None or result.verdict.startswith("same"):
        return ""
    from lookalike.cli.words import placed
    from lookalike.reports.details import sure

    words = ", ".join(placed(result.transform, result.overlap))
    return f" ({sure(result.probability)} sure){f': {words}' if words else ''}"
