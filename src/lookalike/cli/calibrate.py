"""`lookalike calibrate`: from similarities to probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lookalike.cli.options import collection_option, json_option, model_options, open_collection
from lookalike.cli.taught import tell_taught
from lookalike.cli.terminal import console, echo_json, many, plain_bar, plain_table, visible

if TYPE_CHECKING:
    from lookalike.results import CalibrationReport, ReliabilityBin, Threshold

BAR = 20


@click.command(short_help="Learn how likely a similarity means the same thing.")
@click.option("--label", metavar="COLUMN", help="Pictures with the same value show the same thing.")
@click.option("--pairs", metavar="FILE", help="A table of pictures that show the same thing.")
@click.option("--where", metavar="EXPR", help="Only these pictures are searched for, or edited.")
@click.option(
    "--precision", type=click.FloatRange(0, 1, min_open=True), metavar="P",
    help="Tell the threshold from which on such a share of the hits is right.",
)  # fmt: skip
@click.option(
    "--recall", type=click.FloatRange(0, 1, min_open=True), metavar="R",
    help="Tell the threshold above which such a share of the right hits is found.",
)  # fmt: skip
@model_options
@collection_option
@json_option
def calibrate(
    label: str | None,
    pairs: str | None,
    where: str | None,
    precision: float | None,
    recall: float | None,
    model: str | None,
    output: str | None,
    runtime: str | None,
    collection: str | None,
    as_json: bool,
) -> None:
    """Learn how likely a similarity means the same thing, for this collection and model.

    From then on `search` tells the probability of each hit. Without --label and --pairs pictures are
    edited, and "the same thing" is the same picture. The thresholds that are told are for
    `search --threshold`.
    """
    if label is not None and pairs is not None:
        raise click.UsageError("--label and --pairs exclude each other")
    with open_collection(collection, model, output, runtime) as pictures, plain_bar() as progress:
        report = pictures.calibrate(
            label,
            pairs=pairs,
            where=where,
            precision=precision,
            recall=recall,
            progress=progress,
        )
    if as_json:
        echo_json(report)
    else:
        _show(report, precision)
        if where is None and (label is not None or pairs is not None):
            tell_taught([report.model], "--where")


def _show(report: CalibrationReport, precision: float | None) -> None:
    click.echo(
        f"Calibrated {visible(report.model)}, output {report.output}, by {visible(report.source)}: "
        f"{many(report.hits, 'hit')}, {report.right:,} right"
    )
    click.echo(f"Chances of unseen queries are off by {report.calibration_error:.3f} on average\n")
    diagram(report.reliability)
    click.echo()
    found = [*report.thresholds, *([report.recall_threshold] if report.recall_threshold else [])]
    if found:
        _thresholds(found)
    if not report.thresholds:
        click.echo(_none_gives(precision))


def _none_gives(precision: float | None) -> str:
    """What is said when no threshold gives the precision asked for, or any of those told unasked."""
    from lookalike.evaluation.calibration import PRECISIONS

    if precision is not None:
        return f"No threshold gives a precision of {precision:g}"
    return f"No threshold gives a precision of {min(PRECISIONS):g}; for a lower one, use --precision"


def diagram(bins: Sequence[ReliabilityBin]) -> None:
    """The reliability diagram: what was said, and how often it was right."""
    table = plain_table(("said", "left"), ("right", "right"), ("", "left"), ("hits", "right"))
    for one in bins:
        bar = "█" * round(one.right * BAR)
        table.add_row(f"{one.low:.1f}–{one.high:.1f}", f"{one.right:.2f}", bar.ljust(BAR), f"{one.hits:,}")
    console().print(table)


def _thresholds(found: Sequence[Threshold]) -> None:
    table = plain_table(("threshold", "left"), ("precision", "right"), ("recall", "right"))
    for one in found:
        table.add_row(f"{one.similarity:.3f}", f"{one.precision:.3f}", f"{one.recall:.3f}")
    console().print(table)
