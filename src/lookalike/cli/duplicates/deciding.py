"""`lookalike duplicates distinct`: say once and for all that pictures are no copies of each other."""

from __future__ import annotations

import click

from lookalike.cli.options import collection_option, open_collection
from lookalike.cli.search import asked
from lookalike.cli.terminal import many


@click.command(short_help="Remember that pictures are no copies of each other.")
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE PICTURE...")
@click.option("--forget", is_flag=True, help="Take such a decision back.")
@collection_option
def distinct(pictures: tuple[str, ...], forget: bool, collection: str | None) -> None:
    """Remember that none of these pictures is a copy of another one of them.

    They are not grouped any more, nor removed for each other's sake, also after the collection was
    brought up to date. PICTURE is the path of an indexed picture, or id:NUMBER.
    """
    if len(pictures) < 2:
        raise click.UsageError("name at least two pictures")
    if "-" in pictures:
        raise click.UsageError("a picture of the collection is named by its path or id:NUMBER")
    chosen = [number if isinstance(number := asked(name), int) else name for name in pictures]
    with open_collection(collection) as gallery:
        pairs = gallery.distinct(chosen, forget=forget)
    done = "Forgotten" if forget else "Remembered"
    click.echo(f"{done}: no copies of each other, {many(pairs, 'pair')} of pictures")
