"""`lookalike info`: what is in a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lookalike.cli.options import collection_option, json_option, open_collection
from lookalike.cli.terminal import console, echo_json, many, plain_table, short_path

if TYPE_CHECKING:
    from lookalike.results import CollectionInfo, Grouping, ModelInfo


@click.command(short_help="Show what is in a collection.")
@click.option("--failures", is_flag=True, help="List the files that could not be used, each with its reason.")
@collection_option
@json_option
def info(failures: bool, collection: str | None, as_json: bool) -> None:
    """Show what is in a collection: pictures, failures, models, size, how it is searched."""
    with open_collection(collection) as pictures:
        if failures:
            for failure in pictures.failures():
                if as_json:
                    echo_json(failure)
                else:
                    click.echo(f"{short_path(failure.path)}: {failure.reason}")
            return
        facts = pictures.info()
    if as_json:
        echo_json(facts)
    else:
        _show(facts)


def _show(facts: CollectionInfo) -> None:
    table = plain_table(("", "left"), ("", "fold"))
    table.show_header = False
    for name, value in _rows(facts):
        table.add_row(name, value)
    console().print(table)


def _rows(facts: CollectionInfo) -> list[tuple[str, str]]:
    missing = f", {facts.missing:,} of them missing" if facts.missing else ""
    unusable = f"{facts.failed:,} (list: lookalike info --failures)" if facts.failed else "none"
    rows = [
        ("collection", short_path(facts.collection)),
        ("pictures", f"{facts.images:,}{missing}"),
        ("unusable files", unusable),
        ("metadata", ", ".join(f"{name} ({kind})" for name, kind in facts.columns.items()) or "none"),
    ]
    if facts.clusters:
        rows.append(("clusters", _clusters(facts.clusters)))
    for model in facts.models:
        how = f"{model.model}, {model.output}, {model.dimension} numbers, {model.runtime}"
        rows.append(("model", f"{how}: {many(model.vectors, 'vector')}"))
        rows.append(("search", _how_searched(model)))
    rows.append(("size", _size(facts)))
    return rows


def _clusters(kept: Grouping) -> str:
    how = "k-means" if kept.level is None else f"level {kept.level}"
    noise = f", {kept.noise:,} in none" if kept.noise else ""
    new = f"; {kept.new:,} not looked at (lookalike cluster --update)" if kept.new else ""
    return f"{kept.clusters:,} of {many(kept.images, 'picture')} ({how}){noise}{new}"


def _how_searched(model: ModelInfo) -> str:
    if model.index == "exact":
        return "exact: compares with every picture"
    recall = "not measured yet" if model.recall is None else f"{model.recall:.3f}"
    return f"{model.index}, recall@10 {recall} (--exact compares with every picture)"


def _size(facts: CollectionInfo) -> str:
    whole = f"{human(facts.bytes)}, {human(facts.bytes_per_image)} a picture"
    return f"{whole}; the files take {human(facts.picture_bytes)}, {facts.smaller:.1f} times as much"


def human(size: float) -> str:
    """Bytes for people.

    >>> human(2_300_000)
    '2.3 MB'
    """
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.0f} bytes" if units[0] == "bytes" else f"{size:.1f} {units[0]}"
