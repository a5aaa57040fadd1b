"""`lookalike cluster`: the groups that a collection falls into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lookalike.cli.options import collection_option, json_option, model_options, open_collection
from lookalike.cli.terminal import console, echo_json, many, plain_table, short_path, stage_bar, visible

if TYPE_CHECKING:
    from lookalike.results import Agreement, Cluster, Clusters

SHOWN = 40
"""Clusters that the table has at most."""


NOT_KEPT = "Not kept: another process is writing to the collection, or it cannot be written to."


@click.command(short_help="See which groups the pictures fall into.")
@click.option(
    "--method",
    type=click.Choice(["communities", "kmeans"]),
    help="communities find the number themselves; kmeans takes -k.  [default: communities, kmeans with -k]",
)
@click.option("-k", "k", type=click.IntRange(min=1), metavar="N", help="So many clusters, by k-means.")
@click.option(
    "--level",
    type=click.IntRange(1, 5),
    metavar="L",
    help="From 1, coarse, to 5, fine; each cluster lies within a coarser one.  [default: 3]",
)
@click.option("--by", metavar="COLUMN", help="Clusters within the pictures of each value of COLUMN.")
@click.option(
    "--blend",
    multiple=True,
    metavar="COLUMN=W",
    help="Equal values pull together, with a weight from 0 to 1; may be repeated.",
)
@click.option("--where", metavar="EXPR", help="Only pictures that match, e.g. 'in_stock'.")
@model_options
@collection_option
@json_option
def cluster(
    method: str | None,
    k: int | None,
    level: int | None,
    by: str | None,
    blend: tuple[str, ...],
    where: str | None,
    model: str | None,
    output: str | None,
    runtime: str | None,
    collection: str | None,
    as_json: bool,
) -> None:
    """Find the groups that the pictures fall into by their looks.

    The clusters are kept with the collection, in place of those before, and can be asked for:
    search --where 'cluster == 12'. Pictures that are like no others are noise, which is cluster -1.

    \b
      lookalike cluster                          which groups are there?
      lookalike cluster --level 1                fewer, larger ones; 5 for many small ones
      lookalike cluster -k 12                    twelve, by k-means
      lookalike cluster --by category            within each category
      lookalike cluster --blend category=0.3     what is known pulls, without ruling
    """  # noqa: D301 - \b is a character that keeps click from filling the lines
    _check(method, k)
    with open_collection(collection, model, output, runtime) as pictures, stage_bar() as progress:
        found = pictures.clusters(
            k,
            level=level,
            by=by,
            blend=dict(map(_weight, blend)),
            where=where,
            progress=progress,
        )
    if as_json:
        echo_json(found)
    else:
        _show(found)
    if not found.kept:
        click.echo(
            "Not kept: another process is writing to the collection, or it cannot be written to.", err=True
        )


def _check(method: str | None, k: int | None) -> None:
    if method == "kmeans" and k is None:
        raise click.UsageError("--method kmeans needs the number of clusters: -k N")
    if method == "communities" and k is not None:
        raise click.UsageError("communities find their number themselves: -k goes with --method kmeans")


def _weight(text: str) -> tuple[str, float]:
    column, sign, weight = text.rpartition("=")
    try:
        if sign and column:
            return column, float(weight)
    except ValueError:
        pass
    raise click.UsageError(f"--blend takes COLUMN=WEIGHT, such as category=0.3; got {text!r}")


def _show(found: Clusters) -> None:
    out = console()
    if found.clusters:
        table = plain_table(
            ("", "right"), ("pictures", "right"), ("cohesion", "right"), ("label", "left"), ("medoid", "fold")
        )
        for one in found.clusters[:SHOWN]:
            table.add_row(
                str(one.id), f"{one.size:,}", f"{one.cohesion:.2f}", _label(one), short_path(one.medoid)
            )
        out.print(table)
        if len(found.clusters) > SHOWN:
            out.print(f"… and {len(found.clusters) - SHOWN:,} smaller ones")
        out.print()
    out.print(_summary(found), soft_wrap=True)
    for agreement in found.agreements:
        out.print(_agreement(agreement), soft_wrap=True)


def _label(one: Cluster) -> str:
    return f"{visible(one.label)} {one.share:.0%}" if one.share is not None else ""


def _summary(found: Clusters) -> str:
    how = "by k-means" if found.level is None else f"on level {found.level}"
    noise = f", {len(found.noise):,} in none" if found.noise else ""
    return f"{many(found.images, 'picture')}: {many(len(found.clusters), 'cluster')} {how}{noise}"


def _agreement(one: Agreement) -> str:
    return (
        f"agreement with {visible(one.column)}: AMI {one.ami_before:.3f} → {one.ami:.3f}, "
        f"ARI {one.ari_before:.3f} → {one.ari:.3f} (by looks alone → with what is known)"
    )
