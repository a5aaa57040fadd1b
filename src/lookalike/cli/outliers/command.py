"""The command: it asks one of three questions, and each answer has a module that shows it."""

from __future__ import annotations

import click

from lookalike.cli.options import collection_option, model_options, open_collection
from lookalike.cli.outliers import doubts, leaks, odd
from lookalike.cli.outputs import check_outputs, output_options, write_csv, write_gallery
from lookalike.cli.terminal import echo_json, stage_bar

LEAKING = 3
"""Exit code when splits share pictures: a script that checks a data set ends there."""


@click.command(short_help="See what does not belong: odd pictures, doubtful labels, leaks.")
@click.option("--labels", metavar="COLUMN", help="Instead, labels that the pictures' neighbours deny.")
@click.option("--split", metavar="COLUMN", help="Instead, copies across splits such as train and test.")
@click.option("--where", metavar="EXPR", help="Only pictures that match, e.g. 'in_stock'.")
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="The first N only.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="S",
    help="Least score, from 0 to 1.  [default: 0.5; with --labels 0.7; with --split 0.9]",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Pictures read at once.  [default: one a processor]",
)
@model_options
@collection_option
@output_options
def outliers(
    labels: str | None,
    split: str | None,
    where: str | None,
    limit: int | None,
    threshold: float | None,
    threads: int | None,
    model: str | None,
    output: str | None,
    runtime: str | None,
    collection: str | None,
    csv: str | None,
    html: str | None,
    as_json: bool,
) -> None:
    """Find what does not belong in a collection; nothing is changed.

    Outliers are pictures that are far from all others, or hard to use by themselves: nearly blank, very
    dark or bright, blurred, tiny, of an odd aspect, or cut off. Each has a score from 0 to 1 and a reason.

    \b
      lookalike outliers                        what does not belong?
      lookalike outliers --labels category      which labels are in doubt, and what should they be?
      lookalike outliers --split split          which test pictures are among the training ones, too?
      lookalike outliers --html outliers.html   look at them

    With --split, exit code 3 says that the splits share pictures.
    """  # noqa: D301 - \b is a character that keeps click from filling the lines
    if labels is not None and split is not None:
        raise click.UsageError("--labels and --split exclude each other")
    asked = labels if labels is not None else split
    answer = doubts if labels is not None else leaks if split is not None else odd
    check_outputs(html=html, csv=csv, columns=answer.COLUMNS)
    with open_collection(collection, model, output, runtime) as pictures:
        with stage_bar() as progress:
            found = answer.find(pictures, asked, where, threshold, threads, progress)
        shown = answer.first(found, limit)
        if csv is not None:
            write_csv(csv, answer.COLUMNS, answer.rows(shown))
        if html is not None:
            page = answer.page(found)
            if limit is not None and limit < answer.count(found):
                first = "first is" if limit == 1 else f"first {limit:,} are"
                page["intro"] += f" The {first} shown."
            write_gallery(html, pictures, answer.title(found), answer.sections(shown), **page)
    if as_json:
        echo_json(shown)
    else:
        answer.show(found, shown, to_see=html is None)
    if split is not None and answer.count(found):
        raise click.exceptions.Exit(LEAKING)
