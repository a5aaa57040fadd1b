"""`lookalike cluster`: what is asked, and where the answer goes."""

from __future__ import annotations

from typing import Any

import click

from lookalike.cli.cluster import covering, groups
from lookalike.cli.options import collection_option, model_options, open_collection
from lookalike.cli.outputs import check_outputs, deliver, output_options
from lookalike.cli.terminal import stage_bar, visible


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
@click.option("--update", is_flag=True, help="Put new pictures into the clusters there are; the others stay.")
@click.option(
    "--representatives",
    type=click.IntRange(min=1),
    metavar="N",
    help="Instead of clusters, N pictures that cover all others.",
)
@model_options
@collection_option
@output_options
def cluster(
    method: str | None,
    k: int | None,
    level: int | None,
    by: str | None,
    blend: tuple[str, ...],
    where: str | None,
    update: bool,
    representatives: int | None,
    model: str | None,
    output: str | None,
    runtime: str | None,
    collection: str | None,
    csv: str | None,
    html: str | None,
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
      lookalike cluster --update                 new pictures go to the clusters there are
      lookalike cluster --representatives 20     twenty pictures that cover all others
      lookalike cluster --html groups.html       look at them
    """  # noqa: D301 - \b is a character that keeps click from filling the lines
    asked = {"--method": method, "-k": k, "--level": level, "--by": by, "--blend": blend}
    _check_together(asked, where, update, representatives)
    weights = dict(map(_weight, blend))
    columns = groups.COLUMNS if representatives is None else covering.COLUMNS
    check_outputs(html=html, csv=csv, columns=columns)
    not_kept = ""
    with open_collection(collection, model, output, runtime) as pictures:
        with stage_bar() as progress:
            if representatives is not None:
                some = pictures.representatives(representatives, where=where, progress=progress)
                answer = covering.answer(some, representatives)
            else:
                found = (
                    pictures.update_clusters(progress=progress)
                    if update
                    else pictures.clusters(
                        k, level=level, by=by, blend=weights, where=where, progress=progress
                    )
                )
                answer = groups.answer(found, own="cluster" in pictures.gallery.columns())
                not_kept = found.not_kept
        deliver(answer, pictures, csv=csv, html=html, as_json=as_json)
    if not_kept:
        click.echo(f"Not kept: {visible(not_kept)}", err=True)


def _check_together(
    asked: dict[str, Any], where: str | None, update: bool, representatives: int | None
) -> None:
    method, k = asked["--method"], asked["-k"]
    given = [name for name, value in asked.items() if value]
    if representatives is not None and (given or update):
        raise click.UsageError(f"--representatives finds no clusters: leave out {[*given, '--update'][0]}")
    if update and (given or where):
        raise click.UsageError(
            f"--update goes by how the clusters were found: leave out {[*given, '--where'][0]}"
        )
    if method == "kmeans" and k is None:
        raise click.UsageError("--method kmeans needs the number of clusters: -k N")
    if method == "communities" and k is not None:
        raise click.UsageError("communities find their number themselves: -k goes with --method kmeans")
    unfit = [name for name in given if name in ("--level", "--by", "--blend")]
    if k is not None and unfit:
        raise click.UsageError(f"k-means has no {unfit[0]}: leave it out, or leave out -k")


def _weight(text: str) -> tuple[str, float]:
    column, sign, weight = text.rpartition("=")
    try:
        if sign and column and 0 <= float(weight) <= 1:
            return column, float(weight)
    except ValueError:
        pass
    raise click.UsageError(
        f"--blend takes COLUMN=WEIGHT with a weight from 0 to 1, such as category=0.3; got {text!r}"
    )
