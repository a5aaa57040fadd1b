"""Clusters and representatives as rows of a table and sections of a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lookalike.cli.cluster.showing import agreed, summary

if TYPE_CHECKING:
    from lookalike.reports import Section
    from lookalike.results import Cluster, Clusters, Representatives, Scalar

CLUSTER_COLUMNS = ("path", "cluster", "label", "medoid")
REPRESENTATIVE_COLUMNS = ("rank", "path", "covers", "reached")


def cluster_rows(found: Clusters) -> Iterator[tuple[Scalar, ...]]:
    """One row a picture, the most typical of a cluster first; noise last, as cluster -1."""
    for one in found.clusters:
        for path in one.members:
            yield path, one.id, one.label, path == one.medoid
    for path in found.noise:
        yield path, -1, "", False


def representative_rows(found: Representatives) -> Iterator[tuple[Scalar, ...]]:
    """One row a representative."""
    for one in found.representatives:
        yield one.rank, one.path, one.covers, one.reached


def cluster_facts(found: Clusters) -> dict[str, str]:
    """What is said at the top of the page."""
    facts = {"found": summary(found)}
    return facts | {one.column: agreed(one) for one in found.agreements}


def cluster_sections(found: Clusters) -> list[Section]:
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


def representative_sections(found: Representatives) -> list[Section]:
    """One section with all of them."""
    from lookalike.reports import Section, Shown

    shown = [Shown(one.path, badges=(f"covers {one.covers:,}",)) for one in found.representatives]
    return [Section("Pictures that cover all others", shown)]
