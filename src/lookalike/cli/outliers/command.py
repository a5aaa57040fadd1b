"""The command: it asks one of three questions, and each has a module that makes its answer."""

from __future__ import annotations

import click

from lookalike.cli.options import collection_option, model_options, open_collection, threads_option
from lookalike.cli.outliers import doubts, leaks, odd
from lookalike.cli.outputs import check_outputs, deliver, output_options
from lookalike.cli.terminal import stage_bar

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
@threads_option("Pictures read at once")
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
    _check_together(labels, split, threshold, threads)
    asked = doubts if labels is not None else leaks if split is not None else odd
    check_outputs(html=html, csv=csv, columns=asked.COLUMNS)
    least = {} if threshold is None else {"precision" if split is not None else "threshold": threshold}
    to_see, leaking = html is None, False
    with open_collection(collection, model, output, runtime) as pictures:
        with stage_bar() as progress:
            if labels is not None:
                doubted = pictures.doubtful_labels(labels, where=where, progress=progress, **least)
                answer = doubts.answer(doubted, limit, to_see=to_see)
            elif split is not None:
                shared = pictures.leaks(split, where=where, threads=threads, progress=progress, **least)
                answer, leaking = leaks.answer(shared, limit, to_see=to_see), bool(shared.leaks)
            else:
                found = pictures.outliers(where=where, threads=threads, progress=progress, **least)
                answer = odd.answer(found, limit, to_see=to_see)
        deliver(answer, pictures, csv=csv, html=html, as_json=as_json)
    if leaking:
        raise click.exceptions.Exit(LEAKING)


def _check_together(
    labels: str | None, split: str | None, threshold: float | None, threads: int | None
) -> None:
    if labels is not None and split is not None:
        raise click.UsageError("--labels and --split exclude each other")
    if split is not None and threshold == 0:
        raise click.UsageError("with --split, --threshold is the least probability of a copy: more than 0")
    if labels is not None and threads is not None:
        raise click.UsageError("with --labels no picture is read: leave out --threads")
