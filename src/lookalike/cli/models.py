"""`lookalike models`: list, show, fetch, use, remove, export and import models."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lookalike.cli.options import collection_option, json_option, open_collection
from lookalike.cli.switching import left_behind, searched, tell_left, tell_without_vector
from lookalike.cli.terminal import console, echo_json, plain_table, short_path, visible

if TYPE_CHECKING:
    from lookalike.models import Card
    from lookalike.models.unfinished import Unfinished


@click.group(invoke_without_command=True, short_help="List, show, use, remove, export and import models.")
@click.pass_context
@json_option
def models(context: click.Context, as_json: bool) -> None:
    """List the models that can be used; the commands below do more.

    A model of your own is an ONNX file with a card beside it and is named by its path. Trainings that
    have not ended are listed, too: the command that began one goes on with it, and
    `lookalike models remove` puts it away.
    """
    if context.invoked_subcommand is not None:
        return
    from lookalike.models import available, models_folder, unfinished

    cards, begun = available(), unfinished.unfinished()
    if as_json:
        echo_json([*map(_facts, cards), *map(_begun_facts, begun)])
        return
    table = plain_table(("model", "left"), ("outputs", "fold"), ("here", "left"), ("", "fold"))
    for card in cards:
        outputs = ", ".join(f"{name} ({output.dimension})" for name, output in card.outputs.items())
        table.add_row(card.name, outputs, "yes" if is_here(card) else "no", card.summary)
    for training in begun:
        table.add_row(training.name, "", "no", _stands(training))
    console().print(table)
    click.echo(f"\nYour own models belong in {models_folder()}", err=True)


@models.command(short_help="Show a model's card.")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show a model's card: where it comes from, what it expects, what it gives."""
    from lookalike.models import find

    card = find(name)
    if as_json:
        echo_json(_facts(card))
    else:
        # Reference vectors are long, and nothing to people.
        lines = card.path.read_text(encoding="utf-8").splitlines()
        click.echo("\n".join(line for line in lines if not line.startswith("reference =")))


@models.command(short_help="Download a model named by a card with a [hub] section.")
@click.argument("name")
def fetch(name: str) -> None:
    """Download a model's file and verify it against its card.

    NAME is the path of a card, or the name of one in your model folder, with a [hub] section.
    Nothing else in lookalike uses the network.
    """
    from lookalike.models import fetch as fetch_model
    from lookalike.models import find

    def progress(done: int, total: int | None) -> None:
        if sys.stderr.isatty():
            of = f" of {total / 1e6:,.0f}" if total else ""
            click.echo(f"\r{done / 1e6:,.0f}{of} MB", nl=False, err=True)

    path = fetch_model(find(name), progress)
    if sys.stderr.isatty():
        click.echo(err=True)
    click.echo(path)


@models.command(short_help="Search a collection with this model from now on.")
@click.argument("name")
@click.option("--output", metavar="NAME", help="Which of the model's outputs.")
@click.option("--runtime", type=click.Choice(["onnxruntime", "openvino"]), help="What runs the model.")
@collection_option
@json_option
def use(name: str, output: str | None, runtime: str | None, collection: str | None, as_json: bool) -> None:
    """Search a collection with this model from now on, unless another one is named.

    Vectors that the collection lacks are made first, without reading pictures where an adapter maps
    those of its base. Pictures that it can neither map nor read are not found with it: how many is said.
    Then every search changes over at once; the other vectors stay, and `lookalike models use` with the
    former name goes back. Clusters, map and calibration belong to a model: which of them are to be made
    again is said.
    """
    with open_collection(collection) as pictures:
        before = searched(pictures)
        used = pictures.use(name, output, runtime)
        left = left_behind(pictures, before)
    directory = str(pictures.directory)
    if as_json:
        echo_json({**asdict(used), "collection": directory, "left_behind": left})
    else:
        click.echo(f"{short_path(directory)} is searched with {visible(used.model)}, output {used.output}")
        tell_without_vector(used.without_vector, used.model)
        tell_left(left)


@models.command(short_help="Take a model of your own, or a training, out of use.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def remove(name: str, yes: bool, as_json: bool) -> None:
    """Take a model of your own out of use, or a training that has not ended.

    Its card and files are moved to the folder `removed` of your model folder, and can be moved back.
    Collections keep its vectors, but cannot embed new pictures with it. Of a training that was interrupted
    the folder NAME.training is moved; moved back, it goes on.
    """
    from lookalike.models import models_folder, storing

    paths = storing.removable(name)
    if not yes:
        for path in paths:
            click.echo(short_path(str(path)), err=True)
        if not _agreed(f"Move these to {models_folder() / 'removed'}?"):
            click.echo("Nothing was done.", err=True)
            raise click.exceptions.Exit(1)
    place = storing.remove(name)
    if as_json:
        echo_json({"model": name, "to": str(place)})
    else:
        click.echo(f"{name} is in {place} now")


@models.command(short_help="Write a model with all its files into one file.")
@click.argument("name")
@click.argument("file")
@json_option
def export(name: str, file: str, as_json: bool) -> None:
    """Write a model with all its files into one file, to hand to a colleague or a server.

    `lookalike models import FILE` takes it in there. Nothing is overwritten.
    """
    from pathlib import Path

    from lookalike.models import find, storing

    card = find(name)
    storing.export(card, Path(file))
    if as_json:
        echo_json({"model": card.name, "file": file, "bytes": Path(file).stat().st_size})
    else:
        click.echo(f"Wrote {file}: {card.name}, {Path(file).stat().st_size / 1e6:.1f} MB")


@models.command("import", short_help="Take in a model that was exported.")
@click.argument("file")
@json_option
def import_(file: str, as_json: bool) -> None:
    """Take in a model that was exported: each file is verified against the card.

    Nothing is overwritten: when there is another model of that name, nothing is done.
    """
    from pathlib import Path

    from lookalike.models import storing

    card = storing.take_in(Path(file))
    if as_json:
        echo_json(_facts(card))
    else:
        click.echo(f"{card.name} can be used now: {card.summary}" if card.summary else card.name)


def _agreed(question: str) -> bool:
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo(err=True)
        raise click.UsageError("nobody answered: use --yes where there is no terminal") from None


def is_here(card: Card) -> bool:
    """Whether the model's file is on this machine."""
    from lookalike.models import BUILT_IN, models_folder

    return any((folder / card.file).is_file() for folder in (card.path.parent, models_folder(), BUILT_IN))


def _facts(card: Card) -> dict[str, object]:
    return {
        "name": card.name,
        "summary": card.summary,
        "here": is_here(card),
        "outputs": {
            name: {"dimension": o.dimension, "summary": o.summary} for name, o in card.outputs.items()
        },
        "licence": card.licence,
        "attribution": card.attribution,
        "source": card.source,
        "sha256": card.sha256,
        "card": str(card.path),
        "training": None,
    }


def _begun_facts(training: Unfinished) -> dict[str, object]:
    """Of a training the same names as of a model."""
    nothing = dict.fromkeys(("licence", "attribution", "source", "sha256", "card"), "")
    return {
        "name": training.name,
        "summary": _stands(training),
        "here": False,
        "outputs": {},
        **nothing,
        "training": {
            "epoch": training.epoch,
            "epochs": training.epochs,
            "bytes": training.bytes,
            "folder": str(training.folder),
        },
    }


def _stands(training: Unfinished) -> str:
    at = f"at epoch {training.epoch:.3g} of {training.epochs}" if training.epoch else "before the first epoch"
    return f"training, stands {at} ({training.bytes / 1e6:.0f} MB)"
