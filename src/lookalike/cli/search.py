"""`lookalike search`: find what looks like a picture."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from lookalike.cli.options import collection_option, json_option, model_options, open_collection
from lookalike.cli.outputs import check_outputs
from lookalike.cli.terminal import GAP, cell, console, echo_json, plain_table, short_path, visible
from lookalike.errors import LookalikeError, NotInCollection, PictureError, UsageError

if TYPE_CHECKING:
    from lookalike.collection import Collection
    from lookalike.comparing import Asked
    from lookalike.results import SearchResult

BAR = 8
BESIDE_PATH = 3 + GAP + len("0.000 ") + BAR + GAP  # rank and similarity
PROBABILITY = "probability"
COLUMNS_SHOWN = 6


@click.command(short_help="Find the pictures that look most like a picture.")
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@click.option(
    "-k",
    "k",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="How many to find.",
)
@click.option(
    "--where", metavar="EXPR", help="Only pictures whose metadata match, e.g. 'price < 100 and in_stock'."
)
@click.option(
    "--threshold", type=click.FloatRange(-1, 1), metavar="S", help="Least similarity, from -1 to 1."
)
@click.option(
    "--also", multiple=True, metavar="PICTURE", help="Results should look like this as well; may be repeated."
)
@click.option(
    "--against", multiple=True, metavar="PICTURE", help="Results should not look like this; may be repeated."
)
@click.option(
    "--region", metavar="X,Y,W,H", help="The part of PICTURE that matters: pixels, or shares up to 1."
)
@click.option(
    "--exact", is_flag=True, help="Compare with every picture, also where an approximate index is quicker."
)
@click.option("--include-self", is_flag=True, help="Keep PICTURE itself among the results.")
@click.option("--paths", is_flag=True, help="Print paths and nothing else, one a line.")
@click.option("--html", metavar="FILE", help="Also write a page with the pictures side by side.")
@model_options
@collection_option
@json_option
def search(
    pictures: tuple[str, ...],
    k: int,
    where: str | None,
    threshold: float | None,
    also: tuple[str, ...],
    against: tuple[str, ...],
    region: str | None,
    exact: bool,
    include_self: bool,
    paths: bool,
    html: str | None,
    model: str | None,
    output: str | None,
    runtime: str | None,
    collection: str | None,
    as_json: bool,
) -> None:
    """Find the pictures that look most like a picture.

    PICTURE is a file, the path of an indexed picture, id:NUMBER, or - for the bytes of a picture
    on standard input. Several are several searches, answered one after the other; @LIST is a file
    that names one a line. The picture itself is left out of its results.
    """
    if paths and as_json:
        raise click.UsageError("--paths and --json exclude each other")
    if (*pictures, *also, *against).count("-") > 1:
        raise click.UsageError("standard input holds one picture: use - once")
    check_outputs(html=html)
    shown: list[SearchResult] = []
    wanted = [asked(name) for name in also], [asked(name) for name in against]
    searches = failures = 0
    with open_collection(collection, model, output, runtime) as gallery:
        for name in listed(pictures):
            searches += 1
            try:
                result = gallery.search(
                    asked(name),
                    k,
                    also=wanted[0],
                    against=wanted[1],
                    region=region,
                    where=where,
                    threshold=threshold,
                    exact=exact,
                    include_self=include_self,
                )
            except (PictureError, NotInCollection) as error:
                failures += 1
                _say_failure(name, error, as_json)
                continue
            _say(result, as_json, paths)
            if html:
                shown.append(result)
        if html:
            _write_page(html, shown, gallery, {"where": where} if where else {})
    if failures == searches:
        raise click.exceptions.Exit(1)


def listed(names: Sequence[str]) -> Iterator[str]:
    """The names, and for @LIST those in the list, one a line."""
    for name in names:
        if not name.startswith("@") or os.path.lexists(name):
            yield name
            continue
        try:
            with open(name[1:], encoding="utf-8", errors="surrogateescape") as lines:
                yield from (line.rstrip("\n") for line in lines if line.strip())
        except OSError as error:
            raise UsageError(f"the list {name[1:]} cannot be read: {error.strerror}") from error


def asked(name: str) -> Asked:
    """What a PICTURE argument stands for."""
    if name == "-":
        return sys.stdin.buffer.read()
    if name.startswith("id:"):
        if not name[3:].isdecimal():
            raise UsageError(f"an indexed picture is named id:NUMBER, got {name!r}")
        return int(name[3:])
    return name


def _say_failure(name: str, error: LookalikeError, as_json: bool) -> None:
    if as_json:
        echo_json({"query": name, "error": str(error), "results": []})
        return
    nameless = isinstance(error, PictureError) and error.name is None
    place = "" if not nameless else "standard input: " if name == "-" else f"{name}: "
    click.echo(f"Error: {place}{error}", err=True)


def _say(result: SearchResult, as_json: bool, paths: bool) -> None:
    if as_json:
        echo_json(result)
    elif paths:
        for hit in result.results:
            click.echo(hit.path)
    else:
        _table(result)


def _table(result: SearchResult) -> None:
    out = console()
    out.print(f"Like {short_path(result.query)}", style="bold", soft_wrap=True)
    if not result.results:
        out.print("  nothing found: loosen --where or --threshold, or index more pictures\n")
        return
    paths = [short_path(hit.path) + (" (missing)" if hit.missing else "") for hit in result.results]
    room = out.width - BESIDE_PATH - max(map(len, paths))
    chances = _chances(result)
    room -= sum(GAP + len(heading) for heading in chances)
    columns = _columns(result, room)
    table = plain_table(
        ("", "right"), ("similarity", "left"), *((heading, "right") for heading in chances), ("path", "fold"),
        *((visible(name), "left") for name in columns),
    )  # fmt: skip
    beside = zip(result.results, *chances.values(), paths, *columns.values(), strict=True)
    for hit, *values in beside:
        bar = f" {_bar(hit.similarity)}" if room >= 0 else ""
        table.add_row(str(hit.rank), f"{hit.similarity:.3f}{bar}", *values)
    out.print(table)
    out.print()


def _chances(result: SearchResult) -> dict[str, list[str]]:
    """The column of probabilities, in a collection that is calibrated for the model; else none."""
    chances = [hit.probability for hit in result.results]
    if all(chance is None for chance in chances):
        return {}
    return {PROBABILITY: ["" if chance is None else f"{chance:.3f}" for chance in chances]}


def _columns(result: SearchResult, room: int) -> dict[str, list[str]]:
    """The metadata columns that fit beside the paths, in the order of the metadata file.

    Returns:
        For each column the cells, one a hit.
    """
    columns: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for hit in result.results for name in hit.metadata):
        cells = [cell(hit.metadata.get(name)) for hit in result.results]
        room -= GAP + max(map(len, (name, *cells)))
        if room < 0 or len(columns) == COLUMNS_SHOWN:
            break
        columns[name] = cells
    return columns


def _bar(similarity: float) -> str:
    eighths = round(max(0.0, similarity) * BAR * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + " ▏▎▍▌▋▊▉"[rest]).strip().ljust(BAR)


def _write_page(
    file: str, results: Sequence[SearchResult], gallery: Collection, facts: Mapping[str, str]
) -> None:
    from pathlib import Path

    from lookalike import reports

    page = reports.contact_sheet(results, gallery.thumbnail, "Lookalikes", facts=facts)
    reports.write_page(Path(file), page)
    click.echo(f"Wrote {file}", err=True)
