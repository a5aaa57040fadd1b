"""`lookalike train`: teach a model what belongs together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from lookalike.cli.options import collection_option, json_option, model_options, open_collection
from lookalike.cli.terminal import console, echo_json, many, plain_table, stage_bar, visible
from lookalike.results import TrainReport

if TYPE_CHECKING:
    from lookalike.results import FinetuneReport
    from lookalike.training.recipe import Epoch, Recipe

FIGURES = ("recall@1", "recall@5", "recall@10", "precision@10", "map@r")


@click.command(short_help="Teach a model what belongs together in your pictures.")
@click.option("--label", metavar="COLUMN", help="Pictures with the same value here belong together.")
@click.option("--pairs", metavar="FILE", help="A table of pictures that belong together, and that do not.")
@click.option("--where", metavar="EXPR", help="Learn only from these pictures.")
@click.option(
    "--method",
    type=click.Choice(["adapter", "finetune"]),
    default="adapter",
    show_default=True,
    help="A linear map of the model's vectors, in seconds; or its network trained on, in minutes.",
)
@click.option("--name", required=True, metavar="NAME", help="What the new model is called.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    metavar="M",
    help="Fine-tune in at most so many minutes.  [default: as many as 30 epochs take]",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="How often fine-tuning shows each picture.  [default: 30]",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Pictures read at once, where they must be.  [default: one a processor]",
)
@model_options
@collection_option
@json_option
def train(
    label: str | None,
    pairs: str | None,
    where: str | None,
    method: str,
    name: str,
    minutes: float | None,
    epochs: int | None,
    threads: int | None,
    model: str | None,
    output: str | None,
    runtime: str | None,
    collection: str | None,
    as_json: bool,
) -> None:
    """Teach a model what belongs together in your pictures, by a column or by pairs.

    The new model is the present one with an adapter, and is named like any other: `search --model`,
    `index --model`. One picture in five is held out to measure it; when it is better, the collection
    uses it from now on. --output says which output it is based on, the longest unless told otherwise;
    the pictures are read once where the collection lacks those vectors.

    `--method finetune` trains the network itself (extra `train`). It holds out one picture in ten, keeps
    where it stands after every epoch, and goes on from there when it is started again after an
    interruption. An adapter can be fitted on top: train once more, without --method.

    \b
      lookalike train --label product --name shop-v2
      lookalike train --pairs clicks.csv --name shop-v3
      lookalike train --label product --method finetune --minutes 15 --name shop-v4
    """  # noqa: D301 - \b is a character that keeps click from filling the lines
    if (label is None) == (pairs is None):
        raise click.UsageError("give what belongs together: --label COLUMN or --pairs FILE")
    if method == "adapter" and (minutes or epochs):
        raise click.UsageError("--minutes and --epochs are for --method finetune: an adapter takes seconds")
    report: TrainReport | FinetuneReport
    with open_collection(collection, model, None, runtime) as pictures, stage_bar() as progress:
        if method == "adapter":
            report = pictures.train(
                name, label, pairs=pairs, where=where, output=output, threads=threads, progress=progress
            )
        else:
            report = pictures.finetune(
                name, label, pairs=pairs, where=where, output=output, threads=threads, progress=progress,
                recipe=_recipe(minutes, epochs), told=_tell,
            )  # fmt: skip
    if as_json:
        echo_json(report)
    else:
        _show(report)


def _recipe(minutes: float | None, epochs: int | None) -> Recipe:
    from lookalike.training.recipe import Recipe

    plain = Recipe()
    return Recipe(epochs=epochs or plain.epochs, minutes=minutes)


def _tell(epoch: Epoch, epochs: int) -> None:
    """A line on standard error after each epoch."""
    recall = "" if math.isnan(epoch.recall) else f", recall@1 {epoch.recall:.3f} on pictures held out"
    click.echo(
        f"epoch {epoch.number} of {epochs}: loss {epoch.loss:.3f}{recall} ({epoch.seconds:.0f} s)", err=True
    )


def _show(report: TrainReport | FinetuneReport) -> None:
    for text in _left_out(report):
        click.echo(text, err=True)
    table = plain_table(
        (f"on {many(report.held_out, 'picture')} held out", "fold"), *((name, "right") for name in FIGURES)
    )
    for heading, figures in ((f"before: {report.compared}", report.before), (report.model, report.after)):
        table.add_row(visible(heading), *(f"{figures[name]:.3f}" for name in FIGURES))
    console().print(table)
    click.echo(
        f"\nLearned from {many(report.pictures, 'picture')} of {report.classes:,} kinds "
        f"in {report.seconds:.1f} s, on {report.base}, output {report.output}; {_details(report)}"
    )
    if report.default:
        click.echo(f"{report.model} is better: the collection is searched with it from now on")
        if report.unlabelled:
            click.echo(
                f"That goes for the {many(report.unlabelled, 'picture')} of which nothing is known, too; "
                f"how well these are found was not measured: `lookalike models use {report.base}` goes back"
            )
    else:
        click.echo(
            f"{report.model} is not better than what is used now, and is not made the default: "
            f"`lookalike models use {report.model}` would do that"
        )


def _details(report: TrainReport | FinetuneReport) -> str:
    if isinstance(report, TrainReport):
        return f"{report.dimension} numbers a picture"
    return f"epoch {report.best_epoch} of {report.epochs} is kept; learning curve: {visible(report.curve)}"


def _left_out(report: TrainReport | FinetuneReport) -> list[str]:
    texts: list[tuple[Any, str]] = [
        (report.unlabelled, f"{many(report.unlabelled, 'picture')} of which nothing is known left out"),
        (report.alone, f"{many(report.alone, 'picture')} the only one of its kind"),
        (report.unmatched, f"{many(len(report.unmatched), 'name')} in the table not in the collection"),
    ]
    return [text for number, text in texts if number]
