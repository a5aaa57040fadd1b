"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from lookalike.collection import Collection

Command = TypeVar("Command", bound=Callable[..., Any])

collection_option = click.option(
    "-c",
    "--collection",
    metavar="DIR",
    help="Directory of the collection.  [default: $LOOKALIKE_COLLECTION, else .lookalike]",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON and nothing else on standard output."
)


def threads_option(what: str) -> Callable[[Command], Command]:
    """`--threads`.

    Args:
        what: is done so many times at once, for the help.
    """
    return click.option(
        "--threads",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"{what}.  [default: one a processor]",
    )


def model_options(command: Command) -> Command:
    """`--model`, `--output` and `--runtime`: whose vectors to use."""
    for decorator in (
        click.option(
            "--runtime", type=click.Choice(["onnxruntime", "openvino"]), help="What runs the model."
        ),
        click.option(
            "--output", metavar="NAME", help="Which of the model's outputs to use (see `lookalike models`)."
        ),
        click.option("--model", metavar="NAME", help="A model's name, or the path of its ONNX file."),
    ):
        command = decorator(command)
    return command


def open_collection(
    directory: str | None, model: str | None = None, output: str | None = None, runtime: str | None = None
) -> Collection:
    """The collection the options name."""
    from lookalike.collection import Collection

    return Collection.open(directory, model=model, output=output, runtime=runtime)
