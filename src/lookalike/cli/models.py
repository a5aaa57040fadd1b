"""`lookalike models`: list, show and fetch models."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lookalike.cli.options import json_option
from lookalike.cli.terminal import console, echo_json, plain_table

if TYPE_CHECKING:
    from lookalike.models import Card


@click.group(invoke_without_command=True, short_help="List, show and fetch models.")
@click.pass_context
@json_option
def models(context: click.Context, as_json: bool) -> None:
    """List the models that can be used; `show` and `fetch` do more.

    A model of your own is an ONNX file with a card beside it and is named by its path.
    """
    if context.invoked_subcommand is not None:
        return
    from lookalike.models import available, models_folder

    cards = available()
    if as_json:
        echo_json([_facts(card) for card in cards])
        return
    table = plain_table(("model", "left"), ("outputs", "fold"), ("here", "left"), ("", "fold"))
    for card in cards:
        outputs = ", ".join(f"{name} ({output.dimension})" for name, output in card.outputs.items())
        table.add_row(card.name, outputs, "yes" if is_here(card) else "no", card.summary)
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


def is_here(card: Card) -> bool:
    """Whether the model's file is on this machine."""
    from lookalike.models import models_folder

    return any((folder / card.file).is_file() for folder in (card.path.parent, models_folder()))


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
    }
