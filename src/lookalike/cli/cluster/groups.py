"""Clusters as table, CSV and page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from lookalike.cli.outputs import Answer, Page
from lookalike.cli.terminal import console, many, plain_table, short_path, visible

if TYPE_CHECKING:
    from rich.table import Table

    from lookalike.reports import Section
    from lookalike.results import Agreement, Cluster, Clusters, Scalar

COLUMNS = ("path", "cluster", "label", "medoid")

SHOWN = 40
"""Clusters that the table has at most."""

NONE = "No clusters: no three pictures are more like each other than like the rest."


def answer(found: Clusters, *, own: bool) -> Answer:
    """What was found, as it is shown.

    Args:
        found: the clusters.
        own: whether the metadata have a column `cluster`, which is what filters then mean.
    """
    page = Page("Clusters", partial(_sections, found), facts=_facts(found), empty=NONE)
    return Answer(found, partial(_show, found, own=own), COLUMNS, partial(_rows, found), page)


def _rows(found: Clusters) -> Iterator[tuple[Scalar, ...]]:
    """One row a picture, the most typical of a cluster first; noise last, as cluster -1."""
    for one in found.clusters:
        for path in one.members:
            yield path, one.id, one.label, path == one.medoid
    for path in found.noise:
        yield path, -1, "", False


def _show(found: Clusters, *, own: bool) -> None:
    """The largest clusters, and a summary, on the terminal."""
    out = console()
    if found.clusters:
        out.print(_table(found.clusters[:SHOWN]))
        if len(found.clusters) > SHOWN:
            out.print(f"… and {len(found.clusters) - SHOWN:,} smaller ones: --json and --csv have all")
        out.print()
    else:
        out.print(NONE, soft_wrap=True)
    for text in (_summary(found), *map(_agreed, found.agreements)):
        out.print(text, soft_wrap=True)
    if found.kept and own:
        out.print("Filters mean your own column cluster: rename it to ask for these", soft_wrap=True)
    elif found.clusters and found.kept:
        out.print(f"Search one: lookalike search PICTURE --where 'cluster == {found.clusters[0].id}'")


def _table(some: Sequence[Cluster]) -> Table:
    table = plain_table(
        ("", "right"),
        ("pictures", "right"),
        ("cohesion", "right"),
        ("near", "right"),
        ("label", "left"),
        ("medoid", "fold"),
    )
    for one in some:
        near = str(one.nearest[0].id) if one.nearest else ""
        numbers = (str(one.id), f"{one.size:,}", f"{one.cohesion:.2f}", near)
        table.add_row(*numbers, _labelled(one), short_path(one.medoid))
    return table


def _labelled(one: Cluster) -> str:
    """The label of a cluster and how many of its pictures it is true for."""
    return f"{visible(one.label)} {one.share:.0%}" if one.share is not None else ""


def _summary(found: Clusters) -> str:
    """What was found, in a line."""
    how = "by k-means" if found.level is None else f"on level {found.level}"
    if found.k is not None and len(found.clusters) < found.k:
        how += f", not {found.k:,}: too few pictures differ"
    noise = f", {many(len(found.noise), 'picture')} in none" if found.noise else ""
    added = f"; {many(found.added, 'picture')} new" if found.added else ""
    return f"{many(found.images, 'picture')}: {many(len(found.clusters), 'cluster')} {how}{noise}{added}"


def _agreed(one: Agreement) -> str:
    """How well clusters agree with a column, before and after."""
    return (
        f"Agreement with {visible(one.column)}: AMI {one.ami_before:.3f} by looks alone, {one.ami:.3f} now; "
        f"ARI {one.ari_before:.3f}, {one.ari:.3f} now"
    )


# --- the page -------------------------------------------------------------------------------


def _facts(found: Clusters) -> dict[str, str]:
    """What is said at the top of the page."""
    facts = {"found": _summary(found)}
    return facts | {one.column: _agreed(one) for one in found.agreements}


def _sections(found: Clusters) -> list[Section]:
    """A section for each cluster, the medoid first, and one for the noise."""
    from lookalike.reports import Section, Shown

    names = {one.id: _name(one) for one in found.clusters}
    sections = []
    for one in found.clusters:
        shown = [Shown(path, mark="medoid" if path == one.medoid else "") for path in one.members]
        facts = {"cohesion": f"{one.cohesion:.2f}"}
        if one.share is not None:
            facts["label"] = f"{one.column} is {one.label} for {one.share:.0%}"
        if one.nearest:
            facts["near"] = ", ".join(names[near.id] for near in one.nearest)
        sections.append(Section(names[one.id], shown, facts=facts))
    if found.noise:
        alone = "Pictures with no dense neighbourhood, or with fewer than two others."
        sections.append(Section("In no cluster", [Shown(path) for path in found.noise], note=alone))
    return sections


def _name(one: Cluster) -> str:
    return f"{one.id} · {one.label}" if one.label else f"Cluster {one.id}"
