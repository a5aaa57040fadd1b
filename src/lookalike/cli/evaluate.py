"""`lookalike evaluate`: how well a model finds what belongs together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import click

from lookalike.cli.options import collection_option, json_option, open_collection
from lookalike.cli.outputs import check_outputs, write_csv, write_gallery
from lookalike.cli.taught import tell_learned
from lookalike.cli.terminal import console, echo_json, many, plain_bar, plain_table, visible

if TYPE_CHECKING:
    from lookalike.collection import Collection
    from lookalike.gallery.base import Space
    from lookalike.reports import Section
    from lookalike.results import ClassFigures, Evaluation, JudgedQuery, Scalar

CLASSES_SHOWN = 10
WITH_INTERVALS = 150  # columns of a window in which the intervals fit
CSV_COLUMNS = ("model", "output", "label", "queries")
FIGURES = ("recall@1", "recall@5", "recall@10", "precision@10", "map@r")


@click.command(short_help="Measure how well a model finds what belongs together.")
@click.option("--label", metavar="COLUMN", help="Pictures with the same value here belong together.")
@click.option("--pairs", metavar="FILE", help="A table of pictures that belong together.")
@click.option(
    "--consistency",
    is_flag=True,
    help="Instead measure how much saving again, resizing and mirroring move similarities.",
)
@click.option("--queries", metavar="EXPR", help="Only these pictures are searched for.")
@click.option("--gallery", metavar="EXPR", help="Only these pictures are searched.")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Whose vectors; several are compared.")
@click.option(
    "--output", "outputs", multiple=True, metavar="NAME", help="Which output; several are compared."
)
@click.option("--runtime", type=click.Choice(["onnxruntime", "openvino"]), help="What ran the model.")
@click.option(
    "--worst", type=click.IntRange(min=0), default=24, show_default=True, metavar="N",
    help="How many of the worst queries --html and --json tell.",
)  # fmt: skip
@click.option("--html", metavar="FILE", help="Also write a page with the worst queries.")
@click.option("--csv", metavar="FILE", help="Also write a table with a row for each class.")
@collection_option
@json_option
def evaluate(
    label: str | None,
    pairs: str | None,
    consistency: bool,
    queries: str | None,
    gallery: str | None,
    models: tuple[str, ...],
    outputs: tuple[str, ...],
    runtime: str | None,
    worst: int,
    html: str | None,
    csv: str | None,
    collection: str | None,
    as_json: bool,
) -> None:
    """Measure how well a model finds what belongs together, on the pictures of the collection.

    Every picture is searched for among all others, unless --queries and --gallery say otherwise;
    itself and files with the same bytes do not count. Several models are compared on the pictures that have
    vectors of all of them. In a wide window the ends of the 95 % interval stand behind each figure.

    \b
      lookalike evaluate --label product
      lookalike evaluate --label product --queries "role == 'query'" --gallery "role == 'catalogue'"
      lookalike evaluate --label product --model shop-v2 --model efficientnet-lite0
    """  # noqa: D301 - \b is a character that keeps click from filling the lines
    chosen = _combinations(models, outputs)
    if consistency:
        if label is not None or pairs is not None:
            raise click.UsageError("--consistency needs neither --label nor --pairs")
        for model, output in chosen:
            _consistency(collection, model, output, runtime, as_json)
        return
    if (label is None) == (pairs is None):
        raise click.UsageError("give what belongs together: --label COLUMN or --pairs FILE")
    check_outputs(html=html, csv=csv, columns=[*CSV_COLUMNS, *FIGURES])
    found: list[Evaluation] = []
    sections: list[Section] = []
    beside = [_space(collection, model, output, runtime) for model, output in chosen]
    how: dict[str, Any] = {"pairs": pairs, "queries": queries, "gallery": gallery, "worst": worst}
    for model, output in chosen:
        with open_collection(collection, model, output, runtime) as pictures:
            with plain_bar() as progress:
                one = pictures.evaluate(label, **how, beside=beside, progress=progress)
            found.append(one)
            if as_json:
                echo_json(line(one))
    if not as_json:
        _show(found)
        tell_learned(found)
    if html:
        several = len(found) > 1
        sections = [_section(query, one, several) for one in found for query in one.worst]
        with open_collection(collection) as pictures:
            _write_page(html, pictures, sections, found)
    if csv:
        write_csv(csv, [*CSV_COLUMNS, *FIGURES], _rows(found))


def _combinations(models: Sequence[str], outputs: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """The models and outputs that are asked for, without outputs that a model does not have; None means
    that of the collection.

    Raises:
        ModelError: nothing is left; the message names the outputs there are.
    """
    from lookalike.errors import ModelError
    from lookalike.models import find

    chosen: list[tuple[str | None, str | None]] = []
    lacking: list[str] = []
    for model, output in product(models or (None,), outputs or (None,)):
        try:
            card = None if model is None else find(model)
        except ModelError:  # its vectors may be here all the same
            card = None
        if card and output is not None and output not in card.outputs:
            lacking.append(f"model {card.name!r} has no output {output!r}: it has {', '.join(card.outputs)}")
        else:
            chosen.append((model, output))
    if not chosen:
        raise ModelError("; ".join(lacking))
    for text in lacking:
        click.echo(f"Left out: {text}", err=True)
    return chosen


def _space(collection: str | None, model: str | None, output: str | None, runtime: str | None) -> Space:
    with open_collection(collection, model, output, runtime) as pictures:
        return pictures.space


def _consistency(
    collection: str | None, model: str | None, output: str | None, runtime: str | None, as_json: bool
) -> None:
    with open_collection(collection, model, output, runtime) as pictures, plain_bar() as progress:
        found = pictures.consistency(progress)
    if as_json:
        echo_json(found)
        return
    same = "are the stored vectors, bit for bit" if found.repeatable else "are NOT the stored vectors"
    click.echo(f"{visible(found.model)}, output {found.output}: {many(found.pictures, 'picture')}")
    click.echo(f"Embedded again they {same}\n")
    table = plain_table(
        ("changed", "left"), ("similarity", "right"), ("least", "right"),
        ("hits moved by", "right"), ("most", "right"),
    )  # fmt: skip
    for one in found.changes:
        numbers = (one.similarity, one.least, one.moved, one.most)
        table.add_row(one.name, *(f"{number:.3f}" for number in numbers))
    console().print(table)


def line(one: Evaluation) -> dict[str, Any]:
    """An evaluation as `--json` gives it: the figures stand beside the other keys."""
    from lookalike.results import as_json

    def flat(result: Evaluation | ClassFigures | JudgedQuery) -> dict[str, Any]:
        whole = as_json(result)
        figures = whole.pop("figures")
        return {**whole, **figures}

    head = {"model": one.model, "output": one.output, **one.figures}
    lists = {"classes": [flat(c) for c in one.classes], "worst": [flat(query) for query in one.worst]}
    return head | {key: value for key, value in flat(one).items() if key not in head} | lists


def _rows(found: Sequence[Evaluation]) -> Iterator[list[Scalar]]:
    for one in found:
        for group in one.classes:
            figures = [group.figures[name] for name in FIGURES]
            yield [one.model, one.output, group.label, group.queries, *figures]


# --- the terminal ----------------------------------------------------------------------------


def _show(found: Sequence[Evaluation]) -> None:
    out = console()
    wide = out.width >= WITH_INTERVALS
    headings = [(name, "left" if wide else "right") for name in FIGURES]
    table = plain_table(("model", "left"), ("output", "left"), *headings, ("queries", "right"))
    for one in found:
        figures = [_with_interval(one, name) if wide else f"{one.figures[name]:.3f}" for name in FIGURES]
        table.add_row(visible(one.model), one.output, *figures, f"{one.queries:,}")
    out.print(table)
    for one in found:
        if one.calibration_error is not None:
            _show_reliability(one)
    for text in [*_left_out(found), *_not_compared(found)]:
        click.echo(text, err=True)
    if len(found) == 1 and len(found[0].classes) > 1:
        out.print()
        _show_classes(found[0].classes)


def _with_interval(one: Evaluation, name: str) -> str:
    low, high = one.intervals[name]
    return f"{one.figures[name]:.3f} ({low:.2f}–{high:.2f})"


def _show_reliability(one: Evaluation) -> None:
    from lookalike.cli.calibrate import diagram

    out = console()
    by = f"{visible(one.model)}, calibrated by {visible(one.calibrated_by or '')},"
    out.print(f"\nChances of {by} are off by {one.calibration_error:.3f} on average")
    diagram(one.reliability)


def _not_compared(found: Sequence[Evaluation]) -> Iterator[str]:
    for one in found:
        if one.calibrated_by is not None and one.calibration_error is None:
            yield (
                f"Chances of {visible(one.model)} were calibrated by {visible(one.calibrated_by)}, which is "
                f"another question: how true they are is not measured here"
            )


def _left_out(found: Sequence[Evaluation]) -> Iterator[str]:
    """What none of the models was asked about."""
    one = found[0]
    if one.without_vector:
        whose = visible(one.model) if len(found) == 1 else "each of these models and outputs"
        yield f"{many(one.without_vector, 'picture')} without a vector of {whose} left out"
    if one.alone:
        are = "was" if one.alone == 1 else "were"
        yield f"{many(one.alone, 'picture')} {are} not searched for: nothing else belongs to them"
    if one.unlabelled:
        yield f"{many(one.unlabelled, 'picture')} without a label left out"


def _show_classes(classes: Sequence[ClassFigures]) -> None:
    table = plain_table(("worst", "left"), *((name, "right") for name in FIGURES), ("queries", "right"))
    for group in classes[:CLASSES_SHOWN]:
        figures = [f"{group.figures[name]:.3f}" for name in FIGURES]
        table.add_row(visible(group.label), *figures, f"{group.queries:,}")
    console().print(table)
    if len(classes) > CLASSES_SHOWN:
        more = "class" if len(classes) == CLASSES_SHOWN + 1 else "classes"
        click.echo(f"… and {len(classes) - CLASSES_SHOWN:,} more {more}: --csv or --json has all")


# --- the page --------------------------------------------------------------------------------


def _section(query: JudgedQuery, one: Evaluation, several: bool) -> Section:
    """The query, drawn larger, and what it found."""
    from lookalike.reports import Section
    from lookalike.reports.gallery import Shown
    from lookalike.reports.page import file_name

    asked = Shown(query.path, badges=[query.label] if query.label else [], mark="query")
    found = [
        Shown(
            hit.path,
            badges=[f"{hit.similarity:.3f}", *([hit.label] if hit.label else [])],
            note="right" if hit.right else "wrong",
        )
        for hit in query.found
    ]
    first = "not among the first" if query.first is None else f"at rank {query.first}"
    facts = {"first right one": first, "AP@R": f"{query.figures['map@r']:.3f}"}
    if several:
        facts = {"model": one.model, "output": one.output, **facts}
    return Section(file_name(query.path), [asked, *found], facts=facts)


def _write_page(
    file: str, pictures: Collection, sections: Sequence[Section], found: Sequence[Evaluation]
) -> None:
    from lookalike.reports.reliability import reliability_diagram

    facts = {
        f"{one.model}, {one.output}": f"recall@1 {one.figures['recall@1']:.3f}, "
        f"MAP@R {one.figures['map@r']:.3f}, {one.queries:,} {'query' if one.queries == 1 else 'queries'}"
        for one in found
    }
    write_gallery(
        file,
        pictures,
        "The queries that went worst",
        sections,
        facts=facts,
        intro="Each query is followed by what it found first.",
        empty="No query was asked to be shown.",
        charts=[
            reliability_diagram(
                one.reliability,
                f"{one.model}, {one.output}: chances are off by {one.calibration_error:.3f} on average. "
                f"Dots below the dashed line are hits that were right less often than was said",
            )
            for one in found
            if one.calibration_error is not None
        ],
    )
