"""`lookalike remove`: take pictures out of a collection."""

from __future__ import annotations

import click

from lookalike.cli.options import collection_option, json_option, open_collection
from lookalike.cli.search import asked
from lookalike.cli.terminal import echo_json, many, short_path


@click.command(short_help="Take pictures out of a collection; files are not touched.")
@click.argument("pictures", nargs=-1, metavar="[PICTURE...]")
@click.option("--missing", is_flag=True, help="All pictures whose files have vanished.")
@click.option("--where", metavar="EXPR", help="All pictures whose metadata match.")
@collection_option
@json_option
def remove(
    pictures: tuple[str, ...], missing: bool, where: str | None, collection: str | None, as_json: bool
) -> None:
    """Take pictures out of a collection. The files themselves are never touched.

    PICTURE is the path of an indexed picture, id:NUMBER, or a folder with all pictures in it; the
    folder need not exist any more.
    """
    if not (pictures or missing or where is not None):
        raise click.UsageError("name pictures, or use --missing or --where")
    if "-" in pictures:
        raise click.UsageError("a picture to remove is named by its path or id:NUMBER")
    with open_collection(collection) as gallery:
        chosen = [number if isinstance(number := asked(name), int) else name for name in pictures]
        removed = gallery.remove(chosen, where=where, missing=missing)
    if as_json:
        echo_json({"removed": removed})
        return
    for path in removed:
        click.echo(short_path(path))
    click.echo(f"{many(len(removed), 'picture')} removed from the collection; no file was touched", err=True)
