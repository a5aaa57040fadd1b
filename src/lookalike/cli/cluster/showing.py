"""Clusters and representatives as tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.cli.terminal import console, many, plain_table, short_path, visible

if TYPE_CHECKING:
    from lookalike.results import Agreement, Cluster, Clusters, Representatives

SHOWN = 40
"""Clusters that the table has at most."""

NONE = "No clusters: no three pictures are more like each other than like the rest."


def clusters(found: Clusters, own: bool) -> None:
    """The largest clusters, and a summary.

    Args:
        found: the clusters.
        own: whether the metadata have a column `cluster`, which is what filters then mean.
    """
    out = console()
    if found.clusters:
        table = plain_table(
            ("", "right"),
            ("pictures", "right"),
            ("cohesion", "right"),
            ("near", "right"),
            ("label", "left"),
            ("medoid", "fold"),
        )
        for one in found.clusters[:SHOWN]:
            near = str(one.nearest[0].id) if one.nearest else ""
            table.add_row(
                str(one.id),
                f"{one.size:,}",
                f"{one.cohesion:.2f}",
                near,
                labelled(one),
                short_path(one.medoid),
            )
        out.print(table)
        if len(found.clusters) > SHOWN:
            out.print(f"… and {len(found.clusters) - SHOWN:,} smaller ones: --json and --csv have all")
        out.print()
    else:
        out.print(NONE, soft_wrap=True)
    out.print(summary(found), soft_wrap=True)
    for agreement in found.agreements:
        out.print(agreed(agreement), soft_wrap=True)
    if found.kept and own:
        out.print("Filters mean your own column cluster: rename it to ask for these", soft_wrap=True)
    elif found.clusters and found.kept:
        out.print(f"Search one: lookalike search PICTURE --where 'cluster == {found.clusters[0].id}'")


def labelled(one: Cluster) -> str:
    """The label of a cluster and how many of its pictures it is true for."""
    return f"{visible(one.label)} {one.share:.0%}" if one.share is not None else ""


def summary(found: Clusters) -> str:
    """What was found, in a line."""
    how = "by k-means" if found.level is None else f"on level {found.level}"
    if found.k is not None and len(found.clusters) < found.k:
        how += f", not {found.k:,}: too few pictures differ"
    noise = f", {many(len(found.noise), 'picture')} in none" if found.noise else ""
    added = f"; {many(found.added, 'picture')} new" if found.added else ""
    return f"{many(found.images, 'picture')}: {many(len(found.clusters), 'cluster')} {how}{noise}{added}"


def agreed(one: Agreement) -> str:
    """How well clusters agree with a column, before and after."""
    return (
        f"Agreement with {visible(one.column)}: AMI {one.ami_before:.3f} by looks alone, {one.ami:.3f} now; "
        f"ARI {one.ari_before:.3f}, {one.ari:.3f} now"
    )


def representatives(found: Representatives, asked: int) -> None:
    """The pictures, and how well they cover the collection."""
    out = console()
    table = plain_table(("", "right"), ("covers", "right"), ("reached", "right"), ("path", "fold"))
    for one in found.representatives:
        table.add_row(str(one.rank), f"{one.covers:,}", f"{one.reached:.3f}", short_path(one.path))
    out.print(table)
    out.print()
    out.print(covered(found), soft_wrap=True)
    if len(found.representatives) < asked:
        out.print("All others are the same as one of these.")


def covered(found: Representatives) -> str:
    """How well representatives cover the collection, in a line."""
    return (
        f"{many(len(found.representatives), 'picture')} for {found.images:,}: every one has a similarity of "
        f"at least {found.similarity:.3f} to the nearest of them (coverage radius {found.radius:.3f})"
    )
