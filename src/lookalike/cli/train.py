"""`lookalike train`: teach a model what belongs together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from lookalike import models
from lookalike.cli.options import (
    collection_option,
    json_option,
    model_options,
    open_collection,
    threads_option,
)
from lookalike.cli.switching import left_behind, searched, tell_left, tell_without_vector
from lookalike.cli.terminal import console, echo_json, many, plain_table, stage_bar, visible
from lookalike.results import FinetuneReport, TrainReport, UnlabelledReport
from lookalike.results.training import LabelledReport, ModelReport, NetworkReport, Verdict

if TYPE_CHECKING:
    from lookalike.gallery.base import Space
    from lookalike.training.recipe import CopyRecipe, Epoch, Recipe


@click.command(short_help="Teach a model what belongs together in your pictures.")
@click.option("--label", metavar="COLUMN", help="Pictures with the same value here belong together.")
@click.option("--pairs", metavar="FILE", help="A table of pictures that belong together, and that do not.")
@click.option("--unlabelled", is_flag=True, help="Learn to find copies, from the pictures alone.")
@click.option("--where", metavar="EXPR", help="Learn only from these pictures.")
@click.option(
    "--teacher",
    metavar="NAME",
    help="Also learn from pictures without a label (or in no pair), where it is clear by the vectors of this "
    "model which kind they are.",
)
@click.option(
    "--method",
    type=click.Choice(["adapter", "finetune"]),
    help="A linear map of the model's vectors, in seconds; or its network trained on, in minutes.  "
    "[default: adapter; with --unlabelled, finetune]",
)
@click.option("--name", required=True, metavar="NAME", help="What the new model is called.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    metavar="M",
    help="Train the network in at most so many minutes.  [default: as many as the epochs take]",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="How often the network is shown each picture.  [default: 20; with --unlabelled, 6]",
)
@click.option(
    "--batch",
    type=click.IntRange(min=2),
    metavar="N",
    help="Pictures the network is shown at once: fewer take less memory.  [default: 32]",
)
@click.option(
    "--size",
    type=click.IntRange(min=32),
    metavar="N",
    help="Side of the squares that the network takes from now on, pixels: larger ones show more detail and "
    "take longer.  "
    "[default: as the model]",
)
@threads_option("Pictures read at once, where they must be")
@model_options
@collection_option
@json_option
def train(
    label: str | None,
    pairs: str | None,
    unlabelled: bool,
    where: str | None,
    teacher: str | None,
    method: str | None,
    name: str,
    minutes: float | None,
    epochs: int | None,
    batch: int | None,
    size: int | None,
    threads: int | None,
    model: str | None,
    output: str | None,
    runtime: str | None,
    collection: str | None,
    as_json: bool,
) -> None:
    """Teach a model what belongs together in your pictures, by a column or by pairs; or, without either, to
    find copies.

    The new model is the present one with an adapter, and is named like any other: `search --model`,
    `index --model`. One picture in five is held out to measure it; when it is better, and finds every
    picture that is found now, the collection uses it from now on. --output says which output it is based
    on, the longest unless told otherwise; the pictures are read once where the collection lacks those
    vectors.

    `--method finetune` trains the network itself (extra `train`). It holds out one picture in ten: half of
    these choose the epoch, and the others measure the model; when there are fewer than 40, all do both,
    and the figures told are a little too good. It keeps where it stands after every epoch, and goes on from
    there when the same command is given again. An adapter can be fitted on top: train once more,
    without --method; then the longest output (`--output plain`) is the better one to train the network on.
    With `--teacher` it also learns from pictures without a label, where a model that was trained before tells
    clearly which kind they are; then `--model` says which one to begin with.

    `--unlabelled` trains the network in the same way (extra `train`) with edits of the pictures, each
    against all others: crops, turns, colours, text, pictures within pictures. Such a model finds edited
    copies; things that only look alike it finds less well than before.

    \b
      lookalike train --label product --name shop-v2
      lookalike train --pairs clicks.csv --name shop-v3
      lookalike train --label product --method finetune --minutes 15 --name shop-v4
      lookalike train --label product --method finetune --teacher shop-v4
                      --model efficientnet-lite0 --name shop-v5
      lookalike train --unlabelled --minutes 30 --name copies
    """  # noqa: D301 - \b is a character that keeps click from filling the lines
    if (label is not None) + (pairs is not None) + unlabelled != 1:
        raise click.UsageError(
            "give what belongs together, --label COLUMN or --pairs FILE, or --unlabelled; one of them"
        )
    if unlabelled and method == "adapter":
        raise click.UsageError(
            "--unlabelled trains the network: an adapter cannot be learned without labels or pairs"
        )
    if teacher is not None and (unlabelled or method != "finetune"):
        raise click.UsageError(
            "--teacher goes with --method finetune, and --label or --pairs: an adapter gains nothing "
            "by it, and without labels there is nothing to guess from"
        )
    given = {"minutes": minutes, "epochs": epochs, "batch": batch, "size": size}
    recipe = {option: value for option, value in given.items() if value is not None}
    if recipe and not unlabelled and method != "finetune":
        raise click.UsageError(
            f"--{next(iter(recipe))} is for --method finetune and --unlabelled: an adapter takes seconds"
        )
    from lookalike.training.graph import need_extra

    with open_collection(collection, model, None, runtime) as pictures, stage_bar() as progress:
        how: dict[str, Any] = {"where": where, "output": output, "threads": threads, "progress": progress}
        before = searched(pictures)
        report: ModelReport
        if unlabelled:
            report = pictures.train_unlabelled(name, recipe=_copy_recipe(recipe), told=_tell, **how)
        elif method == "finetune":
            need_extra()  # before anything is suggested
            _suggest_output(pictures.space, output)
            how |= {"pairs": pairs, "teacher": teacher, "recipe": _recipe(recipe), "told": _tell}
            report = pictures.finetune(name, label, **how)
        else:
            report = pictures.train(name, label, pairs=pairs, **how)
        left = left_behind(pictures, before)
    if as_json:
        echo_json(report)
    else:
        _show(report)
        tell_left(left)


def _recipe(given: dict[str, Any]) -> Recipe:
    from lookalike.training.recipe import Recipe

    return Recipe(**given)


def _copy_recipe(given: dict[str, Any]) -> CopyRecipe:
    from lookalike.training.recipe import CopyRecipe

    return CopyRecipe(**given)


def _suggest_output(searched: Space, output: str | None) -> None:
    """A line on standard error when an adapter on top would gain more from another output (measured: see
    docs/training-trials.md)."""
    longest = models.find(searched.model).longest_output
    if output is None and searched.output != longest:
        click.echo(
            f"Training on output {searched.output}. If an adapter is to be fitted on top, "
            f"--output {longest} is the better one",
            err=True,
        )


def _tell(epoch: Epoch, epochs: int) -> None:
    """A line on standard error where training begins or goes on, and after each epoch."""
    recall = "" if math.isnan(epoch.recall) else f", recall@1 {epoch.recall:.3f} on pictures held out"
    stands = f"epoch {epoch.number:.3g} of {epochs}"
    if not epoch.number:
        stands = f"before the first of {many(epochs, 'epoch')}"
    elif math.isnan(epoch.loss):
        stands = f"goes on after {stands}"
    else:
        stands += f": loss {epoch.loss:.3f}"
    took = f" ({epoch.seconds:.0f} s)" if epoch.number else ""
    click.echo(f"{stands}{recall}{took}", err=True)


def _show(report: ModelReport) -> None:
    labelled = isinstance(report, LabelledReport)
    for text in _left_out(report) if isinstance(report, LabelledReport) else ():
        click.echo(text, err=True)
    table = plain_table(
        (f"on {'' if labelled else 'edits of '}{many(report.held_out, 'picture')} held out", "fold"),
        *((name, "right") for name in report.after),
    )
    for heading, figures in ((f"before: {report.compared}", report.before), (report.model, report.after)):
        table.add_row(visible(heading), *(f"{value:.3f}" for value in figures.values()))
    console().print(table)
    kinds = f" of {report.classes:,} kinds" if isinstance(report, LabelledReport) else ""
    if isinstance(report, FinetuneReport) and report.guessed:
        kinds += f" and {report.guessed:,} whose kind was guessed,"
    nothing = isinstance(report, NetworkReport) and not report.best_epoch
    click.echo(
        f"\n{'Nothing was learned' if nothing else 'Learned'} from {many(report.pictures, 'picture')}{kinds} "
        f"in {report.seconds:.1f} s, on {report.base}, output {report.output}; {_details(report)}"
    )
    if isinstance(report, LabelledReport) and report.unlabelled_after:
        was, now = (f"{of['recall@1']:.3f}" for of in (report.unlabelled_before, report.unlabelled_after))
        click.echo(
            f"Edited copies of pictures of which nothing is known were found first in {was} of all cases, "
            f"and are in {now} with {report.model}"
        )
    if isinstance(report, NetworkReport) and report.epochs < 1:
        click.echo(
            "The time was over before each picture had been shown once: that teaches little; "
            "give more --minutes",
            err=True,
        )
    _tell_verdict(report)


def _tell_verdict(report: ModelReport) -> None:
    tell_without_vector(report.without_vector, report.model)
    if isinstance(report, NetworkReport) and not report.apart:
        click.echo(
            "The pictures held out also chose the epoch, so its figures are a little too good: for figures "
            "to rely on, keep others back with --where"
        )
    if not report.default:
        click.echo(
            f"{report.model} is not made the default, since {_why_not(report)}. "
            f"`lookalike models use {report.model}` would do that"
        )
        return
    click.echo(f"{report.model} is better: the collection is searched with it from now on")
    back = f"`lookalike models use {report.compared.partition(', ')[0]}` goes back"
    if isinstance(report, UnlabelledReport):
        click.echo(
            f"That goes for copies: such a model usually finds less well what only looks alike, which "
            f"`lookalike evaluate --label COLUMN` measures with labels; {back}"
        )
    elif isinstance(report, LabelledReport) and report.unlabelled and not report.unlabelled_after:
        click.echo(
            f"That goes for the {many(report.unlabelled, 'picture')} of which nothing is known, too; "
            f"how well these are found was not measured: {back}"
        )


def _why_not(report: ModelReport) -> str:
    counts = "recall@fmr" if isinstance(report, UnlabelledReport) else "map@r"
    reasons: dict[Verdict, str] = {
        "better": "pictures would drop out of the search, though it is better"
        if report.without_vector
        else f"it is better than {report.compared}, but was not compared with what is searched now",
        "chance": f"{counts} has not risen by more than chance explains",
        "recall": "recall@1 has fallen",
        "copies": "edited copies of pictures of which nothing is known are found less well",
        "seen": "the two cannot be compared: one of them, or what it is made of, has learned from the "
        "pictures held out, so its figures are too good (keep others back with --where, and search for them "
        "with `lookalike evaluate --queries` and both models)",
    }
    return reasons[report.verdict]


def _details(report: ModelReport) -> str:
    if isinstance(report, TrainReport):
        return f"{report.dimension} numbers a picture"
    assert isinstance(report, NetworkReport)
    kept = f"epoch {report.best_epoch:.3g} of {report.epochs:.3g} is kept"
    if not report.best_epoch:
        kept = f"of {report.epochs:.3g} epochs none was better than the network as it was, which is kept"
    return f"{kept}; learning curve: {visible(report.curve)}"


def _left_out(report: LabelledReport) -> list[str]:
    texts: list[tuple[Any, str]] = [
        (report.unlabelled, f"{many(report.unlabelled, 'picture')} of which nothing is known left out"),
        (report.alone, f"{many(report.alone, 'picture')} the only one of its kind"),
        (report.unmatched, f"{many(len(report.unmatched), 'name')} in the table not in the collection"),
    ]
    return [text for number, text in texts if number]
